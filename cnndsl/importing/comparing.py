"""Parts of a net compared by their text, with marks in the place of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnndsl.importing.items import Block, Item
from cnndsl.importing.lines import body_lines, item_lines
from cnndsl.importing.solving import Hole, Solved
from cnndsl.importing.wording import Number

LINE = 12  # letters that a line costs beside its own


def skeleton(items: Sequence[Item], but: str = "") -> tuple[str, list[Hole]]:
    """The text with marks for numbers, and the numbers; those of a kind may stay."""
    holes: list[Hole] = []

    def mark(kind: str, value: Number) -> str | None:
        if kind == but:
            return None
        holes.append((kind, value))
        return "p=?" if kind == "p" else "?"

    lines = [line for item in items for line in item_lines(item, mark)]
    return "\n".join(lines), holes


def filled(items: Sequence[Item], solved: Solved) -> list[str]:
    """The text with parameters in the place of numbers."""
    fills = iter(solved.fills)

    def fill(kind: str, value: Number) -> str | None:
        return next(fills)

    return body_lines(items, fill)


def plain_text(item: Item) -> str:
    """The text as it is."""
    return "\n".join(item_lines(item))


def cost(items: Sequence[Item]) -> int:
    """How long the items are as text."""
    return cost_of_lines(body_lines(items))


def cost_of_lines(lines: Sequence[str]) -> int:
    """How long lines are, their number included."""
    return sum(len(line.strip()) + LINE for line in lines)


def single_text(item: Item) -> str:
    """An item's text without its copies."""
    copies, item.copies = item.copies, []
    try:
        return plain_text(item)
    finally:
        item.copies = copies


def options_of(window: Sequence[Item]) -> set[str]:
    """The options of a window's residuals, of which a text can say only one."""
    return {block.option for block in residuals(window) if block.option}


def residuals(window: Sequence[Item]) -> Iterator[Block]:
    """A window's residuals, at any depth."""
    for item in window:
        if isinstance(item, Block):
            if item.kind == "residual":
                yield item
            for branch in item.branches:
                yield from residuals(branch)
