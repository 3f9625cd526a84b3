"""`for` loops, and residuals without their skip."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.importing.comparing import cost, cost_of_lines, filled, options_of, skeleton
from cnndsl.importing.items import Block, Item, Loop
from cnndsl.importing.solving import Parameter, solve
from cnndsl.importing.wording import number_text

MOST_VARIABLES = 3  # of a loop
WIDTH = 92  # letters of a loop's first line


def looped(windows: list[list[Item]]) -> tuple[int, Loop] | None:
    """The loop over windows that are alike, and what it saves."""
    solved = solve([skeleton(window)[1] for window in windows], None)
    if solved is None or not 0 < len(solved.parameters) <= MOST_VARIABLES:
        return None
    if any(parameter.kind == "act" for parameter in solved.parameters):
        return None
    if len({o for window in windows for o in options_of(window)}) > 1:
        return None
    head = _loop_head(solved.parameters, len(windows))
    if len(head) > WIDTH:
        return None
    lines = [head, *(f"    {line}" for line in filled(windows[0], solved))]
    saving = sum(map(cost, windows)) - cost_of_lines(lines)
    return saving, Loop(entry=windows[0][0].entry, lines=lines, windows=windows)


def _loop_head(parameters: Sequence[Parameter], count: int) -> str:
    names = ", ".join(p.name for p in parameters)
    rows = [[number_text(p.values[i]) for p in parameters] for i in range(count)]
    texts = [row[0] if len(row) == 1 else f"({', '.join(row)})" for row in rows]
    return f"for {names} in {' '.join(texts)}:"


def wrap_skipless(items: Sequence[Item], fixed: set[Item]) -> list[Item]:
    """Lines that are the body of residuals elsewhere, but change the shape, as residuals whose skip
    is dropped (`ifsame`): so that all of them are one block.
    """
    bodies: dict[str, list[Block]] = {}
    for item in items:
        if (
            isinstance(item, Block)
            and item.kind == "residual"
            and not (item.option or item.trailing)
        ):
            bodies.setdefault(skeleton(item.branches[0], "k")[0], []).append(item)
    lengths = sorted({len(group[0].branches[0]) for group in bodies.values()}, reverse=True)
    found: list[Item] = []
    place = 0
    while place < len(items):
        for length in lengths:
            window = list(items[place : place + length])
            free = len(window) == length and not any(i in fixed or i.copies for i in window)
            group = bodies.get(skeleton(window, "k")[0]) if free else None
            if group and window[0].entry.output != window[-1].end.output:
                for block in group:
                    block.option = "ifsame"
                found.append(
                    Block(
                        kind="residual",
                        merge=None,
                        branches=[window],
                        option="ifsame",
                        entry=window[0].entry,
                    )
                )
                place += length
                break
        else:
            found.append(items[place])
            place += 1
    return found
