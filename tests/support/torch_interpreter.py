"""A network run by torch: a function a layer word, written after the language's description.

Training forms where torch has them: batch statistics, dropout by given noise. Parameters are
tensors by their full names; what a frozen step has isn't trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnndsl.layers.pool import Pool
from cnndsl.network import Network, Step
from cnndsl.shape import Shape

Tensor = Any
Function = Callable[..., Tensor]
FUNCTIONS: dict[str, Function] = {}


def word(*names: str) -> Callable[[Function], Function]:
    """Register what a word does: function(run, step, *inputs)."""

    def register(function: Function) -> Function:
        for name in names:
            FUNCTIONS[name] = function
        return function

    return register


@dataclass
class Run:
    """One forward pass in training; `statistics` collects the new running averages."""

    torch: Any
    network: Network
    parameters: Mapping[str, Tensor]
    noise: Mapping[str, Tensor]
    frozen: Callable[[Step], bool] = lambda step: False
    values: dict[str, Tensor] = field(default_factory=dict[str, Any])
    statistics: dict[str, Tensor] = field(default_factory=dict[str, Any])
    indices: dict[str, Tensor] = field(default_factory=dict[str, Any])

    @property
    def functions(self) -> Any:
        return self.torch.nn.functional

    def parameter(self, step: Step, name: str) -> Tensor | None:
        return self.parameters.get(f"{step.owner}.{name}")

    def shape(self, step: Step, number: int = 0) -> Shape:
        return self.network.shapes[step.inputs[number]]

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Every value of the network by its name."""
        self.values = dict(inputs)
        for step in self.network.steps:
            arguments = [self.values[name] for name in step.inputs]
            self.values[step.name] = FUNCTIONS[step.layer.word](self, step, *arguments)
        return self.values


def sides(pads: Any) -> list[int]:
    """Pads (before, after) an axis in the order torch takes them: the last axis first."""
    return [n for pair in reversed(list(pads)) for n in pair]


def channels(value: Tensor, like: Tensor) -> Tensor:
    """One number a channel, to be broadcast over the space."""
    return value.reshape(1, -1, *[1] * (like.ndim - 2))


@word("conv", "dwconv")
def conv(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    shape = run.shape(step)
    window = layer.window(shape)
    groups = shape.channels if layer.word == "dwconv" else layer.groups
    function = getattr(run.functions, f"conv{shape.rank}d")
    return function(
        run.functions.pad(x, sides(window.pads)),
        run.parameter(step, "weight"),
        run.parameter(step, "bias"),
        window.stride,
        0,
        window.dilation,
        groups,
    )


@word("deconv")
def deconv(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    window = layer.window(run.shape(step))
    function = getattr(run.functions, f"conv_transpose{x.ndim - 2}d")
    whole = function(
        x,
        run.parameter(step, "weight"),
        None,
        window.stride,
        groups=layer.groups,
        dilation=window.dilation,
    )
    cut = run.functions.pad(whole, [-n for n in sides(window.pads)])  # or grown, bias included
    bias = run.parameter(step, "bias")
    return cut if bias is None else cut + bias.reshape(-1, *[1] * (x.ndim - 2))


@word("fc")
def dense(run: Run, step: Step, x: Tensor) -> Tensor:
    weight, bias = run.parameter(step, "weight"), run.parameter(step, "bias")
    return run.functions.linear(x.flatten(1), weight, bias)


@word("bn")
def batch_norm(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    names = ("running_mean", "running_var")
    frozen = run.frozen(step)
    averages: list[Tensor] = [
        run.statistics.get(f"{step.owner}.{n}", run.parameter(step, n)) for n in names
    ]
    averages = [average.clone() for average in averages]
    y = run.functions.batch_norm(
        x,
        *averages,
        run.parameter(step, "weight"),
        run.parameter(step, "bias"),
        training=not frozen,
        momentum=1 - layer.keep,
        eps=layer.eps,
    )
    if not frozen:
        run.statistics |= {f"{step.owner}.{n}": a for n, a in zip(names, averages, strict=True)}
    return y


@word("pool")
def max_pool(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    assert isinstance(layer, Pool)
    window = layer.rounded_down(run.shape(step))
    padded = run.functions.pad(x, sides(window.pads), value=float("-inf"))
    function = getattr(run.functions, f"max_pool{x.ndim - 2}d")
    y, indices = function(
        padded, window.kernel, window.stride, 0, window.dilation, return_indices=True
    )
    run.indices[step.name] = indices
    return y


@word("unpool")
def unpool(run: Run, step: Step, x: Tensor, *_: Tensor) -> Tensor:
    pool = run.network.by_name[step.inputs[1]]
    layer: Any = pool.layer
    window = layer.rounded_down(run.shape(pool))
    space = run.shape(pool).sizes
    padded = [n + sum(p) for n, p in zip(space, window.pads, strict=True)]
    flat = x.new_zeros(*x.shape[:2], _product(padded))
    places = run.indices[pool.name].flatten(2)
    whole = flat.scatter(2, places, x.flatten(2)).reshape(*x.shape[:2], *padded)
    return run.functions.pad(whole, [-n for n in sides(window.pads)])


@word("avgpool")
def average_pool(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    shape = run.shape(step)
    window, asked = layer.rounded_down(shape), layer.window(shape).pads
    function = getattr(run.functions, f"avg_pool{x.ndim - 2}d")

    def sums(value: Tensor) -> Tensor:
        padded = run.functions.pad(value, sides(window.pads))
        return function(padded, window.kernel, window.stride)

    ones = run.torch.ones_like(x)
    if layer.countpad:
        rest = [(p - q, r - s) for (p, r), (q, s) in zip(window.pads, asked, strict=True)]
        ones = run.functions.pad(ones, sides(asked), value=1.0)
        ones = run.functions.pad(ones, sides(rest))
        return sums(x) / function(ones, window.kernel, window.stride)
    return sums(x) / sums(ones)


@word("gap", "gmp")
def adaptive_pool(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    if layer.channels:
        return x.mean(1, keepdim=True) if layer.word == "gap" else x.amax(1, keepdim=True)
    kind = {"gap": "avg", "gmp": "max"}[layer.word]
    function = getattr(run.functions, f"adaptive_{kind}_pool{x.ndim - 2}d")
    return function(x, step.output.sizes)


@word("dropout")
def dropout(run: Run, step: Step, x: Tensor) -> Tensor:
    return _drop(run, step, x)


@word("droppath")
def drop_path(run: Run, step: Step, x: Tensor) -> Tensor:
    return _drop(run, step, x)


def _drop(run: Run, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    noise = run.noise.get(f"{step.name}.noise")
    if noise is None:
        return x
    return x * (noise >= layer.probability) / (1 - layer.probability)


@word("sample")
def sample(run: Run, step: Step, mean: Tensor, log_variance: Tensor) -> Tensor:
    noise = run.noise[f"{step.name}.noise"]
    return mean + run.torch.exp(log_variance / 2) * noise


def _product(sizes: list[int]) -> int:
    product = 1
    for n in sizes:
        product *= n
    return product
