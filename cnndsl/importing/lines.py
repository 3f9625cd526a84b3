"""Items → lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cnndsl.importing.draft import Step, Value
from cnndsl.importing.items import Again, Block, Call, Item, Loop, Region, Unit
from cnndsl.importing.solving import LETTERS
from cnndsl.importing.wording import Fill, amount, as_is, chain_text, is_word, keyed, layer_text

INDENT = "    "
WIDTH = 88  # letters of lines that are joined
SIDES = ("z", "z2", "z3")
"""What a block calls values that it takes beside the one above."""

MOVING = frozenset(
    ("flatten", "reshape", "shuffle", "pixelshuffle", "pixelunshuffle", "take", "crop", "pad")
)
"""Layers that only move values, cut some off or put a border around them."""


@dataclass(slots=True)
class Text:
    """What the lines may call by name. `known` are labels of values; `classes` is the layer whose
    units are the net's parameter.
    """

    known: dict[Value, str]
    classes: Step | None = None


def lines_of(
    items: Sequence[Item], text: Text, above: Value | None, fill: Fill = as_is
) -> Iterator[str]:
    """The lines of the whole net's body, or of a region's; `above` is the value that enters."""
    rows: list[_Row] = []
    repeated = {item.of.end for item in items if isinstance(item, Again)}
    for item in items:
        source = "" if item.entry is above else f" from {text.known[item.entry]}"
        if source and not isinstance(item, Unit | Call | Again):
            rows.append(_Row([f"skip{source}"]))
            source = ""
        row = _Row(item_lines(item, fill, text), item, text.known.get(item.end, ""), source)
        row.alone = item.end in repeated
        rows.append(row)
        above = item.end
    yield from _joined(rows)


def named_inputs(step: Step) -> list[Value]:
    """The values that a layer's line names; `unpool` doesn't name what its pool took in."""
    return step.inputs[1:2] if step.word == "unpool" else step.inputs[1:]


def called(item: Item, above: Value | None) -> list[Value]:
    """The values that an item's line calls by name, where the one before it gives `above`."""
    values = [] if item.entry is above else [item.entry]
    match item:
        case Unit():
            return values + named_inputs(item.layers[0])
        case Region() | Call():
            return values + item.sides
        case Again():
            return [*values, item.of.end]
        case _:
            return values


def body_lines(items: Sequence[Item], fill: Fill = as_is) -> list[str]:
    """The lines of a block's or a loop's body."""
    return list(_joined([_Row(item_lines(item, fill), item) for item in items]))


@dataclass(slots=True)
class _Row:
    """The lines of an item, with what stands before and behind them. One that is `alone` stays so:
    `reuse` would repeat all of the line.
    """

    lines: list[str]
    item: Item | None = None
    label: str = ""
    source: str = ""
    alone: bool = False

    @property
    def is_single(self) -> bool:
        """Whether it is a line that others may be joined to."""
        plain = isinstance(self.item, Unit | Call | Again) and not self.alone
        return plain and len(self.lines) == 1 and " *" not in self.lines[0]

    @property
    def is_light(self) -> bool:
        """Whether it has no weights."""
        return isinstance(self.item, Unit) and not self.item.layers[0].values

    @property
    def is_passing(self) -> bool:
        """Whether it only moves values, or is an activation."""
        if not isinstance(self.item, Unit) or any(step.values for step in self.item.layers):
            return False
        return self.item.layers[0].word in MOVING or is_word(self.item.layers[0])

    def text(self) -> list[str]:
        """Its lines with label and source."""
        first, *others = self.lines
        lines = [f"{self.label}: {first}" if self.label else first, *others]
        lines[-1] += self.source
        return lines


def _joined(rows: Iterable[_Row]) -> Iterator[str]:
    """Layers without weights go on the line above them; what comes behind a line that only moves
    values goes on that.
    """
    last, passing = _Row([]), False
    for row in rows:
        if (
            (last.is_single and not last.label)
            and (row.is_single and not row.source)
            and (row.is_light or passing)
            and len(last.lines[0]) + len(row.lines[0]) < WIDTH
        ):
            last = replace(last, lines=[f"{last.lines[0]} -> {row.lines[0]}"], label=row.label)
            passing = passing and row.is_passing
            continue
        if last.lines:
            yield from last.text()
        last, passing = row, row.is_passing
    if last.lines:
        yield from last.text()


def item_lines(item: Item, fill: Fill = as_is, text: Text | None = None) -> list[str]:
    """An item's lines, without label and source."""
    match item:
        case Unit():
            return [_unit_text(item, fill, text) + _times(item, fill)]
        case Block():
            return _block_lines(item, fill)
        case Call():
            named = [text.known[value] for value in item.sides] if text else []
            return [_call_text(item, fill, named) + _times(item, fill)]
        case Region():
            return region_lines(item, fill)
        case Again():
            return [f"reuse {text.known[item.of.end]}" if text else "reuse"]
        case Loop():
            return list(item.lines)
        case _:
            raise TypeError(item)


def _times(item: Item, fill: Fill) -> str:
    given = fill("*", item.times)
    if given is None:
        return f" *{item.times}" if item.times > 1 else ""
    return f" *{given}" if given.isidentifier() or given == "?" else f" *({given})"


def _unit_text(item: Unit, fill: Fill, text: Text | None) -> str:
    first = item.layers[0]
    named = [text.known[value] for value in named_inputs(first)] if text else []
    if text is not None and first is text.classes:

        def fill_classes(kind: str, value: object) -> str | None:
            return "classes" if kind == "n" else None

        return chain_text(item.layers, fill_classes, named)
    return chain_text(item.layers, fill, named)


def _call_text(call: Call, fill: Fill, named: Sequence[str]) -> str:
    parts: list[str] = []
    numbers: list[str] = []
    for parameter, value in call.arguments:
        if parameter.kind == "p":
            given = fill("p", frozenset({f"p{value}"}))
        else:
            given = fill(parameter.kind, value)
        if parameter.default is None:
            numbers.append(amount(given, value))
        elif given is not None:
            parts.append(given if parameter.kind == "p" else keyed(parameter.name, given))
        elif value != parameter.default:
            short = parameter.name in LETTERS
            parts.append(f"{parameter.name}{'' if short else '='}{value}")
    words = [call.words] if call.words else []
    return " ".join([call.definition.name, *numbers, *named, *parts, *words])


def _block_lines(block: Block, fill: Fill) -> list[str]:
    trailing = "".join(f" {layer_text(step)}" for step in block.trailing)
    hidden = block.kind == "residual" and fill("option", 0) is not None
    option = f" {block.option}" if block.option and not hidden else ""
    lines = [f"{block.kind}{option}{trailing}:"]
    for branch in block.branches:
        residual = block.kind == "residual"
        inner = body_lines(branch, fill) if residual else _branch_lines(branch, fill)
        lines += [INDENT + line for line in inner]
    return lines


def region_lines(region: Region, fill: Fill = as_is) -> list[str]:
    """With labels of its own; the value that enters is `y`, those beside it are `z`, `z2`."""
    known: dict[Value, str] = dict(zip(region.sides, SIDES, strict=False))
    above, own = region.entry, 0
    for item in region.items:
        for value in called(item, above):
            if value not in known:
                own += 1
                known[value] = "y" if value is region.entry else f"y{own}"
        above = item.end
    lines = list(lines_of(region.items, Text(known), region.entry, fill))
    return ["y: skip", *lines] if region.entry in known else lines


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
