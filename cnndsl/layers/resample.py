"""Maps of another size without weights: `upsample`, `pixelshuffle` and `pixelunshuffle`."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field

from cnndsl.layers.arguments import LARGEST_SIZE, Axes, number, size, words
from cnndsl.layers.base import Builder, Cost, Example, Layer, Reach, ShapeError, Sight, Value
from cnndsl.layers.windows import axis_names, spread
from cnndsl.shape import Condition, Shape, equality


class Upsample(Layer, word="upsample"):
    """Enlarge a map by whole factors. `upsample 2x2` doubles height and width.

    - Factors `2x2` (or `k2`), required.
    - `nearest` (default) repeats every value; `bilinear` interpolates between the centres of the
      pixels (PyTorch's align_corners=False, ONNX's half_pixel) and repeats the outermost ones. For
      one and three axes it is linear and trilinear interpolation, which may be written so.

    Size: factor times the input's. Parameters: none. MACs: none. FLOPs: none for `nearest`; else
    per output value a product for each of its 2, 4 or 8 neighbours and the additions: 3, 7 or 15.
    """

    factor: Axes = size()
    mode: Literal["nearest", "linear"] = words(
        "nearest", nearest="nearest", bilinear="linear", linear="linear", trilinear="linear"
    )

    keeps = frozenset[str]()
    examples = (
        Example("upsample 2x2", "64@14x14", "64@28x28"),
        Example("upsample 2x2 bilinear", "64@HxW", "64@2*Hx2*W"),
        Example("upsample k3 linear", "2@10", "2@30"),
        Example("upsample 1x2x2 trilinear", "2@4x4x4", "2@4x8x8"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        factors = spread(self.factor, x, "factor")
        return Shape(x.channels, tuple(n * f for n, f in zip(x.space, factors, strict=True)))

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        neighbours = 2**output.rank if self.mode == "linear" else 0
        return Cost(0, output.elements * max(2 * neighbours - 1, 0))

    def reach(self, inputs: tuple[Shape, ...], output: Shape) -> Sight:
        return tuple(
            _between(factor, 2 if self.mode == "linear" and factor > 1 else 1)
            for factor in spread(self.factor, inputs[0], "factor")
        )

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        (x,) = inputs
        rows = zip(
            axis_names(x.rank),
            spread(self.factor, x, "factor"),
            x.space,
            output.space,
            strict=True,
        )
        return [f"{name}: {factor}·{n} = {m}" for name, factor, n, m in rows]

    def lower(self, graph: Builder, *inputs: Any) -> Value:
        factors = spread(self.factor, graph.inputs[0], "factor")
        if all(factor == 1 for factor in factors):
            return inputs[0]
        nearest = self.mode == "nearest"
        return graph.op(
            "Resize",
            *inputs,
            None,
            graph.constant("scales", (1, 1, *factors)),
            mode=self.mode,
            coordinate_transformation_mode="asymmetric" if nearest else "half_pixel",
            nearest_mode="floor" if nearest else None,
        )


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

    def reach(self, inputs: tuple[Shape, ...], output: Shape) -> Sight:
        return (_between(self.factor, 1),) * 2

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

    def reach(self, inputs: tuple[Shape, ...], output: Shape) -> Sight:
        return (Reach(self.factor, Fraction(self.factor), Fraction(0)),) * 2

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


def _image(x: Shape) -> None:
    if x.rank != 2:
        raise ShapeError(
            "wrong-axes",
            f"squares of an image are its channels, but {x} has no height and width",
            help="`upsample` enlarges maps of any rank; `pool` and `avgpool` make them smaller",
        )


def _between(factor: int, size: int) -> Reach:
    """The `size` inputs around the middle of an output pixel that is 1/factor wide."""
    step = Fraction(1, factor)
    return Reach(size, step, (step - size) / 2)
