"""A network as a flat spec in the language: every step a labelled line, nothing left to look up.

`load(Source("x", flat(network)))` gives an equal network back.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.elaborate.meanings import FORMS
from cnndsl.layers import LAYERS
from cnndsl.network import LossTerm, Network, Step
from cnndsl.show.words import around, line, references, with_above

VERSION = "cnndsl 1"
INDENT = "    "


def flat(network: Network) -> str:
    """The spec's text; its last line ends."""
    writer = _Writer(network)
    lines = [
        VERSION,
        *_blocks_in_settings(network),
        _net(network),
        *(f"input {i.name} {i.shape}" for i in network.inputs),
        *writer.aliased_inputs(),
        *writer.lines(),
        f"output {' '.join(network.outputs)}",
        *([f"loss {_loss(network.loss)}"] if network.loss else []),
    ]
    return "\n".join(lines) + "\n"


def _net(network: Network) -> str:
    settings = ", ".join(f"{name}={value}" for name, value in network.settings.items())
    return f"net {network.name}({settings})" if settings else f"net {network.name}"


def _blocks_in_settings(network: Network) -> Iterator[str]:
    """A parameter's value may be a block; all that is left of it here is its name."""
    for value in network.settings.values():
        word = value.split()[0] if isinstance(value, str) else ""
        if word and word not in LAYERS and word not in FORMS:
            yield f"def {word}(): skip"


def _loss(terms: tuple[LossTerm, ...]) -> str:
    parts: list[str] = []
    for term in terms:
        settings = (f"{key}={value!r}" for key, value in term.settings.items())
        text = f"{term.function}({', '.join((*term.arguments, *settings))})"
        size = abs(term.coefficient)
        sign = "-" if term.coefficient < 0 else "+"
        if size != 1:
            text = f"{size!r}*{text}"
        if parts:
            parts.append(f" {sign} {text}")
        else:
            parts.append(text if sign == "+" else f"-{size!r}*{text.rpartition('*')[2]}")
    return "".join(parts)


class _Writer:
    """Writes the lines of the steps, those of heads in blocks."""

    def __init__(self, network: Network):
        self.network = network
        self.names = {*network.shapes, *network.heads}
        self.aliases: dict[str, str] = {}
        self._taken = {name.rpartition(".")[2] for name in self.names}
        for step in network.steps:
            self._find_hidden(step)
        used = {head for step in network.steps for head in self._around(step.head)}
        self._without_steps: dict[str | None, list[str]] = {}  # by the head that they lie in
        for head in network.heads:
            if head not in used:
                self._without_steps.setdefault(around(network, head), []).append(head)
        self.ends: dict[str | None, str | None] = {}

    # A name is looked up from the scope outwards, so that `relu1` within `block1.add1` may be
    # `block1.relu1`. A value that is hidden so gets a label of its own, by a line `label: skip`.

    def _find_hidden(self, step: Step) -> None:
        named = [(name, step.name) for name in (*references(step), *([step.shares or ""]))]
        if step.head is not None:
            named.append((step.inputs[0], step.head))
        for name, scope in named:
            if name and name not in self.aliases and self._is_hidden(name, scope):
                self.aliases[name] = self._free_name(name)

    def _is_hidden(self, name: str, scope: str) -> bool:
        while scope:
            if f"{scope}.{name}" in self.names:
                return True
            scope = scope.rpartition(".")[0]
        return False

    def _free_name(self, name: str) -> str:
        step = self.network.by_name.get(name)
        scope = f"{step.head}." if step and step.head else ""
        last = f"at_{name.replace('.', '_')}"
        while last in self._taken or last in self.network.settings:
            last += "_"
        self._taken.add(last)
        return scope + last

    def aliased_inputs(self) -> Iterator[str]:
        """Lines for inputs that need a label of their own."""
        for entry in self.network.inputs:
            if entry.name in self.aliases:
                yield f"{self.aliases[entry.name]}: skip from {entry.name}"

    def _known_as(self, name: str) -> str:
        return self.aliases.get(name, name)

    # Lines

    def lines(self) -> Iterator[str]:
        """All steps in their order."""
        open_heads: list[str] = []
        for step, above in with_above(self.network):
            heads = self._around(step.head)
            while open_heads and open_heads != heads[: len(open_heads)]:
                yield from self._close(open_heads)
            for head in heads[len(open_heads) :]:
                yield self._open(open_heads, head)
                open_heads.append(head)
                self.ends[head] = above
            self.ends[step.head] = step.name
            yield self._line(step, above)
            if step.name in self.aliases:
                alias = self._local(self.aliases[step.name], step.head)
                yield f"{INDENT * len(open_heads)}{alias}: skip"
        while open_heads:
            yield from self._close(open_heads)
        yield from self._empty_heads(None, "")

    def _around(self, head: str | None) -> list[str]:
        """A head and those that it lies in, outermost first."""
        heads: list[str] = []
        while head is not None:
            heads.insert(0, head)
            head = around(self.network, head)
        return heads

    def _line(self, step: Step, above: str | None) -> str:
        margin = INDENT * len(self._around(step.head))
        return f"{margin}{self._local(step.name, step.head)}: {line(step, above, self._known_as)}"

    def _local(self, name: str, head: str | None) -> str:
        """A label within a head leaves the head's name out."""
        return name if head is None else name.removeprefix(f"{head}.")

    def _open(self, outer: list[str], head: str) -> str:
        name = self._local(head, outer[-1] if outer else None)
        return f"{INDENT * len(outer)}head {name} train:"

    def _close(self, open_heads: list[str]) -> Iterator[str]:
        head = open_heads[-1]
        margin = INDENT * len(open_heads)
        yield from self._empty_heads(head, margin)
        end = self.network.heads[head]
        if self.ends[head] != end:
            yield f"{margin}skip from {self._known_as(end)}"
        open_heads.pop()

    def _empty_heads(self, outer: str | None, margin: str) -> Iterator[str]:
        """Heads that have no step, only a name for a value."""
        for head in self._without_steps.get(outer, ()):
            yield f"{margin}head {self._local(head, outer)} train:"
            yield f"{margin}{INDENT}skip from {self._known_as(self.network.heads[head])}"
