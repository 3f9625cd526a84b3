"""The way back from values that were chosen by number along an axis."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward


def place(
    back: Backward, dy: ir.Value, shape: Sequence[int], axis: int, chosen: Sequence[int]
) -> ir.Value:
    """Add entry i of dY, of that shape, up at `chosen[i]` of an axis that had `shape[axis]`.

    A row of neighbours is padded with zeros. Else entry j takes the i that chose it: a choice in
    turn, from dY with a zero behind for the j that nobody chose, and as often as the most wanted
    entry was chosen; the results are added up.
    """
    count, first = shape[axis], chosen[0] if chosen else 0
    if list(chosen) == list(range(first, first + len(chosen))):
        return _pad(back, dy, len(shape), axis, first, count - first - len(chosen))
    choosers: list[list[int]] = [[] for _ in range(count)]
    for i, j in enumerate(chosen):
        choosers[j].append(i)
    rounds = max(map(len, choosers))
    if any(len(found) < rounds for found in choosers):
        dy = _pad(back, dy, len(shape), axis, 0, 1)
    nothing = len(chosen)
    parts = [
        back.op(
            "Gather",
            dy,
            back.constant([found[k] if k < len(found) else nothing for found in choosers]),
            axis=axis,
        )
        for k in range(rounds)
    ]
    return parts[0] if rounds == 1 else back.op("Sum", *parts)


def _pad(
    back: Backward, value: ir.Value, rank: int, axis: int, before: int, after: int
) -> ir.Value:
    """Zeros on one axis."""
    if before == after == 0:
        return value
    ahead, behind = [0] * rank, [0] * rank
    ahead[axis], behind[axis] = before, after
    return back.op("Pad", value, back.constant([*ahead, *behind]))


def constant_numbers(value: ir.Value | None) -> list[int] | None:
    """The whole numbers that a constant holds; None where it isn't one."""
    if value is None or value.const_value is None:
        return None
    return [int(n) for n in value.const_value.numpy().reshape(-1)]
