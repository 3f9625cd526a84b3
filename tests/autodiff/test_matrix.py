"""Matrix products, transposed and broadcast, and reductions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.autodiff.check import away, check_gradient
from tests.support.peers import torch

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("left", "right"), list(product([0, 1], [0, 1])))
@pytest.mark.parametrize("bias", [(), (5,), (3, 1), (3, 5), None])
def test_gemm(left: int, right: int, bias: tuple[int, ...] | None) -> None:
    random = np.random.default_rng(0)
    a, b = random.standard_normal((3, 4)), random.standard_normal((4, 5))
    arrays = [a.T.copy() if left else a, b.T.copy() if right else b]
    if bias is not None:
        arrays.append(random.standard_normal(bias))

    def gemm(a: Any, b: Any, c: Any = 0) -> Any:
        return 0.5 * (a.T if left else a) @ (b.T if right else b) + 2.0 * c

    check_gradient(
        "Gemm",
        [np.asarray(x) for x in arrays],
        list(range(len(arrays))),
        torch_function=gemm,
        transA=left,
        transB=right,
        alpha=0.5,
        beta=2.0,
    )


@pytest.mark.parametrize(
    ("a", "b"),
    [
        *(((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((3, 4), (2, 4, 5))),
        *(((2, 1, 3, 4), (5, 4, 6)), ((4,), (4, 5)), ((3, 4), (4,)), ((4,), (4,))),
        *(((2, 3, 4), (4,)), ((4,), (2, 4, 3))),
    ],
)
def test_matmul(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(a), random.standard_normal(b)]
    check_gradient("MatMul", arrays, [0, 1], torch_function=torch().matmul)


REDUCTIONS: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "ReduceSum": lambda t: t.sum,
    "ReduceMean": lambda t: t.mean,
    "ReduceMax": lambda t: t.amax,
    "ReduceMin": lambda t: t.amin,
    "ReduceSumSquare": lambda t: lambda x, axes, keep: (x * x).sum(axes, keep),
    "ReduceL2": lambda t: lambda x, axes, keep: t.linalg.vector_norm(x, 2, axes, keep),
    "ReduceL1": lambda t: lambda x, axes, keep: x.abs().sum(axes, keep),
    "ReduceLogSumExp": lambda t: t.logsumexp,
}


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(REDUCTIONS)),
    st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True),
    st.booleans(),
    st.booleans(),
)
def test_reductions(kind: str, axes: list[int], keep: bool, backwards: bool) -> None:
    x = away(np.random.default_rng(0).standard_normal((2, 3, 4, 3)), 0)
    function = REDUCTIONS[kind](torch())
    given_axes = np.array([a - 4 if backwards else a for a in axes])
    check_gradient(
        kind,
        [x, given_axes],
        [0],
        constants=[1],
        torch_function=lambda x, _: function(x, tuple(axes), keep),
        keepdims=int(keep),
    )


def test_a_reduction_over_everything() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3))
    check_gradient("ReduceMean", [x], [0], torch_function=lambda x: x.mean(), keepdims=0)


def test_a_length_of_0_has_no_gradient() -> None:
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    check_gradient(
        "ReduceL2",
        [x, np.array([1])],
        [0],
        constants=[1],
        finite=False,
        torch_function=lambda x, _: torch().linalg.vector_norm(x, 2, (1,), True),
    )


def test_equal_maxima_share() -> None:
    x = np.array([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]])
    check_gradient(
        "ReduceMax",
        [x, np.array([1])],
        [0],
        constants=[1],
        finite=False,
        torch_function=lambda x, _: x.amax(1, True),
    )


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        *(("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]), ("ij,kj", [(3, 4), (5, 4)])),
        *(("ij->ji", [(3, 4)]), ("ij->i", [(3, 4)]), ("bi,ij,bj->b", [(2, 3), (3, 4), (2, 4)])),
        ("ijk,jl->il", [(2, 3, 4), (3, 5)]),
    ],
)
def test_einsum(equation: str, shapes: list[tuple[int, ...]]) -> None:
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(shape) for shape in shapes]
    function = torch().einsum
    check_gradient(
        "Einsum",
        arrays,
        list(range(len(arrays))),
        equation=equation,
        torch_function=lambda *x: function(equation, *x),
    )
