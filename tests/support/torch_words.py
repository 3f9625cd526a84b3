"""Words for `torch_interpreter`: activations, norms, values moved and put together."""

from __future__ import annotations

from functools import reduce
from typing import Any

from cnndsl.layers.windows import broadcast
from cnndsl.network import Step
from tests.support.torch_interpreter import (
    FUNCTIONS,
    Function,
    Run,
    Tensor,
    channels,
    sides,
    word,
)


@word("lrn")
def local_response_norm(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    n = layer.channels
    map_ = x[..., None] if x.ndim == 2 else x  # torch takes no vectors
    y = run.functions.local_response_norm(map_, n, layer.alpha * n, layer.beta, layer.k)
    return y.reshape(x.shape)


@word("scale")
def scale(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    if layer.is_fixed:
        y = x if layer.factor is None else x * layer.factor
        return y if layer.offset is None else y + layer.offset
    y = x * channels(run.parameter(step, "weight"), x)
    bias = run.parameter(step, "bias")
    return y if bias is None else y + channels(bias, x)


@word("rbf")
def radial_basis(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    codes = run.torch.tensor(layer.codes(x.shape[1]), dtype=x.dtype)
    return -((x[:, None] - codes) ** 2).sum(2)


@word("add", "sub", "mul", "div", "max", "min")
def arithmetic(run: Run, step: Step, *inputs: Tensor) -> Tensor:
    name = {"max": "maximum", "min": "minimum"}.get(step.layer.word, step.layer.word)
    return reduce(getattr(run.torch, name), inputs)


@word("concat")
def concat(run: Run, step: Step, *inputs: Tensor) -> Tensor:
    return run.torch.cat(inputs, 1)


@word("flatten", "reshape")
def reshape(run: Run, step: Step, x: Tensor) -> Tensor:
    return x.reshape(x.shape[0], *step.output)


@word("take")
def take(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    return x[:, list(layer.chosen(run.shape(step)))]


@word("widen")
def widen(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    before, after = layer.margins(run.shape(step))
    return run.functions.pad(x, [0, 0] * (x.ndim - 2) + [before, after])


@word("crop")
def crop(run: Run, step: Step, x: Tensor, *_: Tensor) -> Tensor:
    layer: Any = step.layer
    return run.functions.pad(x, [-n for n in sides(layer.margins(run.shape(step), step.output))])


def _named(name: str) -> Function:
    def function(run: Run, step: Step, x: Tensor) -> Tensor:
        return getattr(run.functions, name)(x)

    return function


for _word in ("softsign", "relu", "relu6", "sigmoid", "tanh", "silu", "mish", "selu", "softplus"):
    FUNCTIONS[_word] = _named(_word)
FUNCTIONS["hswish"], FUNCTIONS["hsigmoid"] = _named("hardswish"), _named("hardsigmoid")


@word("softmax")
def softmax(run: Run, step: Step, x: Tensor) -> Tensor:
    return run.functions.softmax(x, 1)


@word("logsoftmax")
def log_softmax(run: Run, step: Step, x: Tensor) -> Tensor:
    return run.functions.log_softmax(x, 1)


@word("leaky")
def leaky(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    return run.functions.leaky_relu(x, layer.slope)


@word("prelu")
def prelu(run: Run, step: Step, x: Tensor) -> Tensor:
    return run.functions.prelu(x, run.parameter(step, "weight"))


@word("elu", "celu")
def elu(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    return getattr(run.functions, layer.word)(x, layer.alpha)


@word("threshold")
def threshold(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    return run.functions.threshold(x, layer.threshold, 0.0)


@word("shrink")
def shrink(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    beyond = x - layer.move * x.sign()
    return run.torch.where(x.abs() > layer.bound, beyond, run.torch.zeros_like(x))


@word("abs", "exp", "log")
def function(run: Run, step: Step, x: Tensor) -> Tensor:
    return getattr(run.torch, step.layer.word)(x)


@word("power")
def power(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    return x**layer.exponent


@word("clamp")
def clamp(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    return x.clamp(layer.low, layer.high)


@word("l2norm")
def unit_length(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    return run.functions.normalize(x, eps=layer.eps)


@word("grn")
def global_response(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    weight, bias = (channels(run.parameter(step, name), x) for name in ("weight", "bias"))
    length = x.flatten(2).norm(dim=2).reshape(*x.shape[:2], *[1] * (x.ndim - 2))
    return x + weight * x * length / (length.mean(1, keepdim=True) + layer.eps) + bias


@word("minmax")
def min_max(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    axes = tuple(range(1 if layer.all else 2, x.ndim))
    low = x.amin(axes, keepdim=True)
    extent = x.amax(axes, keepdim=True) - low
    return (x - low) / run.torch.where(extent == 0, run.torch.ones_like(extent), extent)


@word("atan2")
def angle(run: Run, step: Step, y: Tensor, x: Tensor) -> Tensor:
    return run.torch.atan2(y, x)


@word("gelu")
def gelu(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    return run.functions.gelu(x, approximate="tanh" if layer.approximate else "none")


@word("ln")
def layer_norm(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    weight, bias = run.parameter(step, "weight"), run.parameter(step, "bias")
    if layer.all:
        return run.functions.layer_norm(x, x.shape[1:], weight, bias, layer.eps)
    last = run.functions.layer_norm(x.movedim(1, -1), x.shape[1:2], weight, bias, layer.eps)
    return last.movedim(-1, 1)


@word("inorm")
def instance_norm(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    return run.functions.instance_norm(
        x,
        weight=run.parameter(step, "weight"),
        bias=run.parameter(step, "bias"),
        eps=layer.eps,
    )


@word("gn")
def group_norm(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    weight, bias = run.parameter(step, "weight"), run.parameter(step, "bias")
    return run.functions.group_norm(x, layer.groups, weight, bias, layer.eps)


@word("filter")
def fixed_filter(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    shape = run.shape(step)
    kernel, values = layer.taps(shape)
    window = layer.window(shape)
    weight = run.torch.tensor(values, dtype=x.dtype).reshape(1, 1, *kernel)
    weight = weight.expand(shape.channels, *weight.shape[1:])
    padded = run.functions.pad(x, sides(window.pads))
    function = getattr(run.functions, f"conv{shape.rank}d")
    return function(padded, weight, None, window.stride, groups=shape.channels)


@word("pad")
def pad(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    margins = sides(layer.margins(run.shape(step)))
    if layer.mode == "constant":
        return run.functions.pad(x, margins, value=layer.value)
    return run.functions.pad(x, margins, {"edge": "replicate"}.get(layer.mode, layer.mode))


@word("pixelshuffle")
def pixel_shuffle(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    return run.functions.pixel_shuffle(x, layer.factor)


@word("pixelunshuffle")
def pixel_unshuffle(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    return run.functions.pixel_unshuffle(x, layer.factor)


@word("shuffle")
def shuffle(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    groups = x.reshape(x.shape[0], layer.groups, -1, *x.shape[2:])
    return groups.transpose(1, 2).reshape(x.shape)


@word("upsample")
def upsample(run: Run, step: Step, x: Tensor, *_: Tensor) -> Tensor:
    layer: Any = step.layer
    sizes, given = step.output.sizes, layer.factor and broadcast(layer.factor, run.shape(step), "")
    linear, where = layer.mode == "linear", layer.coordinates
    if where == ("asymmetric" if linear else "align_corners"):
        return _by_axes(run, x, layer, sizes, given)
    fields: dict[str, Any] = {"mode": ("linear", "bilinear", "trilinear")[len(sizes) - 1]}
    if linear:
        fields["align_corners"] = where == "align_corners"
    else:
        fields["mode"] = "nearest-exact" if where == "half_pixel" else "nearest"
    if given is None or fields.get("align_corners"):
        return run.functions.interpolate(x, sizes, **fields)
    return run.functions.interpolate(x, scale_factor=tuple(map(float, given)), **fields)


def _by_axes(run: Run, x: Tensor, layer: Any, sizes: Any, given: Any) -> Tensor:
    """What torch has no word for: linear by i/f, nearest between corners."""
    for axis, (n, m) in enumerate(zip(x.shape[2:], sizes, strict=True), 2):
        i = run.torch.arange(m, dtype=x.dtype)
        if layer.mode == "nearest":
            places = (i * (n - 1) / max(m - 1, 1) + 0.5).floor().long()
            x = x.index_select(axis, places)
            continue
        places = i / (given[axis - 2] if given else m / n)
        low = places.floor().clamp(0, n - 1)
        part = channels(places - low, x.movedim(axis, 1)).movedim(1, axis).clamp(0, 1)
        high = x.index_select(axis, (low + 1).clamp(0, n - 1).long())
        x = x.index_select(axis, low.long()) * (1 - part) + high * part
    return x
