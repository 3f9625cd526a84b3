"""Cutting, padding and turning maps: what the forms are put together from."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward


def window(
    back: Backward,
    value: ir.Value,
    shape: Sequence[int],
    axes: Sequence[int],
    starts: Sequence[int],
    sizes: Sequence[int],
) -> ir.Value:
    """`sizes` entries from `starts` on along some axes; where the value ends, zeros.

    `shape` is the value's. No node is made along axes that are taken whole.
    """
    rows = list(zip(axes, starts, sizes, strict=True))
    cuts = [(a, max(s, 0), min(s + n, shape[a])) for a, s, n in rows]
    cuts = [(a, s, e) for a, s, e in cuts if (s, e) != (0, shape[a])]
    if cuts:
        which, first, last = zip(*cuts, strict=True)
        value = back.op(
            "Slice", value, back.constant(first), back.constant(last), back.constant(which)
        )
    margins = [0] * 2 * len(shape)
    for a, s, n in rows:
        margins[a], margins[a + len(shape)] = max(-s, 0), max(s + n - shape[a], 0)
    if any(margins):
        value = back.op("Pad", value, back.constant(margins))
    return value


def reshape(back: Backward, value: ir.Value, shape: Sequence[int]) -> ir.Value:
    """The same numbers in another shape."""
    return back.op("Reshape", value, back.constant(list(shape)))
