"""Conv and ConvTranspose."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnndsl.importing.draft import Array
from cnndsl.importing.nodes import Node
from cnndsl.importing.operators.windows import axes, padding, short
from cnndsl.importing.views import View
from cnndsl.importing.walking import Walker, operator


@operator("Conv")
def conv(walker: Walker, node: Node) -> View:
    """`conv`, or `dwconv` where every channel is filtered by itself."""
    base = walker.plain(node, node.view())
    x, weight = base.output, node.floats(1)
    if x.rank == 0 or weight.ndim != x.rank + 2:
        node.refuse(f"has weights of the shape {weight.shape} for the map {x}")
    kernel = weight.shape[2:]
    stride, dilation = axes(node, "strides", x.rank), axes(node, "dilations", x.rank)
    groups = node.integer("group", 1)
    fields: dict[str, Any] = {
        "kernel": kernel,
        "stride": short(stride),
        "dilation": short(dilation),
        "padding": padding(node, x, kernel, stride, dilation),
        "bias": node.has(2),
    }
    depthwise = groups == x.channels == weight.shape[0] and groups > 1
    if not depthwise:
        fields |= {"filters": weight.shape[0], "groups": groups}
    layer = walker.layer(node, "dwconv" if depthwise else "conv", **fields)
    return walker.whole(walker.add(node, layer, base, values=_values(node, weight)))


@operator("ConvTranspose")
def deconv(walker: Walker, node: Node) -> View:
    """`deconv`; what the padding doesn't say is cut off or added as output padding."""
    base = walker.plain(node, node.view())
    x, weight = base.output, node.floats(1)
    if x.rank == 0 or weight.ndim != x.rank + 2:
        node.refuse(f"has weights of the shape {weight.shape} for the map {x}")
    kernel, groups = weight.shape[2:], node.integer("group", 1)
    stride, dilation = axes(node, "strides", x.rank), axes(node, "dilations", x.rank)
    pads, extra = _cuts(node, x.sizes, kernel, stride, dilation)
    before, after = pads[: x.rank], pads[x.rank :]
    # A cut that is larger in front than behind is written as padding and output padding.
    layer = walker.layer(
        node,
        "deconv",
        kernel=kernel,
        stride=short(stride),
        dilation=short(dilation),
        padding=short(before) if before == after else pads,
        output_padding=short(extra),
        filters=weight.shape[1] * groups,
        groups=groups,
        bias=node.has(2),
    )
    return walker.whole(walker.add(node, layer, base, values=_values(node, weight)))


def _values(node: Node, weight: Array) -> dict[str, Array]:
    return {"weight": weight, **({"bias": node.floats(2)} if node.has(2) else {})}


def _cuts(
    node: Node,
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What is cut off before and behind every axis, and the output padding."""
    rank = len(sizes)
    extra = node.integers("output_padding") or (0,) * rank
    pads = node.integers("pads") or (0,) * (2 * rank)
    if len(extra) != rank or len(pads) != 2 * rank:
        node.refuse(f"has pads {pads} for a map of {rank} axes")
    rows = zip(sizes, stride, kernel, dilation, extra, strict=True)
    whole = [s * (n - 1) + (k - 1) * d + 1 + e for n, s, k, d, e in rows]
    given = node.text("auto_pad", "NOTSET")
    wanted = node.integers("output_shape")
    if wanted is None and given.startswith("SAME"):
        wanted = tuple(n * s for n, s in zip(sizes, stride, strict=True))
    if wanted is not None:
        total = [max(n - m, 0) for n, m in zip(whole, wanted[-rank:], strict=True)]
        more = [max(m - n, 0) for n, m in zip(whole, wanted[-rank:], strict=True)]
        extra = tuple(e + n for e, n in zip(extra, more, strict=True))
        small, large = [n // 2 for n in total], [n - n // 2 for n in total]
        upper = given == "SAME_UPPER"
        pads = (*small, *large) if upper else (*large, *small)
    if any(p < 0 for p in pads):
        node.refuse(f"has negative pads {pads}")
    return balanced(pads, extra, stride)


def balanced(
    pads: tuple[int, ...], extra: tuple[int, ...], stride: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The same cuts as pads on both sides and output padding, as little of it as will do."""
    rank = len(extra)
    before, after = list(pads[:rank]), np.subtract(pads[rank:], extra).tolist()
    out = [0] * rank
    for axis, (b, a) in enumerate(zip(before, after, strict=True)):
        if 0 < b - a < stride[axis]:
            out[axis] = b - a
            after[axis] = b
        elif a < 0:
            out[axis], after[axis] = -a, 0
    return (*before, *after), tuple(out)
