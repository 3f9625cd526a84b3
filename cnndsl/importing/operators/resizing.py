"""Resize and Upsample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cnndsl.autodiff.rules.interpolation import Resizing
from cnndsl.importing.nodes import Node, shortest
from cnndsl.importing.operators.windows import short
from cnndsl.importing.views import View
from cnndsl.importing.walking import Walker, operator
from cnndsl.layers.arguments import LARGEST_SIZE
from cnndsl.layers.resample import Upsample

CLOSE = 1e-5
KNOWN = ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "tf_half_pixel_for_nn",
         "align_corners", "asymmetric")  # fmt: skip
PLACES: dict[str, tuple[str | None, ...]] = {
    "nearest": (None, "half_pixel", "align_corners"),
    "linear": (None, "align_corners", "asymmetric"),
}
"""Where the outputs of an `upsample` may lie, by its mode."""

Axis = tuple[int, int, float]
"""Inputs, outputs, and the factor between them."""


@operator("Resize", "Upsample")
def resize(walker: Walker, node: Node) -> View:
    """`upsample`: whichever makes the same outputs of the same inputs."""
    base = walker.plain(node, node.view())
    axes, scaled = _axes(node, (1, base.output.channels, *base.output.sizes))
    if all(n == m and scale == 1 for n, m, scale in axes):
        return walker.whole(base)
    theirs = _resizing(node)
    cut = scaled and any(abs(n * scale - m) > 1e-4 for n, m, scale in axes)
    if cut and theirs.coordinates == "align_corners":
        node.refuse(
            "aligns corners by a factor that gives no whole size: ONNX's definition and ONNX "
            "Runtime differ there"
        )
    for fields in _ways(axes, scaled):
        layer = walker.layer(node, "upsample", **fields)
        assert isinstance(layer, Upsample)
        if _computes(layer, axes, theirs):
            return walker.whole(walker.add(node, layer, base))
    if theirs.mode == "linear":
        node.refuse(f"interpolates at other places than `upsample` does ({theirs.coordinates})")
    node.refuse(
        f"chooses other neighbours than `upsample` does ({theirs.coordinates}, {theirs.nearest})"
    )


def _resizing(node: Node) -> Resizing:
    """How the node chooses and weighs its inputs."""
    old = node.kind == "Upsample" or node.opset < 11
    mode = node.text("mode", "nearest")
    mode = "linear" if mode == "bilinear" else mode
    if mode not in PLACES:
        node.refuse(f"interpolates by `{mode}`; `upsample` knows nearest and linear")
    where = node.text("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    if where not in KNOWN or node.integer("antialias"):
        what = "smooths what it makes smaller (antialias)" if where in KNOWN else f"is a {where}"
        node.refuse(f"{what}, which `upsample` doesn't")
    rounding = node.text("nearest_mode", "floor" if old else "round_prefer_floor")
    return Resizing(mode, where, rounding, -0.75, False)


def _ways(axes: Sequence[Axis], scaled: bool) -> Iterator[dict[str, Any]]:
    """The arguments that may say it, the plainest first."""
    factors = tuple(_plain(scale) for _, _, scale in axes)
    sizes: list[dict[str, Any]] = [{"size": short(tuple(m for _, m, _ in axes))}]
    if scaled and all(1 / 64 <= f <= 64 or isinstance(f, int) for f in factors):
        near = tuple(round(f) for f in factors)
        if all(abs(f - whole) < 1e-4 and whole > 0 for f, whole in zip(factors, near, strict=True)):
            sizes.insert(0, {"factor": near})
        if near != factors:
            sizes.insert(
                len(sizes) - 1, {"factor": factors[:1] if len(set(factors)) == 1 else factors}
            )
    for size in sizes:
        for mode, places in PLACES.items():
            for coordinates in places:
                yield {**size, "mode": mode, "coordinates": coordinates}


def _plain(scale: float) -> int | float:
    """A float32 as a short decimal; whole numbers as such."""
    found = shortest(scale)
    return int(found) if found == int(found) else found


def _computes(layer: Upsample, axes: Sequence[Axis], theirs: Resizing) -> bool:
    """Whether the layer makes of random numbers along each axis what the node makes of them."""
    given = layer.attributes()
    where, rounding = given["coordinate_transformation_mode"], given["nearest_mode"]
    ours = Resizing(layer.mode, where or "", rounding or "", -0.75, False)
    factors = layer.factor or tuple(m / n for n, m, _ in axes)
    factors = factors * len(axes) if len(factors) == 1 else factors
    random = np.random.default_rng(0)
    for (n, m, scale), factor in zip(axes, factors, strict=True):
        x = random.standard_normal(n)
        if int(np.float32(n) * np.float32(factor)) != m and layer.factor:
            return False
        found, wanted = (
            (weights * x[taps]).sum(1)
            for taps, weights in (ours.taps(n, m, factor), theirs.taps(n, m, scale))
        )
        if np.abs(found - wanted).max() > CLOSE:
            return False
    return True


def _axes(node: Node, sizes: tuple[int, ...]) -> tuple[list[Axis], bool]:
    """The axes of the space, and whether their factors are given rather than their sizes."""
    place = 1 if node.kind == "Upsample" or node.opset < 11 else 2
    given = node.attributes.get("scales", node.optional(place))
    if "height_scale" in node.attributes:
        given = [1, 1, node.number("height_scale", 1), node.number("width_scale", 1)]
    scaled = given is not None and len(given) > 0
    numbers = np.ravel(np.asarray(given if scaled else node.array(3)))
    full = np.ones(len(sizes)) if scaled else np.asarray(sizes, np.float64)
    axes = node.integers("axes") or range(len(sizes))
    for axis, number in zip(axes, numbers, strict=True):
        full[node.from_front(axis, len(sizes))] = number
    if not scaled:
        full[0] = 1  # the batch's own is whatever it is
    if node.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        node.refuse("keeps the picture's proportions, which `upsample` doesn't")
    if any(n != 1 for n in (full[:2] if scaled else full[:2] / sizes[:2])):
        node.refuse("resizes the batch or the channels")
    found: list[Axis] = []
    for n, number in zip(sizes[2:], full[2:].tolist(), strict=True):
        m = int(np.float32(n) * np.float32(number)) if scaled else int(number)
        if not 0 < m <= LARGEST_SIZE:
            node.refuse(f"makes {m} of {n} positions")
        found.append((n, m, number if scaled else m / n))
    return found, scaled
