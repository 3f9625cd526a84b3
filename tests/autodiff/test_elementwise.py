"""Arithmetic with broadcasting, elementary functions and selections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.autodiff.check import DOUBLE, SINGLE, Array, away, check_gradient
from tests.support.peers import torch

pytestmark = pytest.mark.torch
FEW = settings(max_examples=15)


@st.composite
def operands(draw: st.DrawFn, count: int = 2) -> list[Array]:
    """Arrays whose shapes broadcast to one."""
    whole = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    arrays: list[Array] = []
    for _ in range(count):
        shape = [n if draw(st.booleans()) else 1 for n in whole]
        shape = shape[draw(st.integers(0, len(shape))) :]
        arrays.append(away(random.standard_normal(shape), 0, margin=0.3))
    return arrays


@FEW
@given(operands(), st.sampled_from(["Add", "Sub", "Mul", "Div"]))
def test_arithmetic(arrays: list[Array], kind: str) -> None:
    function = getattr(torch(), kind.lower())
    check_gradient(kind, arrays, [0, 1], torch_function=function)


@FEW
@given(operands(3), st.sampled_from(["Sum", "Mean", "Max", "Min"]))
def test_several_operands(arrays: list[Array], kind: str) -> None:
    functions: dict[str, Callable[..., Any]] = {
        "Sum": lambda a, b, c: a + b + c,
        "Mean": lambda a, b, c: (a + b + c) / 3,
        "Max": lambda a, b, c: torch().maximum(torch().maximum(a, b), c),
        "Min": lambda a, b, c: torch().minimum(torch().minimum(a, b), c),
    }
    finite = kind != "Mean"  # no float64 kernel, and ONNX's own evaluator doesn't broadcast
    check_gradient(kind, arrays, [0, 1, 2], finite=finite, torch_function=functions[kind])


@FEW
@given(operands(3))
def test_where(arrays: list[Array]) -> None:
    condition = np.asarray(arrays[0] > 0)
    check_gradient("Where", [condition, *arrays[1:]], [1, 2], torch_function=torch().where)


def test_max_shares_among_equals() -> None:
    a = np.array([1.0, 2.0, 3.0])
    check_gradient("Max", [a, a.copy()], [0, 1], torch_function=torch().maximum, finite=False)


@pytest.mark.parametrize("power", [2.0, 3.0, 0.5, -1.5])
def test_pow_by_a_constant(power: float) -> None:
    base = np.random.default_rng(0).uniform(0.3, 2, (3, 4))
    check_gradient(
        "Pow", [base, np.array(power)], [0], constants=[1], torch_function=lambda a, b: a**power
    )


@FEW
@given(operands())
def test_pow(arrays: list[Array]) -> None:
    base = np.asarray(np.abs(arrays[0]))
    check_gradient("Pow", [base, arrays[1]], [0, 1], torch_function=torch().pow)


POSITIVE = {"Log", "Sqrt", "Reciprocal"}
FUNCTIONS = ["Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Erf", "Atan", "Sin", "Cos", "Neg"]


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_functions(kind: str) -> None:
    x = away(np.random.default_rng(0).standard_normal((2, 3, 5)), 0)
    function = getattr(torch(), kind.lower())
    x = np.abs(x) + 0.1 if kind in POSITIVE else x
    precision = SINGLE if kind == "Erf" else DOUBLE
    check_gradient(kind, [x], [0], precision=precision, torch_function=function)


@pytest.mark.parametrize(("low", "high"), [(0.0, 6.0), (-1.0, 0.5), (None, 0.5), (-0.5, None)])
@pytest.mark.parametrize("constant", [True, False])
def test_clip(low: float | None, high: float | None, constant: bool) -> None:
    corners = [n for n in (low, high) if n is not None]
    x = away(3 * np.random.default_rng(0).standard_normal((4, 9)), *corners)
    arrays = [x, *(None if n is None else np.array(n) for n in (low, high))]
    check_gradient(
        "Clip",
        arrays[:2] if high is None else arrays,
        [0],
        constants=[i for i in (1, 2) if arrays[i] is not None] if constant else [],
        torch_function=lambda x, *_: torch().clamp(x, low, high),
    )


def test_clips_bounds() -> None:
    x = away(3 * np.random.default_rng(0).standard_normal((4, 9)), -1, 2)
    arrays = [x, np.array(-1.0), np.array(2.0)]
    check_gradient("Clip", arrays, [0, 1, 2], torch_function=torch().clamp)


@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax"])
def test_softmax(kind: str, axis: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 4))
    name = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[kind]
    function = getattr(torch(), name)
    check_gradient(kind, [x], [0], axis=axis, torch_function=lambda x: function(x, axis))


def test_a_clip_whose_bounds_cross_gives_the_upper_one() -> None:
    x = 3 * np.random.default_rng(0).standard_normal((4, 9))
    check_gradient(
        "Clip", [x, np.array(2.0), np.array(-1.0)], [0, 1, 2], torch_function=torch().clamp
    )
    check_gradient("Clip", [x, np.array(2.0), np.array(-1.0)], [0], constants=[1, 2])
