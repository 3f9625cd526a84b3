"""Maps of another size without weights: `upsample`, `pixelshuffle` and `pixelunshuffle`."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from struct import pack, unpack
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from cnndsl.layers.arguments import LARGEST_SIZE, Axes, as_tuple, keyed, number, size, words
from cnndsl.layers.base import (
    MOST_VIEWS,
    Builder,
    Cost,
    Example,
    Layer,
    ReceptiveAxes,
    ReceptiveAxis,
    ShapeError,
    Value,
)
from cnndsl.layers.nodes import FIRST_AXIS
from cnndsl.layers.windows import axis_names, broadcast, ratio, sampled
from cnndsl.shape import Condition, Dim, Shape, equality

Factors = Annotated[
    tuple[
        Annotated[int, Field(gt=0, le=LARGEST_SIZE)] | Annotated[float, Field(ge=1 / 64, le=64)],
        ...,
    ],
    BeforeValidator(as_tuple),
    Field(min_length=1, max_length=3),
]
"""A factor for every spatial axis; a single one holds for all of them."""


class Upsample(Layer, word="upsample"):
    """Enlarge a map without weights: `upsample 2x2` doubles height and width.

    - Factors `2x2` (or `k2`); fractions by key, `k=0.5` or `k=(1.5,0.5)`, make it smaller, too. Or
    - `to=x`: as large as the value labelled `x` (channels stay). FCN's, DeepLab's and FPN's nets
      take pictures of any size so. Or
    - `size=65x65`: to a size of its own.
    - `nearest` (default) repeats every value; `bilinear` interpolates between the nearest two along
      each axis and repeats the outermost ones. For one and three axes it is linear and trilinear
      interpolation, which may be written so.
    - Where an output lies among the inputs: `half_pixel`, `align_corners` or `asymmetric`. With n
      inputs, m outputs and the factor f = m/n output i lies at (i + ½)/f − ½, so that pixels are
      squares (default of `bilinear`, PyTorch's align_corners=False); at i·(n − 1)/(m − 1), so that
      the corners keep their values; or at i/f, of which `nearest` takes the whole part (its
      default, as in PyTorch).

    Size: ⌊factor·n⌋, that of `x`, or as given. Parameters: none. MACs: none. FLOPs: none for
    `nearest`; else per output value a product for each of its 2, 4 or 8 neighbours and the
    additions: 3, 7 or 15.
    """

    factor: Factors | None = size(None)
    size: Axes | None = keyed(None)
    mode: Literal["nearest", "linear"] = words(
        "nearest", nearest="nearest", bilinear="linear", linear="linear", trilinear="linear"
    )
    coordinates: Literal["half_pixel", "align_corners", "asymmetric"] | None = words(
        None, half_pixel="half_pixel", align_corners="align_corners", asymmetric="asymmetric"
    )

    references = (0, 1)
    reference_key = "to"
    reads = 1
    keeps = frozenset[str]()
    examples = (
        Example("upsample 2x2", "64@14x14", "64@28x28"),
        Example("upsample 2x2 bilinear", "64@HxW", "64@2*Hx2*W"),
        Example("upsample to=x bilinear", "21@8x10 3@57x80", "21@57x80"),
        Example("upsample size=65x65 bilinear align_corners", "8@9x9", "8@65x65"),
        Example("upsample k=0.5 bilinear", "3@HxW", "3@H//2xW//2"),
        Example("upsample k3 linear", "2@10", "2@30"),
        Example("upsample 1x2x2 trilinear", "2@4x4x4", "2@4x8x8"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        x, *to = inputs
        if [self.factor is not None, self.size is not None, bool(to)].count(True) != 1:
            raise ShapeError(
                "upsample-how",
                "`upsample` needs one way to say how large the map becomes, and only one",
                help="give factors (`upsample 2x2`), a value whose size is wanted "
                "(`upsample to=x`), or a size (`upsample size=64x64`)",
            )
        if to:
            if x.rank != to[0].rank or x.rank == 0:
                raise ShapeError(
                    "wrong-axes",
                    f"{x} can't be brought to the size of {to[0]}",
                    help="both must be maps with the same number of axes",
                )
            return Shape(x.channels, to[0].space)
        if self.size is not None:
            return Shape(x.channels, broadcast(self.size, x, "size"))
        space = tuple(map(_enlarged, x.space, self.factors(x)))
        for name, n, m in zip(axis_names(x.rank), x.space, space, strict=True):
            if isinstance(m, int) and m < 1:
                raise ShapeError(
                    "nothing-left",
                    f"a {name} of {n} has no pixel left",
                    field="factor",
                    help="take a larger factor, or give a size, as in `upsample size=1x1`",
                )
        return Shape(x.channels, space)

    def factors(self, x: Shape) -> tuple[int | float, ...]:
        """The factor along every axis; asked for where it says one."""
        factors: Any = self.factor
        return broadcast(factors, x, "factor")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        neighbours = 2**output.rank if self.mode == "linear" else 0
        return Cost(0, output.elements * max(2 * neighbours - 1, 0))

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        (x, *_), corners = inputs, self.coordinates == "align_corners"
        if self.factor is not None and not corners:
            steps = [1 / _fraction(factor) for factor in self.factors(x)]
        else:
            steps = [ratio(n, m, corners) for n, m in zip(x.space, output.space, strict=True)]
        return tuple(self._receptive_axis(step) for step in steps)

    def _receptive_axis(self, step: Fraction) -> ReceptiveAxis:
        """Of the inputs around an output's place."""
        linear, half = self.mode == "linear", Fraction(1, 2)
        match self.coordinates or ("half_pixel" if linear else "asymmetric"):
            case "half_pixel":
                return sampled(step, step / 2 - (half if linear else 0), linear)
            case "align_corners":
                return sampled(step, Fraction(0) if linear else half, linear)
            case _:
                return sampled(step, both=linear)

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        x, *to = inputs
        rows = list(zip(axis_names(x.rank), x.space, output.space, strict=True))
        if self.factor is None:
            whose = "as large as the value named" if to else "the size given"
            return [f"{name}: {n} becomes {m}, {whose}" for name, n, m in rows]
        return [
            f"{name}: {factor}·{n} = {m}"
            if isinstance(factor, int)
            else f"{name}: ⌊{factor:g}·{n}⌋ = {m}"
            for factor, (name, n, m) in zip(self.factors(x), rows, strict=True)
        ]

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        (x, *_), output = graph.inputs, graph.output
        plain: dict[str, Any] = {"mode": self.mode, **self.attributes()}
        if self.factor is not None:
            factors = self.factors(x)
            if all(factor == 1 for factor in factors):
                return inputs[0]
            scales = graph.constant("scales", (1, 1, *factors))
            return graph.op("Resize", inputs[0], None, scales, **plain)
        if x.space == output.space:
            return inputs[0]
        scales = _scales(x, output)
        if scales:
            return graph.op("Resize", inputs[0], None, graph.constant("scales", scales), **plain)
        if output.is_concrete:
            sizes = graph.constant("sizes", output.sizes, "int")
        else:
            sizes = graph.op("Shape", inputs[1], start=FIRST_AXIS)
        axes = tuple(range(FIRST_AXIS, FIRST_AXIS + x.rank))
        return graph.op("Resize", inputs[0], None, None, sizes, axes=axes, **plain)

    def attributes(self) -> dict[str, str | None]:
        """How ONNX's Resize says where outputs lie, and which input is the nearest."""
        if self.mode == "linear":
            chosen, rounding = self.coordinates or "half_pixel", None
        else:
            chosen = self.coordinates or "asymmetric"
            rounding = "floor" if chosen == "asymmetric" else "round_prefer_ceil"
        return {"coordinate_transformation_mode": chosen, "nearest_mode": rounding}


def _enlarged(n: Dim, factor: float) -> Dim:
    """⌊factor·n⌋, in float32 as runtimes compute it."""
    if isinstance(factor, int):
        return n * factor
    if isinstance(n, int):
        return int(_single(n * _single(factor)))
    exact = _fraction(factor)
    if _single(float(exact)) != _single(factor):
        raise ShapeError(
            "upsample-how",
            f"{factor:g} times the symbolic size {n} has no expression: it is no fraction with a "
            f"denominator up to {MOST_VIEWS}",
            field="factor",
            help=f"take a shorter factor, such as `k={round(factor, 2):g}`; or a value whose "
            "size is wanted (`upsample to=x`), or fixed sizes",
        )
    return n * exact.numerator // exact.denominator


def _fraction(factor: float) -> Fraction:
    return Fraction(factor).limit_denominator(MOST_VIEWS)


def _single(number: float) -> float:
    return unpack("f", pack("f", number))[0]


class PixelShuffle(Layer, word="pixelshuffle"):
    """Turn groups of r² channels into r times larger maps: sub-pixel convolution's last step.

    `pixelshuffle 2` makes of C channels C/4, each value's four channels a square of 2 by 2. The
    channel c·r² + i·r + j goes to row i and column j of the square, as in PyTorch.

    - Factor `2`, required; for images alone.

    Size: r times the input's. Parameters, MACs, FLOPs: none, values only move. Source: Shi et al.,
    Real-Time Single Image and Video Super-Resolution, arXiv:1609.05158.
    """

    factor: Annotated[int, Field(gt=0, le=LARGEST_SIZE)] = number()

    keeps = frozenset[str]()
    examples = (
        Example("pixelshuffle 2", "16@8x8", "4@16x16"),
        Example("pixelshuffle 3", "9@HxW", "1@3*Hx3*W"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        _image(x)
        group = self.factor**2
        if x.channels % group:
            raise ShapeError(
                "groups-mismatch",
                f"{x.channels} channels can't be split into groups of {self.factor}² = {group}",
                field="factor",
                help=f"give the layer before it a multiple of {group} filters",
            )
        return Shape(x.channels // group, tuple(n * self.factor for n in x.space))

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 0)

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return (sampled(Fraction(1, self.factor)),) * 2

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        (x,), r = inputs, self.factor
        rows = zip(axis_names(2), x.space, output.space, strict=True)
        return [
            f"channels: {x.channels}/{r}² = {output.channels}",
            *(f"{name}: {r}·{n} = {m}" for name, n, m in rows),
        ]

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        return graph.op("DepthToSpace", *inputs, blocksize=self.factor, mode="CRD")


class PixelUnshuffle(Layer, word="pixelunshuffle"):
    """Turn squares of r by r pixels into channels: what `pixelshuffle` undoes.

    `pixelunshuffle 2` makes of C channels 4·C, of maps half as high and wide. The pixel in row i
    and column j of the square of channel c goes to channel c·r² + i·r + j, as in PyTorch.

    - Factor `2`, required; for images alone. It must divide height and width.

    Size: n/r. Parameters, MACs, FLOPs: none, values only move. Source: Shi et al., Real-Time Single
    Image and Video Super-Resolution, arXiv:1609.05158.
    """

    factor: Annotated[int, Field(gt=0, le=LARGEST_SIZE)] = number()

    keeps = frozenset[str]()
    examples = (
        Example("pixelunshuffle 2", "4@16x16", "16@8x8"),
        Example("pixelunshuffle 3", "1@HxW", "9@H//3xW//3"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (x,), r = inputs, self.factor
        _image(x)
        for name, n in zip(axis_names(2), x.space, strict=True):
            if equality(n, n // r * r) is False:
                raise ShapeError(
                    "windows-uneven",
                    f"a {name} of {n} can't be split into squares of {r} by {r}",
                    field="factor",
                    help="`pad` or `crop` it to a size that the factor divides",
                )
        return Shape(x.channels * r**2, tuple(n // r for n in x.space))

    def conditions(self, *inputs: Shape) -> tuple[Condition, ...]:
        parts = (equality(n, n // self.factor * self.factor) for n in inputs[0].space)
        return tuple(part for part in parts if isinstance(part, Condition))

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 0)

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        return (ReceptiveAxis(((0, self.factor - 1),), self.factor),) * 2

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        (x,), r = inputs, self.factor
        rows = zip(axis_names(2), x.space, output.space, strict=True)
        return [
            f"channels: {x.channels}·{r}² = {output.channels}",
            *(f"{name}: {n}/{r} = {m}" for name, n, m in rows),
        ]

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        if self.factor == 1:
            return inputs[0]
        moved = graph.op("SpaceToDepth", *inputs, blocksize=self.factor)
        count, area = graph.inputs[0].channels, self.factor**2
        if count == 1:
            return moved
        order = [place * count + c for c in range(count) for place in range(area)]  # ONNX: c last
        return graph.op("Gather", moved, graph.constant("order", order, "int"), axis=1)


def _scales(x: Shape, output: Shape) -> tuple[float, ...]:
    """Factors in float32 that lead to a size, for programs that know no other way to say it; none
    where a size is open, or rounding down could miss it.
    """
    pairs = list(zip(x.space, output.space, strict=True))
    known = [(n, m) for n, m in pairs if isinstance(n, int) and isinstance(m, int)]
    scales = [_single(m / n) for n, m in known]
    reached = [n * scale for (n, _), scale in zip(known, scales, strict=True)]
    hits = all(floor(r) == floor(_single(r)) == m for r, (_, m) in zip(reached, known, strict=True))
    return (1.0, 1.0, *scales) if hits and len(known) == len(pairs) else ()


def _image(x: Shape) -> None:
    if x.rank != 2:
        raise ShapeError(
            "wrong-axes",
            f"squares of an image are its channels, but {x} has no height and width",
            help="`upsample` enlarges maps of any rank; `pool` and `avgpool` make them smaller",
        )
