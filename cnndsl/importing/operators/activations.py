"""Activations, Softmax, and elementary functions that activations are made of."""

from __future__ import annotations

from itertools import chain

import numpy as np

from cnndsl.importing.elementary import Elementary
from cnndsl.importing.nodes import MixedExamplesError, Node
from cnndsl.importing.views import View, along_channels
from cnndsl.importing.walking import Walker, operator

WORDS = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "HardSwish": "hswish",
    "Mish": "mish",
}
FUNCTIONS = {
    "Erf": "erf",
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "sqrt",
    "Abs": "abs",
    "Reciprocal": "reciprocal",
}
SELU = (1.67326319217681884765625, 1.05070102214813232421875)


@operator(*WORDS)
def activation(walker: Walker, node: Node) -> View:
    """One without arguments."""
    return walker.elementwise(node, node.view(), WORDS[node.kind])


@operator(*FUNCTIONS)
def function(walker: Walker, node: Node) -> View:
    """A part of an activation, which is found later on."""
    return elementary(walker, node, node.view(), FUNCTIONS[node.kind])


def elementary(walker: Walker, node: Node, view: View, kind: str, *numbers: float) -> View:
    """Add a function of one value that isn't a layer by itself."""
    layer = Elementary(kind=kind, operator=node.kind, numbers=numbers)
    return view.on(walker.add(node, layer, view.base))


@operator("Clip")
def clip(walker: Walker, node: Node) -> View:
    """Bounds, each of which may be missing."""
    low, high = node.number("min", -np.inf), node.number("max", np.inf)
    low = float(node.floats(1).reshape(-1)[0]) if node.has(1) else low
    high = float(node.floats(2).reshape(-1)[0]) if node.has(2) else high
    return bounded(walker, node, node.view(), low, high)


def bounded(walker: Walker, node: Node, view: View, low: float, high: float) -> View:
    """`relu6`, `relu`, or a part of an activation."""
    if low < -1e30 and high > 1e30:
        return view
    if low >= high:  # then ONNX gives the upper bound everywhere
        return walker.affine(node, view, factor=0.0, offset=high)
    if low == 0 and high == 6:
        return walker.elementwise(node, view, "relu6")
    if low == 0 and high > 1e30:
        return walker.elementwise(node, view, "relu")
    return elementary(walker, node, view, "clip", low, high)


@operator("LeakyRelu")
def leaky(walker: Walker, node: Node) -> View:
    """`leaky`."""
    return walker.elementwise(node, node.view(), "leaky", slope=node.number("alpha", 0.01))


@operator("Elu", "Celu")
def elu(walker: Walker, node: Node) -> View:
    """`elu`, `celu`."""
    word = node.kind.lower()
    return walker.elementwise(node, node.view(), word, alpha=node.number("alpha", 1.0))


@operator("ThresholdedRelu")
def threshold(walker: Walker, node: Node) -> View:
    """`threshold`."""
    alpha = node.number("alpha", 1.0)
    return walker.elementwise(node, node.view(), "threshold", threshold=alpha)


@operator("Shrink")
def shrink(walker: Walker, node: Node) -> View:
    """`shrink`."""
    bound, move = node.number("lambd", 0.5), node.number("bias", 0.0)
    return walker.elementwise(node, node.view(), "shrink", bound=bound, move=move)


@operator("Selu")
def selu(walker: Walker, node: Node) -> View:
    """`selu`, whose two numbers are fixed."""
    given = node.number("alpha", SELU[0]), node.number("gamma", SELU[1])
    if not np.allclose(given, SELU, rtol=1e-4):
        node.refuse(f"has other numbers than selu's, {given[0]:g} and {given[1]:g}")
    return walker.elementwise(node, node.view(), "selu")


@operator("HardSigmoid")
def hard_sigmoid(walker: Walker, node: Node) -> View:
    """`hsigmoid`, or a clipped line."""
    alpha, beta = node.number("alpha", 0.2), node.number("beta", 0.5)
    if np.isclose(alpha, 1 / 6, rtol=1e-4) and beta == 0.5:
        return walker.elementwise(node, node.view(), "hsigmoid")
    line = walker.affine(node, node.view(), alpha, beta)
    return elementary(walker, node, line, "clip", 0.0, 1.0)


@operator("Gelu")
def gelu(walker: Walker, node: Node) -> View:
    """`gelu`."""
    tanh = node.text("approximate", "none") == "tanh"
    return walker.elementwise(node, node.view(), "gelu", approximate=tanh)


@operator("Swish")
def swish(walker: Walker, node: Node) -> View:
    """x·sigmoid(alpha·x): `silu`."""
    if node.number("alpha", 1.0) != 1:
        node.refuse("has another alpha than 1, which no activation of the language has")
    return walker.elementwise(node, node.view(), "silu")


@operator("PRelu")
def prelu(walker: Walker, node: Node) -> View:
    """`prelu`, with one slope a channel or one for all."""
    view, slopes = node.view(), node.floats(1)
    if node.opset < 7 and slopes.ndim == 1 and slopes.size > 1:  # before broadcasting was general
        slopes = slopes.reshape([-1, *(1,) * (len(view.dims) - 2)])
    found = along_channels(view, slopes)
    if found is None:
        node.refuse("has a slope for every position; `prelu` has one a channel")
    shared = slopes.size == 1 and view.base.output.channels > 1
    layer = walker.layer(node, "prelu", shared=shared)
    values = {"weight": found[:1] if shared else found}
    return view.on(walker.add(node, layer, view.base, values=values))


@operator("Softmax", "LogSoftmax")
def softmax(walker: Walker, node: Node) -> View:
    """`softmax` along the channels."""
    view = node.view()
    word = "softmax" if node.kind == "Softmax" else "logsoftmax"
    if node.opset < 13:  # all dimensions from the axis on count as one
        axis = node.axis(default=1)
        over = tuple(chain.from_iterable(view.dims[axis:]))
    else:
        over = view.dims[node.axis(default=-1)]
    if set(over) & set(walker.batch):
        raise MixedExamplesError(
            f"the model's {node.kind} `{node.name}` is taken over the whole batch, so that its "
            f"examples depend on each other; in a net they never do"
        )
    if set(over) != set(view.axes[1]):
        if over == tuple(chain.from_iterable(view.axes[1:])):
            flat = walker.whole(walker.arrange(node, view, [over]))
            made = walker.whole(walker.add(node, walker.layer(node, word), flat.base))
            return made.reshaped(view.sizes)
        if not over:
            node.refuse("is taken along an axis of size 1, so that it gives 1 everywhere")
        view = walker.as_channels(node, view, view.inner(over))
    return walker.elementwise(node, view, word)
