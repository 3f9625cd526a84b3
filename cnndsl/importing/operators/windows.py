"""What convolutions and poolings share: their windows, with padding as a spec would write it."""

from __future__ import annotations

from cnndsl.importing.nodes import Node
from cnndsl.layers.arguments import Padding
from cnndsl.layers.windows import resolve_window
from cnndsl.shape import Shape

Axes = tuple[int, ...]


def short(values: Axes) -> Axes:
    """One number where all are the same."""
    return values[:1] if len(set(values)) == 1 else values


def axes(node: Node, name: str, rank: int, default: int = 1) -> Axes:
    """An attribute with a number for every axis."""
    values = node.integers(name) or (default,) * rank
    if len(values) != rank or any(n < 1 for n in values):
        node.refuse(f"has `{name}` {values} for a map of {rank} axes")
    return values


def padding(node: Node, x: Shape, kernel: Axes, stride: Axes, dilation: Axes) -> Padding:
    """Explicit pads, or `same` where that is what they are."""
    given = node.text("auto_pad", "NOTSET")
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    if given in ("SAME_UPPER", "SAME_LOWER"):
        whole = [
            max((-(-n // s) - 1) * s + e - n, 0)
            for n, s, e in zip(x.sizes, stride, extents, strict=True)
        ]
        small, large = [n // 2 for n in whole], [n - n // 2 for n in whole]
        pads = (*small, *large) if given == "SAME_UPPER" else (*large, *small)
    else:
        pads = node.integers("pads") or (0,) * (2 * x.rank)
        pads = (0,) * (2 * x.rank) if given == "VALID" else pads
    if len(pads) != 2 * x.rank or any(p < 0 for p in pads):
        node.refuse(f"has pads {pads} for a map of {x.rank} axes")
    return written_padding(x, pads, kernel, stride, dilation)


def written_padding(x: Shape, pads: Axes, kernel: Axes, stride: Axes, dilation: Axes) -> Padding:
    """As `p1`, `p1x2`, `same` or `p=(…)`, the first of these that says it."""
    before, after = pads[: x.rank], pads[x.rank :]
    if before == after:
        return short(before)
    same = resolve_window(x, kernel, stride, "same", dilation)
    if same.pads == tuple(zip(before, after, strict=True)):
        return "same"
    return pads
