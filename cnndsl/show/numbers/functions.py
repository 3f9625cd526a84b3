"""Activations and elementary functions: a value in, a value and a slope out."""

from __future__ import annotations

from collections.abc import Callable
from math import erf, pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.show.numbers.case import Case
from cnndsl.show.numbers.lesson import (
    Array,
    Equation,
    Grid,
    Lesson,
    Section,
    equation,
    maps,
    more,
    number,
    numbers,
)

SHOWN = 9  # values of a table
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
Slopes = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def function(case: Case) -> Lesson:
    """Every value by itself; dX is dY times the slope there."""
    x = case.map
    said, rule = FUNCTIONS[case.layer.word]
    with np.errstate(all="ignore"):
        y, slope = rule(case, x)
    slope = np.broadcast_to(slope, x.shape)
    rows = {"x": x, "y": y}
    gradients: dict[str, Array] = {}
    sections = [Section("Input", tuple(maps(x)))]
    if case.upstream is not None:
        dx = case.coming_in * slope
        rows |= {"slope": slope, "dY": case.coming_in, "dX": dx}
        gradients["X"] = case.like_input(dx)
        if case.layer.word == "prelu":
            gradients["weight"] = _prelu_gradient(case, x)
    sections += [
        Section(f"{case.line}: {said}", tuple(table(rows, x.size))),
        Section("Output", tuple(maps(y, role="result"))),
    ]
    if "X" in gradients:
        sections.append(
            Section(
                "dX: each dY times the slope at its x",
                tuple(maps(gradients["X"].reshape(x.shape), role="result")),
            )
        )
    if "weight" in gradients:
        sums = ", ".join(numbers(gradients["weight"][:SHOWN].tolist()))
        sections.append(Section("dW: dY·x where x is negative, summed", (sums,)))
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def table(rows: dict[str, Array], count: int) -> list[str | Equation]:
    """The first values of each row below each other, its name before it."""
    cells = [tuple(numbers(values.ravel()[:SHOWN].tolist())) for values in rows.values()]
    rest = count - SHOWN
    return [
        equation(Grid(tuple(cells), names=tuple(rows))),
        *([f"… and {more(rest, 'value')}"] if rest > 0 else []),
    ]


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _elu(x: Array, alpha: float, width: float = 1.0, scale: float = 1.0) -> Slopes:
    """scale·x, or scale·alpha·(exp(x/width) − 1) where x isn't positive."""
    low = np.exp(np.minimum(x, 0) / width)
    return (
        scale * np.where(x > 0, x, alpha * (low - 1)),
        scale * np.where(x > 0, 1.0, alpha / width * low),
    )


def _relu(case: Case, x: Array) -> Slopes:
    return np.maximum(x, 0), (x > 0) * 1.0


def _relu6(case: Case, x: Array) -> Slopes:
    return np.clip(x, 0, 6), ((x > 0) & (x < 6)) * 1.0


def _leaky(case: Case, x: Array) -> Slopes:
    slope: float = _of(case).slope
    return np.where(x > 0, x, slope * x), np.where(x > 0, 1.0, slope)


def _prelu(case: Case, x: Array) -> Slopes:
    slope = case.parameters["weight"].reshape(-1, 1, 1, 1)
    return np.where(x > 0, x, slope * x), np.where(x > 0, 1.0, slope)


def _prelu_gradient(case: Case, x: Array) -> Array:
    parts = (case.coming_in * x * (x < 0)).sum((1, 2, 3))
    return parts if case.parameters["weight"].size > 1 else parts.sum(keepdims=True)


def _threshold(case: Case, x: Array) -> Slopes:
    above = x > _of(case).threshold
    return x * above, above * 1.0


def _shrink(case: Case, x: Array) -> Slopes:
    bound, move = _of(case).bound, _of(case).move
    beyond = np.abs(x) > bound
    return np.where(beyond, x - np.sign(x) * move, 0.0), beyond * 1.0


def _elu_of(case: Case, x: Array) -> Slopes:
    return _elu(x, _of(case).alpha)


def _celu(case: Case, x: Array) -> Slopes:
    return _elu(x, _of(case).alpha, width=_of(case).alpha)


def _selu(case: Case, x: Array) -> Slopes:
    return _elu(x, SELU_ALPHA, scale=SELU_SCALE)


def _sigmoid_of(case: Case, x: Array) -> Slopes:
    y = _sigmoid(x)
    return y, y * (1 - y)


def _tanh(case: Case, x: Array) -> Slopes:
    y = np.tanh(x)
    return y, 1 - y * y


