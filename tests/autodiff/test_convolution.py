"""Conv and ConvTranspose: gradients against torch, and against differences.

A convolution is linear in each of its inputs, so a central difference with any step is exact; one
of step 1 in float32 is as good as a tiny one in float64, for which there is no kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.autodiff.check import Array, Graph, check_gradient, run
from tests.autodiff.convolutions import Case, convolutions
from tests.support.peers import torch


@pytest.mark.torch
@given(convolutions())
@settings(max_examples=60, deadline=None)
def test_conv(case: Case) -> None:
    arrays, attributes = case
    rank = arrays[0].ndim - 2

    def convolve(x: Any, w: Any, b: Any = None) -> Any:
        pads = attributes["pads"]
        sides = [p for i in reversed(range(rank)) for p in (pads[i], pads[i + rank])]
        function = getattr(torch().nn.functional, f"conv{rank}d")
        return function(
            torch().nn.functional.pad(x, sides),
            w,
            b,
            stride=attributes["strides"],
            dilation=attributes["dilations"],
            groups=attributes["group"],
        )

    check("Conv", arrays, convolve, attributes)


@st.composite
def deconvolutions(draw: st.DrawFn) -> Case:
    (x, w, *bias), attributes = draw(convolutions())
    rank = x.ndim - 2
    group = attributes["group"]
    random = np.random.default_rng(3)
    strides, dilations, pads = (attributes[k] for k in ("strides", "dilations", "pads"))
    extra = [draw(st.integers(0, s - 1)) for s in strides]
    sizes = list(x.shape[2:])
    for i, k in enumerate(w.shape[2:]):  # something must be left when the pads are cut off
        lost = pads[i] + pads[i + rank] - dilations[i] * (k - 1) - extra[i]
        sizes[i] = max(sizes[i], max(lost, 0) // strides[i] + 1 + (lost > 0))
    x = random.standard_normal((*x.shape[:2], *sizes))
    filters = w.shape[0] // group
    w = random.standard_normal((x.shape[1], filters, *w.shape[2:]))
    return [x, w, *bias], attributes | {"output_padding": extra}


@pytest.mark.torch
@given(deconvolutions())
@settings(max_examples=60, deadline=None)
def test_deconv(case: Case) -> None:
    arrays, attributes = case
    rank = arrays[0].ndim - 2
    pads = attributes["pads"]

    def convolve(x: Any, w: Any, b: Any = None) -> Any:
        function = getattr(torch().nn.functional, f"conv_transpose{rank}d")
        extra = attributes["output_padding"]
        whole = function(
            x,
            w,
            b,
            stride=attributes["strides"],
            dilation=attributes["dilations"],
            output_padding=extra,
            groups=attributes["group"],
        )
        for i in range(rank):
            size = whole.shape[i + 2] - pads[i] - pads[i + rank]
            whole = whole.narrow(i + 2, pads[i], size)
        return whole

    check("ConvTranspose", arrays, convolve, attributes)


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_pads_by_themselves(kind: str, mode: str, stride: int) -> None:
    random = np.random.default_rng(0)
    arrays = [random.standard_normal((2, 3, 9, 8)), random.standard_normal((3, 3, 4, 3))]
    check(kind, arrays, None, {"auto_pad": mode, "strides": [stride, stride]})


@pytest.mark.parametrize("shape", [[19, 18], [16, 15], [21, 18]])
@pytest.mark.parametrize("mode", ["NOTSET", "SAME_UPPER"])
def test_output_shape(shape: list[int], mode: str) -> None:
    random = np.random.default_rng(0)
    arrays = [random.standard_normal((2, 3, 9, 8)), random.standard_normal((3, 2, 4, 3))]
    check(
        "ConvTranspose",
        arrays,
        None,
        {"output_shape": shape, "strides": [2, 2], "auto_pad": mode},
    )


def check(kind: str, arrays: list[Array], function: Any, attributes: dict[str, Any]) -> None:
    wanted = list(range(len(arrays)))
    if function is not None:
        check_gradient(kind, arrays, wanted, torch_function=function, finite=False, **attributes)
    single = np.dtype(np.float32)
    graph = Graph(kind, arrays, wanted, attributes)
    forward = graph.forward_model(single)
    feeds = {f"x{i}": a.astype(single) for i, a in enumerate(arrays)}
    weights = np.random.default_rng(7).standard_normal(run(forward, feeds)[0].shape)
    gradients = run(graph.gradient_model(single, weights), feeds)
    random = np.random.default_rng(11)
    for i, gradient in enumerate(gradients):
        assert gradient.shape == arrays[i].shape
        direction = random.standard_normal(arrays[i].shape).astype(single)
        ends = [run(forward, feeds | {f"x{i}": feeds[f"x{i}"] + s * direction}) for s in (1, -1)]
        difference = (ends[0][0] - ends[1][0]).astype(float) / 2
        size = np.abs(difference * weights).sum() + np.abs(gradient * direction).sum() + 1
        found = float((gradient * direction).sum())
        assert abs(float((difference * weights).sum()) - found) <= 1e-5 * size
