"""Parts of a spec's text, before they are text: lines, blocks, calls and loops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cnndsl.importing.draft import Step, Value
from cnndsl.importing.solving import Parameter


@dataclass(eq=False, slots=True, kw_only=True)
class Item:
    """A part of the text. `copies` are further items that say the same: `*k`."""

    entry: Value
    label: str | None = None
    source: Value | None = None
    copies: list[Item] = field(default_factory=list["Item"])

    @property
    def times(self) -> int:
        """How often it stands there."""
        return 1 + len(self.copies)

    def own_steps(self) -> Iterator[Step]:
        """The layers of the item itself, in the order that the text means."""
        raise NotImplementedError

    def steps(self) -> Iterator[Step]:
        """The layers in the order that the text means, those of copies included."""
        yield from self.own_steps()
        for copy in self.copies:
            yield from copy.steps()

    @property
    def end(self) -> Step:
        """The value that it gives."""
        return self.copies[-1].own_end() if self.copies else self.own_end()

    def own_end(self) -> Step:
        """The last of its own layers."""
        *_, last = self.own_steps()
        return last


@dataclass(eq=False, slots=True, kw_only=True)
class Unit(Item):
    """A layer with those that are chained to it as words: `conv 3x3 64 p1 bn relu`."""

    layers: list[Step]

    def own_steps(self) -> Iterator[Step]:
        yield from self.layers

    def own_end(self) -> Step:
        return self.layers[-1]  # a line may be long


@dataclass(eq=False, slots=True, kw_only=True)
class Block(Item):
    """Branches that meet in `merge`, and words chained behind.

    `kind` is the merge's word, or `residual`, which has one branch, its body; `skip` are the layers
    of its shortcut, which its option (`project`, `pad`) stands for.
    """

    kind: str
    merge: Step | None
    branches: list[list[Item]]
    trailing: list[Step] = field(default_factory=list[Step])
    option: str = ""
    skip: list[Step] = field(default_factory=list[Step])

    def own_steps(self) -> Iterator[Step]:
        for branch in self.branches:
            for item in branch:
                yield from item.steps()
        yield from self.skip
        if self.merge is not None:
            yield self.merge
        yield from self.trailing


@dataclass(eq=False, slots=True, kw_only=True)
class Region(Item):
    """Lines between a value and another, of which some take labelled values of others: a block's
    body, where there are several such regions that are alike. `sides` are values beside the entry
    that they take too, `trailing` words behind the call; `name` is what the block shall be called.
    """

    items: list[Item]
    name: str = "layers"
    sides: list[Value] = field(default_factory=list["Value"])
    trailing: list[Step] = field(default_factory=list[Step])

    def own_steps(self) -> Iterator[Step]:
        for item in self.items:
            yield from item.steps()
        yield from self.trailing


@dataclass(eq=False, slots=True)
class Definition:
    """A `def`: its name, parameters, and the lines of its body. The prelude's have no lines.
    `labels` are parameters that stand for values.
    """

    name: str
    parameters: list[Parameter]
    lines: list[str] = field(default_factory=list[str])
    labels: tuple[str, ...] = ()

    def text(self) -> list[str]:
        """Its lines."""
        plain = [p.name for p in self.parameters if p.default is None]
        options = [f"{p.name}={p.default}" for p in self.parameters if p.default is not None]
        head = f"def {self.name}({', '.join([*plain, *self.labels, *options])}):"
        if len(self.lines) == 1:
            return [f"{head} {self.lines[0]}"]
        return [head, *(f"    {line}" for line in self.lines)]


@dataclass(eq=False, slots=True, kw_only=True)
class Call(Item):
    """A block's use: `block 64 s2`, which stands for `items`; `sides` are values that it takes by
    name.
    """

    definition: Definition
    arguments: Sequence[tuple[Parameter, float | str]]
    items: list[Item]
    words: str = ""
    sides: list[Value] = field(default_factory=list["Value"])

    def own_steps(self) -> Iterator[Step]:
        for item in self.items:
            yield from item.steps()


@dataclass(eq=False, slots=True, kw_only=True)
class Again(Item):
    """`reuse`: an item once more on another value, with its weights; `items` are its layers."""

    of: Item
    items: list[Item]

    def own_steps(self) -> Iterator[Step]:
        for item in self.items:
            yield from item.steps()


@dataclass(eq=False, slots=True, kw_only=True)
class Loop(Item):
    """A `for` with its lines; `windows` are what it stands for."""

    lines: list[str]
    windows: list[list[Item]]

    def own_steps(self) -> Iterator[Step]:
        for window in self.windows:
            for item in window:
                yield from item.steps()
