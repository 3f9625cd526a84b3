"""The gradient of a map normalised by a mean and a variance that it has itself.

y = weight·x̂ + bias with x̂ = (x − mean)·inverse, inverse = 1/√(variance + epsilon); mean and
variance (the map's own, not the unbiased one) are taken over M values a channel. With dβ = Σdy and
dγ = Σdy·x̂ the chain rule gives (Ioffe and Szegedy 2015, section 3)

    dx = γ·inverse·(dy − dβ/M − x̂·dγ/M)

which is a·dy + b·x + d with three numbers a channel: a = γ·inverse, b = −a·inverse·dγ/M and
d = −a·dβ/M − b·mean. So the map is read for two sums and two products, not for ten operators. An
affine map a channel is one pass as an inference batch norm of mean 0 and variance 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward
from cnndsl.graphs.writer import Writer


def affine(
    write: Writer, x: ir.Value | None, factor: ir.Value, offset: ir.Value, channels: int
) -> ir.Value:
    """factor·x + offset, one of each for every entry of axis 1."""
    zero, one = (write.constant([v] * channels, "float") for v in (0.0, 1.0))
    return write.op("BatchNormalization", x, factor, offset, zero, one, epsilon=0.0)


def centred(write: Writer, x: ir.Value | None, mean: ir.Value, channels: int) -> ir.Value:
    """x − mean, one mean for every entry of axis 1."""
    zero, one = (write.constant([v] * channels, "float") for v in (0.0, 1.0))
    return write.op("BatchNormalization", x, one, zero, mean, one, epsilon=0.0)


@dataclass(frozen=True, slots=True)
class Normalised:
    """A map [batch, channels, …] with the mean and inverse deviation of every channel."""

    x: ir.Value
    shape: tuple[int, ...]
    mean: ir.Value
    inverse: ir.Value

    @property
    def axes(self) -> list[int]:
        """What the statistics are taken over."""
        return [axis for axis in range(len(self.shape)) if axis != 1]

    def sums(self, back: Backward, dy: ir.Value) -> tuple[ir.Value, ir.Value]:
        """dβ = Σdy and dγ = Σdy·x̂ = (Σdy·x − mean·Σdy)·inverse."""
        axes = back.constant(self.axes)
        d_bias = back.op("ReduceSum", dy, axes, keepdims=0)
        products = back.op("ReduceSum", back.op("Mul", dy, self.x), axes, keepdims=0)
        lowered = back.op("Sub", products, back.op("Mul", self.mean, d_bias))
        return d_bias, back.op("Mul", lowered, self.inverse)

    def of_input(
        self,
        back: Backward,
        dy: ir.Value,
        weight: ir.Value | None,
        d_bias: ir.Value,
        d_weight: ir.Value,
    ) -> ir.Value:
        """dx = a·dy + b·x + d."""
        channels = self.shape[1]
        share = back.constant(-channels / prod(self.shape), "float")
        a = back.op("Mul", weight, self.inverse)
        b = back.op("Mul", back.op("Mul", a, self.inverse), back.op("Mul", d_weight, share))
        shift = back.op("Mul", back.op("Mul", a, d_bias), share)
        d = back.op("Sub", shift, back.op("Mul", b, self.mean))
        none = back.constant([0.0] * channels, "float")
        return back.op(
            "Add", affine(back, dy, a, d, channels), affine(back, self.x, b, none, channels)
        )


def statistics(
    write: Writer, x: ir.Value, shape: tuple[int, ...], epsilon: float
) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Mean, variance and inverse deviation of every channel.

    The variance is the mean of squared differences: Σx² − M·mean² would cancel digits.
    """
    axes = write.constant([axis for axis in range(len(shape)) if axis != 1])
    mean = write.op("ReduceMean", x, axes, keepdims=0)
    difference = centred(write, x, mean, shape[1])
    variance = write.op("ReduceMean", write.op("Mul", difference, difference), axes, keepdims=0)
    shifted = write.op("Add", variance, write.constant(epsilon, "float"))
    return mean, variance, write.op("Reciprocal", write.op("Sqrt", shifted))
