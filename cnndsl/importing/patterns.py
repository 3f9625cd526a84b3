"""Activations that a model writes as arithmetic, found by computing them.

x·sigmoid(x), x·clip(x + 3, 0, 6)/6, x/2·(1 + erf(x/√2)): exporters have many ways to write the same
function. So the function from one value to another is computed on a grid and compared with the
language's activations; how it was written doesn't matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache, reduce
from typing import cast

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.importing.draft import Array, Draft, Step, Value
from cnndsl.importing.elementary import FUNCTIONS, Elementary, Lowest
from cnndsl.layers import LAYERS
from cnndsl.layers.activations import Elu, Leaky
from cnndsl.layers.arithmetic import Arithmetic
from cnndsl.layers.base import Layer
from cnndsl.layers.functions import Clamp, Power
from cnndsl.layers.gates import Gelu
from cnndsl.layers.scale import Scale
from cnndsl.shape import Shape

_FAR = np.array([12.0, 20.0, 33.0, 50.0, 100.0, 300.0, 1e3, 1e4])
GRID = np.concatenate([-_FAR[::-1], np.linspace(-9, 9, 361), _FAR])
"""Has 0 and the corners of the usual clips; the far ends tell `relu` from a relu with a bound."""

PROBES = np.array([2.3, -1.7])  # tried before the grid, which takes longer
MOST_STEPS = 16  # of one activation
CLOSE = 2e-5

_ARITHMETIC: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "atan2": np.arctan2,
    "max": np.maximum,
    "min": np.minimum,
}
_SQRT_2_PI = float(np.sqrt(2 / np.pi))
_PHI = FUNCTIONS["erf"]

PLAIN: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hsigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(0, x),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "hswish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "gelu": lambda x: x / 2 * (1 + _PHI(x / np.sqrt(2))),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "selu": lambda x: (
        1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))
    ),
}


def _gelu_tanh(x: Array) -> Array:
    return x / 2 * (1 + np.tanh(_SQRT_2_PI * (x + 0.044715 * x**3)))


@dataclass(frozen=True, slots=True)
class Trace:
    """What a step may be a function of.

    `distances` are the nearest values of its own shape, by the steps from them to it; a row of
    `rows` is what it gives where one of them is PROBES, nan where it depends on others too.
    """

    distances: dict[Value, int]
    rows: Array

    def rows_of(self, entries: Sequence[Value]) -> Array:
        """The rows of these entries, nan for those that it isn't a function of."""
        if [*self.distances][: len(entries)] == entries:
            return self.rows[: len(entries)]
        places = {entry: i for i, entry in enumerate(self.distances)}
        found = np.full((len(entries), len(PROBES)), np.nan)
        for row, entry in enumerate(entries):
            if entry in places:
                found[row] = self.rows[places[entry]]
        return found


def find_activations(draft: Draft) -> None:
    """Put activations in the place of the arithmetic that they are written as."""
    # what is recognised stays uniform: it becomes an activation
    uniform = {step for step in draft.steps if _is_uniform(step)}
    traced = _traced(draft.steps, uniform)
    for step in reversed(draft.steps):
        if step not in uniform or not _may_end(step):
            continue
        for entry in _likely_entries(traced[step]):
            values = _computed(step, entry, GRID, uniform)
            layer = None if values is None else _recognised(values)
            if layer is not None and _is_slight(step, entry, values, uniform):
                continue
            if layer is not None:
                step.layer, step.inputs, step.values = layer, [entry], {}
                break
    draft.tidy()
    for step in draft.steps:
        _as_layer(step)
        if isinstance(step.layer, Elementary):
            raise UsageError(
                f"the model's {step.layer.operator} `{step.hint}` is no layer of the language, nor "
                f"a part of an activation or norm of the usual ones"
            )
        if isinstance(step.layer, Lowest):
            raise UsageError(
                f"the model's Pad `{step.hint}` fills a border with minus infinity, as only the "
                f"padding of a `pool` does"
            )


def _is_slight(step: Step, entry: Value, values: Array | None, uniform: AbstractSet[Value]) -> bool:
    """Whether a step is a bound that the grid is too coarse to show: max(x, 1e-12) is no relu."""
    if not isinstance(step.layer, Elementary) or step.layer.kind != "clip":
        return False
    (x,) = step.inputs
    before = GRID if x is entry else _computed(cast(Step, x), entry, GRID, uniform)
    changed = before is not None and values is not None and np.abs(before - values) > CLOSE
    return x is entry or not np.any(changed)


def _may_end(step: Step) -> bool:
    return isinstance(step.layer, Arithmetic | Elementary | Scale)


def _is_uniform(step: Step) -> bool:
    """Whether it treats every value alike, by numbers that are known."""
    if isinstance(step.layer, Scale):
        return all(np.ptp(v) == 0 for v in step.values.values())
    return (
        step.word in PLAIN
        or step.word in ("leaky", "elu")
        or isinstance(step.layer, Arithmetic | Elementary)
    )


def _traced(steps: Sequence[Step], uniform: AbstractSet[Value]) -> dict[Value, Trace]:
    """The traces of uniform steps that may end an activation, and of those that lead to them."""
    lead: dict[Value, int] = {}
    for step in reversed(steps):
        left = MOST_STEPS if _may_end(step) else lead.get(step, 0)
        if left and step in uniform:
            lead[step] = left
            lead |= {v: left - 1 for v in step.inputs if lead.get(v, 0) < left - 1}
    traced: dict[Value, Trace] = {}
    with np.errstate(all="ignore"):
        for step in steps:
            if step in uniform and lead.get(step):
                traces = [_as_entry(value, step.output, traced) for value in step.inputs]
                distances = dict[Value, int]()
                for trace in traces:
                    for entry, distance in trace.distances.items():
                        distances[entry] = min(distance, distances.get(entry, distance))
                nearest = sorted(distances, key=distances.__getitem__)[:MOST_STEPS]
                rows = [trace.rows_of(nearest) for trace in traces]
                traced[step] = Trace({v: distances[v] for v in nearest}, _applied(step, rows))
    return traced