def _hsigmoid(case: Case, x: Array) -> Slopes:
    return np.clip(x / 6 + 0.5, 0, 1), ((x > -3) & (x < 3)) / 6


def _softplus(case: Case, x: Array) -> Slopes:
    return np.logaddexp(0, x), _sigmoid(x)


def _softsign(case: Case, x: Array) -> Slopes:
    below = 1 + np.abs(x)
    return x / below, 1 / below**2


def _silu(case: Case, x: Array) -> Slopes:
    gate = _sigmoid(x)
    return x * gate, gate * (1 + x * (1 - gate))


def _hswish(case: Case, x: Array) -> Slopes:
    gate = np.clip(x / 6 + 0.5, 0, 1)
    return x * gate, np.where(np.abs(x) < 3, x / 3 + 0.5, gate)


def _gelu(case: Case, x: Array) -> Slopes:
    if _of(case).approximate:
        tanh = np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))
        inner = sqrt(2 / pi) * (1 + 3 * 0.044715 * x**2)
        return x / 2 * (1 + tanh), (1 + tanh) / 2 + x / 2 * (1 - tanh**2) * inner
    share = (1 + np.vectorize(erf, otypes=[np.float64])(x / sqrt(2))) / 2
    return x * share, share + x * np.exp(-x * x / 2) / sqrt(2 * pi)


def _mish(case: Case, x: Array) -> Slopes:
    gate = np.tanh(np.logaddexp(0, x))
    return x * gate, gate + x * (1 - gate**2) * _sigmoid(x)


def _abs(case: Case, x: Array) -> Slopes:
    return np.abs(x), np.sign(x)


def _exp(case: Case, x: Array) -> Slopes:
    return np.exp(x), np.exp(x)


def _log(case: Case, x: Array) -> Slopes:
    return np.log(x), 1 / x


def _power(case: Case, x: Array) -> Slopes:
    exponent = _of(case).exponent
    return x**exponent, exponent * x ** (exponent - 1)


def _clamp(case: Case, x: Array) -> Slopes:
    low, high = (
        v if v is not None else b for v, b in ((_of(case).low, -np.inf), (_of(case).high, np.inf))
    )
    return np.clip(x, low, high), ((x >= low) & (x <= high)) * 1.0


def _of(case: Case) -> Any:
    return case.layer


FUNCTIONS: dict[str, tuple[str, Callable[[Case, Array], Slopes]]] = {
    "relu": ("max(x, 0); slope 1 where x is positive, else 0", _relu),
    "relu6": ("min(max(x, 0), 6); slope 1 between 0 and 6, else 0", _relu6),
    "leaky": ("x where it is positive, else slope·x", _leaky),
    "prelu": ("x where it is positive, else w·x with the channel's w", _prelu),
    "threshold": ("x where it is more than the threshold, else 0", _threshold),
    "shrink": ("0 up to the bound on both sides; what lies beyond stays, or moves to 0", _shrink),
    "elu": ("x where it is positive, else alpha·(exp(x) − 1)", _elu_of),
    "celu": ("x where it is positive, else alpha·(exp(x/alpha) − 1)", _celu),
    "selu": (f"{number(SELU_SCALE)}·x, or times {number(SELU_ALPHA)}·(exp(x) − 1)", _selu),
    "sigmoid": ("y = 1/(1 + exp(−x)); slope y·(1 − y)", _sigmoid_of),
    "tanh": ("y = tanh(x); slope 1 − y²", _tanh),
    "hsigmoid": ("min(max(x/6 + 1/2, 0), 1); slope 1/6 between −3 and 3", _hsigmoid),
    "softplus": ("log(1 + exp(x)); slope 1/(1 + exp(−x))", _softplus),
    "softsign": ("x/(1 + |x|); slope 1/(1 + |x|)²", _softsign),
    "silu": ("x·g with g = 1/(1 + exp(−x)); slope g·(1 + x·(1 − g))", _silu),
    "hswish": ("x·min(max(x/6 + 1/2, 0), 1); slope x/3 + 1/2 between −3 and 3", _hswish),
    "gelu": ("x·Φ(x); slope Φ(x) + x·φ(x), of the normal distribution", _gelu),
    "mish": ("x·tanh(log(1 + exp(x)))", _mish),
    "abs": ("|x|; slope the sign of x", _abs),
    "exp": ("exp(x), which is its slope too", _exp),
    "log": ("log(x); slope 1/x", _log),
    "power": ("xⁿ; slope n·xⁿ⁻¹", _power),
    "clamp": ("the bound where x lies beyond it; slope 1 within the bounds, else 0", _clamp),
}
"""What each does, in words, and its values and slopes."""
