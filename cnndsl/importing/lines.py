"""Items → lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cnndsl.importing.draft import Source, Step, Value
from cnndsl.importing.naming import Names
from cnndsl.importing.structure import Block, Item, Unit
from cnndsl.importing.wording import Fill, as_is, chain_text

INDENT = "    "


@dataclass(slots=True)
class Text:
    """What the lines may call by name. `known` are labels of values; `classes` is the layer whose
    units are the net's parameter.
    """

    names: Names
    known: dict[Value, str] = field(default_factory=dict[Value, str])
    classes: Step | None = None


def lines_of(items: Sequence[Item], text: Text, inputs: Sequence[Source]) -> Iterator[str]:
    """The lines of the whole net's body."""
    _name_what_is_needed(items, text, inputs)
    above: Value | None = inputs[-1] if inputs else None
    for item in items:
        source = "" if item.entry is above else f" from {text.known[item.entry]}"
        if source and not isinstance(item, Unit):
            yield f"skip{source}"
            source = ""
        lines = item_lines(item, as_is, text)
        if source:
            lines[-1] += source
        label = text.known.get(item.end)
        if label:
            lines[0] = f"{label}: {lines[0]}"
        yield from lines
        above = item.end


def _name_what_is_needed(items: Sequence[Item], text: Text, inputs: Sequence[Source]) -> None:
    """Labels for values that later lines take by name."""
    above: Value | None = inputs[-1] if inputs else None
    for item in items:
        first = next(item.steps())
        needed = [] if item.entry is above else [item.entry]
        if isinstance(item, Unit):
            needed += first.inputs[1:]
        for value in needed:
            if value not in text.known:
                text.known[value] = text.names.free("a")
        above = item.end


def item_lines(item: Item, fill: Fill, text: Text | None = None) -> list[str]:
    """An item's lines, without label and source."""
    if isinstance(item, Unit):
        return [_unit_text(item, fill, text) + _times(item, fill)]
    if isinstance(item, Block):
        return _block_lines(item, fill)
    raise TypeError


def _times(item: Item, fill: Fill) -> str:
    given = fill("*", item.times)
    if given is None:
        return f" *{item.times}" if item.times > 1 else ""
    return f" *{given}" if given.isidentifier() or given == "?" else f" *({given})"


def _unit_text(item: Unit, fill: Fill, text: Text | None) -> str:
    first = item.layers[0]
    named = [text.known[value] for value in first.inputs[1:]] if text else []
    if text is not None and first is text.classes:

        def fill_classes(kind: str, value: object) -> str | None:
            return "classes" if kind == "n" else None

        return chain_text(item.layers, fill_classes, named)
    return chain_text(item.layers, fill, named)


def _block_lines(block: Block, fill: Fill) -> list[str]:
    trailing = "".join(f" {step.word}" for step in block.trailing)
    option = f" {block.option}" if block.option else ""
    lines = [f"{block.kind}{option}{trailing}:"]
    for branch in block.branches:
        inner = (
            [line for item in branch for line in item_lines(item, fill)]
            if block.kind == "residual"
            else _branch_lines(branch, fill)
        )
        lines += [INDENT + line for line in inner]
    return lines


def _branch_lines(branch: Sequence[Item], fill: Fill) -> list[str]:
    """`| a -> b`, and further lines after a block within it."""
    if not branch:
        return ["| skip"]
    lines: list[str] = []
    open_line = "|"
    for item in branch:
        own = item_lines(item, fill)
        joined = f"{open_line} {own[0]}" if open_line in ("|", "->") else f"{open_line} -> {own[0]}"
        if len(own) == 1:
            open_line = joined
        else:
            lines += [joined, *own[1:]]
            open_line = "->"
    if open_line not in ("|", "->"):
        lines.append(open_line)
    return lines
