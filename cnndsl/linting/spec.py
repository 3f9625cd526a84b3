"""A spec as rules look at it: its tree, its network, and who reads what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property

from cnndsl.analyse import Analysis, analyse
from cnndsl.analyse.receptive import ReceptiveField
from cnndsl.layers.windows import Window
from cnndsl.network import Network, Origin, Step
from cnndsl.shape import Shape
from cnndsl.source import Span
from cnndsl.specs import is_prelude
from cnndsl.syntax import tree

NORMS = ("bn", "ln", "gn", "inorm", "grn", "l2norm")
MERGES = ("add", "sub", "mul", "div", "max", "min", "concat")
POOLS = ("pool", "avgpool")
CONVOLUTIONS = ("conv", "dwconv")


@dataclass(frozen=True, eq=False)
class Spec:
    """A spec without errors. `silenced` are lines, and codes that their comments silence there."""

    file: tree.File
    network: Network
    silenced: frozenset[tuple[int, str]] = frozenset()

    @cached_property
    def analysis(self) -> Analysis:
        """What its layers cost and see."""
        return analyse(self.network)

    @cached_property
    def fields(self) -> dict[str, ReceptiveField | None]:
        """What every step sees of the input."""
        return {row.name: row.receptive_field for row in self.analysis.rows}

    @cached_property
    def readers(self) -> dict[str, list[Step]]:
        """The steps that read a value, by its name."""
        found: dict[str, list[Step]] = {}
        for step in self.network.steps:
            for name in dict.fromkeys(step.inputs):
                found.setdefault(name, []).append(step)
        return found

    @cached_property
    def kept(self) -> frozenset[str]:
        """Values that outlast the steps: outputs, ends of heads, and what the loss compares."""
        of_loss = (name for term in self.network.loss for name in term.arguments)
        return frozenset((*self.network.outputs, *self.network.heads.values(), *of_loss))

    @cached_property
    def weighted(self) -> tuple[Step, ...]:
        """The steps with weights of their own or another's: convolutions and dense layers."""
        return tuple(s for s in self.network.steps if self.has_weights(s))

    @cached_property
    def leads_to_weights(self) -> frozenset[str]:
        """Values on which a layer with weights depends."""
        found: set[str] = set()
        weighted = {step.name for step in self.weighted}
        for step in reversed(self.network.steps):
            if step.name in weighted or step.name in found:
                found.update(step.inputs)
        return frozenset(found)

    def has_weights(self, step: Step) -> bool:
        """Whether a step is a convolution or a dense layer."""
        return step.layer.word in (*CONVOLUTIONS, "deconv", "fc")

    def producer(self, name: str) -> Step | None:
        """The step that makes a value; None for an input."""
        return self.network.by_name.get(name)

    def sole_reader(self, name: str) -> Step | None:
        """The one step that reads a value, where nothing else is done with it."""
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.kept else None

    def chain(self, step: Step, through: Iterable[str]) -> Iterator[Step]:
        """The steps that lead to one, nearest first, as far as each is read by nobody else; it ends
        with the first whose layer isn't `through`.
        """
        while len(step.inputs) == 1:
            before = self.producer(step.inputs[0])
            if before is None or self.sole_reader(before.name) is None:
                return
            yield before
            if before.layer.word not in through:
                return
            step = before

    def window(self, step: Step) -> tuple[Shape, Window] | None:
        """A window layer's input and its window over it; None for other layers."""
        if step.layer.word not in (*CONVOLUTIONS, *POOLS):
            return None
        (x,) = self.network.input_shapes(step)
        return x, getattr(step.layer, "window")(x)  # noqa: B009

    @cached_property
    def lines(self) -> dict[int, tuple[tree.Line, int, tree.Word | None]]:
        """Where an op or a word behind one begins: its line, the op's number, and the word."""
        found: dict[int, tuple[tree.Line, int, tree.Word | None]] = {}
        for node in nodes(self.file):
            for number, operation in enumerate(
                node.operations if isinstance(node, tree.Line) else ()
            ):
                assert isinstance(node, tree.Line)
                found[operation.span.start] = node, number, None
                for argument in operation.arguments:
                    if isinstance(argument, tree.Word):
                        found[argument.span.start] = node, number, argument
        return found

    def first_line(self) -> Origin:
        """The place of findings about the whole net: its `net` line, or its first input."""
        for statement in self.file.statements:
            if isinstance(statement, tree.Net):
                return Origin(statement.span)
        return self.network.inputs[0].origin


def place(origin: Origin) -> tuple[Span, tuple[Span, ...]]:
    """Where a finding is shown, and the calls that led there: the prelude is nobody's to mend, so
    what is found in it stands at the call.
    """
    spans = (origin.span, *origin.frames)
    first = next((i for i, span in enumerate(spans) if not is_prelude(span.source)), 0)
    return spans[first], spans[first + 1 :]


def nodes(root: tree.Node) -> Iterator[tree.Node]:
    """A node and all that is in it, in the order of the text."""
    waiting: list[object] = [root]
    while waiting:
        found = waiting.pop()
        if isinstance(found, tree.Node):
            yield found
            waiting.extend(getattr(found, f.name) for f in reversed(fields(found)))
        elif isinstance(found, tuple):
            waiting.extend(reversed(found))  # pyright: ignore[reportUnknownArgumentType]


def names(root: tree.Node) -> set[str]:
    """Every name that something in a node asks for: of layers, blocks, variables and values."""
    found: set[str] = set()
    for node in nodes(root):
        match node:
            case tree.Name(id=name) | tree.Operation(name=name):
                found.update((name, name.partition(".")[0]))
            case tree.Call(function=name) | tree.Applied(layer=name):
                found.add(name)
            case _:
                pass
    return found


def end_of(root: tree.Node) -> int:
    """The offset behind a statement and its body."""
    return max(node.span.end for node in nodes(root))
