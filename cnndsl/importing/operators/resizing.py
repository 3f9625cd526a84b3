"""Resize and Upsample."""

from __future__ import annotations

import numpy as np

from cnndsl.importing.nodes import Node
from cnndsl.importing.views import View
from cnndsl.importing.walking import Walker, operator


@operator("Resize", "Upsample")
def resize(walker: Walker, node: Node) -> View:
    """`upsample` by whole factors, nearest or linear."""
    base = walker.plain(node, node.view())
    factors = _factors(node, (1, base.output.channels, *base.output.sizes))
    mode = node.text("mode", "nearest")
    if set(factors) == {1}:
        return walker.whole(base)
    if set(base.output.sizes) == {1}:  # a single value is repeated, however it is done
        mode = "nearest"
    elif mode == "nearest":
        if not all(_repeats(node, f) for f in set(factors)):
            node.refuse("chooses other neighbours than repeating every value; `upsample` repeats")
    elif mode in ("linear", "bilinear"):
        if _coordinates(node) not in ("half_pixel", "pytorch_half_pixel"):
            node.refuse(
                f"interpolates between corners or edges ({_coordinates(node)}); `upsample` does "
                f"between the centres of the pixels (half_pixel)"
            )
    else:
        node.refuse(f"interpolates by `{mode}`; `upsample` knows nearest and linear")
    kind = "nearest" if mode == "nearest" else "linear"
    layer = walker.layer(node, "upsample", factor=factors, mode=kind)
    return walker.whole(walker.add(node, layer, base))


def _coordinates(node: Node) -> str:
    default = "asymmetric" if node.kind == "Upsample" or node.opset < 11 else "half_pixel"
    return node.text("coordinate_transformation_mode", default)


def _factors(node: Node, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Whole factors of the space."""
    scales = _scales(node, sizes)
    if len(scales) != len(sizes) or any(s != 1 for s in scales[:2]):
        node.refuse("resizes the batch or the channels")
    factors = tuple(round(s) for s in scales[2:])
    if any(
        f < 1 or f > 1 << 20 or abs(f - s) > 1e-4 for f, s in zip(factors, scales[2:], strict=True)
    ):
        listed = " by ".join(f"{s:g}" for s in scales[2:])
        node.refuse(f"enlarges by {listed}; `upsample` does so by whole factors")
    return factors


def _scales(node: Node, sizes: tuple[int, ...]) -> list[float]:
    if "scales" in node.attributes:
        return [float(s) for s in node.attributes["scales"]]
    if "height_scale" in node.attributes:
        return [1, 1, node.number("height_scale", 1), node.number("width_scale", 1)]
    place = 1 if node.kind == "Upsample" or node.opset < 11 else 2
    scales = node.optional(place)
    if scales is not None and scales.size:
        found = [float(s) for s in scales.reshape(-1)]
    else:
        wanted = node.array(3).reshape(-1)
        if "axes" in node.attributes:
            found = [
                float(n) / sizes[a]
                for n, a in zip(wanted, node.integers("axes") or (), strict=False)
            ]
        else:
            found = [float(n) / m for n, m in zip(wanted, sizes, strict=False)]
            found = [1.0, *found[1:]]
    axes = node.integers("axes")
    if axes is None:
        return found
    full = [1.0] * len(sizes)
    for axis, scale in zip(axes, found, strict=False):
        full[node.from_front(axis, len(sizes))] = scale
    return full


def _repeats(node: Node, factor: int) -> bool:
    """Whether nearest neighbours are the values repeated: position i takes i // factor."""
    i = np.arange(factor * 4)
    length = 4
    match _coordinates(node):
        case "asymmetric":
            x = i / factor
        case "half_pixel" | "pytorch_half_pixel" | "half_pixel_symmetric":
            x = (i + 0.5) / factor - 0.5
        case "tf_half_pixel_for_nn":
            x = (i + 0.5) / factor
        case "align_corners":
            x = i * (length - 1) / (factor * length - 1)
        case _:
            return False
    default = "floor" if node.kind == "Upsample" or node.opset < 11 else "round_prefer_floor"
    match node.text("nearest_mode", default):
        case "round_prefer_floor":
            rounded = np.ceil(x - 0.5)
        case "round_prefer_ceil":
            rounded = np.floor(x + 0.5)
        case "floor":
            rounded = np.floor(x)
        case "ceil":
            rounded = np.ceil(x)
        case _:
            return False
    found = np.clip(rounded, 0, length - 1)
    return bool(np.array_equal(found, i // factor))