def _as_entry(value: Value, shape: Shape, traced: Mapping[Value, Trace]) -> Trace:
    """What a step of the shape takes: the value itself, then whatever that is a function of."""
    if value.output != shape:
        return Trace({}, np.empty((0, len(PROBES))))
    before = traced.get(value)
    if before is None:
        return Trace({value: 1}, PROBES[None])
    farther = {entry: distance + 1 for entry, distance in before.distances.items()}
    return Trace({value: 1, **farther}, np.concatenate([PROBES[None], before.rows]))


def _likely_entries(trace: Trace) -> list[Value]:
    """Those for which the step gives what an activation of the language gives for PROBES."""
    near = np.abs(_likely()[:, None] - trace.rows) <= 10 * CLOSE * (1 + np.abs(PROBES))
    # `leaky` and `elu` have a number of their own for what is negative
    bent = np.abs(trace.rows - PROBES)[:, 0] <= 10 * CLOSE * (1 + PROBES[0])
    likely = near.all(axis=2).any(axis=0) | (bent & (trace.rows[:, 1] < 0))
    return [entry for entry, found in zip(trace.distances, likely, strict=True) if found]


@cache
def _likely() -> Array:
    """What activations without arguments give for PROBES."""
    return np.array([function(PROBES) for function in (_gelu_tanh, *PLAIN.values())])


def _computed(step: Step, entry: Value, x: Array, uniform: AbstractSet[Value]) -> Array | None:
    """The step's values where the entry's are x; None where it depends on others too."""
    known: dict[Value, Array] = {entry: x}

    def value_of(value: Value, depth: int) -> Array | None:
        if value in known:
            return known[value]
        if not isinstance(value, Step) or value not in uniform or depth > MOST_STEPS:
            return None
        inputs = [value_of(v, depth + 1) for v in value.inputs]
        if any(i is None for i in inputs):
            return None
        known[value] = _applied(value, [i for i in inputs if i is not None])
        return known[value]

    with np.errstate(all="ignore"):
        return value_of(step, 0)


def _applied(step: Step, inputs: list[Array]) -> Array:
    layer, x = step.layer, inputs[0]
    if isinstance(layer, Elementary):
        return FUNCTIONS[layer.kind](x, *layer.numbers)
    if isinstance(layer, Scale):
        offset = float(step.values["bias"][0]) if layer.bias else 0.0
        return x * float(step.values["weight"][0]) + offset
    if isinstance(layer, Arithmetic):
        return reduce(_ARITHMETIC[layer.word], inputs)
    if isinstance(layer, Leaky):
        negative: Array = x * layer.slope
        return np.where(x > 0, x, negative)
    if isinstance(layer, Elu):
        negative = layer.alpha * np.expm1(np.minimum(x, 0))
        return np.where(x > 0, x, negative)
    return PLAIN[step.word](x)


def _recognised(values: Array) -> Layer | None:
    """The activation that has these values on the grid.

    A model's own arithmetic may overflow at the far ends, where e^x is too large: these places
    count for none.
    """
    finite = np.isfinite(values)
    if not np.all(finite | (np.abs(GRID) > 80)):
        return None
    words, table = _table()
    close = np.abs(table - values) <= CLOSE + CLOSE * np.abs(table)
    found = np.flatnonzero(np.all(close | ~finite, axis=1))
    if len(found):
        word = words[int(found[0])]
        return Gelu(approximate=True) if word == "gelu_tanh" else LAYERS[word]()
    x, values = GRID[finite], values[finite]
    if not np.allclose(values[x > 0], x[x > 0], rtol=CLOSE, atol=CLOSE):
        return None  # leaky and elu are the identity there
    slope = round(float(values[0] / x[0]), 6)
    if 0 < slope < 1 and np.allclose(values, np.where(x > 0, x, slope * x), CLOSE, CLOSE):
        return Leaky(slope=slope)
    alpha = round(float(values[0] / np.expm1(x[0])), 6)
    bent = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return Elu(alpha=alpha) if alpha > 0 and np.allclose(values, bent, CLOSE, CLOSE) else None


@cache
def _table() -> tuple[list[str], Array]:
    """The activations without arguments by their words, and their values on the grid as rows."""
    functions: dict[str, Callable[[Array], Array]] = {**PLAIN, "gelu_tanh": _gelu_tanh}
    with np.errstate(all="ignore"):
        return list(functions), np.stack([function(GRID) for function in functions.values()])


def _as_layer(step: Step) -> None:
    """A function that is no part of an activation, by itself."""
    layer = step.layer
    if isinstance(layer, Elementary):
        found = _function(layer.kind, layer.numbers)
        step.layer = found or layer


def _function(kind: str, numbers: tuple[float, ...]) -> Layer | None:
    match kind, numbers:
        case "abs" | "exp" | "log", ():
            return LAYERS[kind]()
        case "sqrt", ():
            return Power(exponent=0.5)
        case "reciprocal", ():
            return Power(exponent=-1.0)
        case "power", (exponent,):
            return Power(exponent=exponent)
        case "clip", (low, high):
            return Clamp(low=_bound(low), high=_bound(high))
        case _:
            return None


def _bound(number: float) -> float | None:
    return number if abs(number) < 1e30 else None
