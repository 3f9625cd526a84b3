"""Batch, layer and instance normalisation as ONNX has them."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from cnndsl.autodiff.backward import Backward, Gradient, rule
from cnndsl.autodiff.rules.elementwise import unbroadcast
from cnndsl.autodiff.rules.normalising import Normalised, statistics


@rule("BatchNormalization")
def batch_norm(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """A frozen one: y = γ·x̂ + β with given statistics, an affine map a channel.

    dX = γ·inverse·dY, which is the same operator without mean and bias; dβ = ΣdY and
    dγ = inverse·(ΣdY·X − mean·ΣdY). The statistics have none.
    """
    dy, *_ = cotangents
    x, weight, bias, mean, variance = node.inputs
    assert x is not None and dy is not None
    epsilon = node.attributes.get_float("epsilon", 1e-5)
    shape = back.shape(x)
    dx = d_weight = d_bias = None
    if back.needs(x):
        zero = back.constant([0.0] * shape[1], "float")
        dx = back.op("BatchNormalization", dy, weight, zero, zero, variance, epsilon=epsilon)
    if back.needs(weight):
        assert mean is not None
        shifted = back.op("Add", variance, back.constant(epsilon, "float"))
        inverse = back.op("Reciprocal", back.op("Sqrt", shifted))
        d_bias, d_weight = Normalised(x, shape, mean, inverse).sums(back, dy)
    elif back.needs(bias):
        axes = [axis for axis in range(len(shape)) if axis != 1]
        d_bias = back.op("ReduceSum", dy, back.constant(axes), keepdims=0)
    return [dx, d_weight, d_bias if back.needs(bias) else None, None, None]


@rule("LayerNormalization")
def layer_norm(back: Backward, node: ir.Node, cotangents: Sequence[Gradient]) -> Sequence[Gradient]:
    """As `normalising` derives it, over the last axes: with g = γ·dY and means over those axes,

    dX = inverse·(g − mean g − x̂·mean(g·x̂)). The forward node gives mean and inverse too.
    """
    dy, *_ = cotangents
    x, weight, *rest = node.inputs
    assert x is not None and weight is not None and dy is not None
    for i in range(len(node.outputs), 3):
        node.resize_outputs(i + 1)
        node.outputs[i].name = f"{node.outputs[0].name}/{('', 'mean', 'inverse')[i]}"
    _, mean, inverse = node.outputs
    shape = back.shape(x)
    axes = back.constant(list(range(node.attributes.get_int("axis", -1) % len(shape), len(shape))))
    normal = back.op("Mul", back.op("Sub", x, mean), inverse)
    dx = d_weight = None
    if back.needs(x):
        g = back.op("Mul", dy, weight)
        along = back.op("ReduceMean", back.op("Mul", g, normal), axes)
        even = back.op("Sub", g, back.op("ReduceMean", g, axes))
        dx = back.op("Mul", back.op("Sub", even, back.op("Mul", normal, along)), inverse)
    if back.needs(weight):
        d_weight = unbroadcast(back, back.op("Mul", dy, normal), back.shape(weight), shape)
    d_bias = [
        unbroadcast(back, dy, back.shape(bias), shape) if bias and back.needs(bias) else None
        for bias in rest
    ]
    return [dx, d_weight, *d_bias]


@rule("InstanceNormalization")
def instance_norm(
    back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """A batch norm of one example whose channels are all channels of all examples."""
    (dy,), (x, weight, bias) = cotangents, node.inputs
    assert x is not None and weight is not None and dy is not None
    examples, channels, *space = back.shape(x)
    whole = (1, examples * channels, *space)

    def every(value: ir.Value) -> ir.Value:
        repeated = back.op("Expand", value, back.constant([examples, channels]))
        return back.op("Reshape", repeated, back.constant([-1]))

    def once(value: ir.Value) -> ir.Value:
        rows = back.op("Reshape", value, back.constant([examples, channels]))
        return back.op("ReduceSum", rows, back.constant([0]), keepdims=0)

    flat_x, flat_dy = (back.op("Reshape", v, back.constant(list(whole))) for v in (x, dy))
    epsilon = node.attributes.get_float("epsilon", 1e-5)
    mean, _, inverse = statistics(back, flat_x, whole, epsilon)
    normal = Normalised(flat_x, whole, mean, inverse)
    d_bias, d_weight = normal.sums(back, flat_dy)
    dx = None
    if back.needs(x):
        dx = normal.of_input(back, flat_dy, every(weight), d_bias, d_weight)
        dx = back.op("Reshape", dx, back.constant(list(back.shape(x))))
    return [
        dx,
        once(d_weight) if back.needs(weight) else None,
        once(d_bias) if back.needs(bias) else None,
    ]
