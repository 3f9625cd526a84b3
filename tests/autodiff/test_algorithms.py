"""Every form of every product of a convolution gives what torch gives."""

from __future__ import annotations

from time import process_time
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings

from cnndsl.autodiff.algorithms.choose import OPERANDS, Planner, Product, algorithms, write_product
from cnndsl.autodiff.algorithms.geometry import Axis, Convolution
from cnndsl.graphs.writer import Writer
from tests.autodiff.check import Array, run
from tests.autodiff.convolutions import Case, convolutions
from tests.support.peers import torch

SINGLE = ir.TensorType(ir.DataType.FLOAT)
PRODUCTS: tuple[Product, ...] = ("fprop", "dgrad", "wgrad")


def describe(arrays: list[Array], attributes: dict[str, Any]) -> Convolution:
    x, w = arrays[:2]
    rank = x.ndim - 2
    axes: list[Axis] = []
    for i in range(rank):
        s, d, k = attributes["strides"][i], attributes["dilations"][i], w.shape[i + 2]
        before, after = attributes["pads"][i], attributes["pads"][i + rank]
        output = (x.shape[i + 2] + before + after - d * (k - 1) - 1) // s + 1
        axes.append(Axis(x.shape[i + 2], k, s, d, before, output))
    return Convolution(x.shape[0], x.shape[1], w.shape[0], attributes["group"], tuple(axes))


def expected(c: Convolution, x: Array, w: Array, dy: Array) -> dict[Product, Array]:
    function = getattr(torch().nn.functional, f"conv{c.rank}d")
    xt, wt = (torch().from_numpy(a).double().requires_grad_() for a in (x, w))
    sides = [p for a in reversed(c.axes) for p in (a.before, a.after)]
    padded = torch().nn.functional.pad(xt, sides)
    y = function(padded, wt, stride=c.strides, dilation=c.dilations, groups=c.group)
    dx, dw = torch().autograd.grad(y, [xt, wt], torch().from_numpy(dy).double())
    return {"fprop": y.detach().numpy(), "dgrad": dx.numpy(), "wgrad": dw.numpy()}


def compute(c: Convolution, choice: dict[Product, str], feeds: dict[str, Array]) -> list[Array]:
    write = Writer()
    inputs = {n: ir.Value(name=n, shape=ir.Shape(a.shape), type=SINGLE) for n, a in feeds.items()}
    outputs = [
        write_product(write, c, p, form, *(inputs[n] for n in OPERANDS[p]))
        for p, form in choice.items()
    ]
    graph = ir.Graph(
        list(inputs.values()),
        outputs,
        nodes=write.nodes,
        initializers=list(write.constants.values()),
        opset_imports={"": 18},
        name="g",
    )
    return run(ir.to_proto(ir.Model(graph, ir_version=8)), feeds)


def check(c: Convolution) -> int:
    random = np.random.default_rng(5)
    shapes = {"x": c.x_shape, "w": c.w_shape, "dy": c.y_shape}
    feeds = {n: random.standard_normal(s, dtype=np.float32) for n, s in shapes.items()}
    right, count = expected(c, **feeds), 0
    for product in PRODUCTS:
        scale = max(np.abs(right[product]).max(), 1.0)
        for form in algorithms(c)[product]:
            (found,) = compute(c, {product: form}, feeds)
            np.testing.assert_allclose(
                found, right[product], atol=2e-5 * scale, rtol=0, err_msg=f"{product}: {form}"
            )
            count += 1
    return count


@pytest.mark.torch
@given(convolutions())
@settings(max_examples=40, deadline=None)
def test_all_algorithms(case: Case) -> None:
    check(describe(*case))


SIZES = {
    "plain": Convolution(2, 3, 5, 1, (Axis(9, 3, 1, 1, 1, 9), Axis(7, 3, 1, 1, 1, 7))),
    "uneven": Convolution(2, 3, 5, 1, (Axis(9, 3, 1, 1, 2, 10), Axis(7, 3, 1, 1, 0, 6))),
    "five": Convolution(2, 3, 5, 1, (Axis(9, 5, 1, 1, 2, 9), Axis(7, 3, 1, 1, 0, 5))),
    "flat": Convolution(2, 3, 5, 1, (Axis(9, 1, 1, 1, 0, 9), Axis(7, 3, 1, 1, 1, 7))),
    "tiny": Convolution(3, 4, 4, 1, (Axis(2, 3, 1, 1, 1, 2), Axis(2, 3, 1, 1, 1, 2))),
    "stem": Convolution(2, 3, 8, 1, (Axis(16, 7, 2, 1, 3, 8), Axis(16, 7, 2, 1, 3, 8))),
    "pointwise": Convolution(2, 6, 4, 2, (Axis(5, 1, 1, 1, 0, 5), Axis(4, 1, 1, 1, 0, 4))),
    "skip": Convolution(2, 6, 4, 1, (Axis(5, 1, 2, 1, 0, 3), Axis(4, 1, 2, 1, 0, 2))),
    "depthwise": Convolution(2, 4, 4, 4, (Axis(6, 3, 1, 1, 1, 6), Axis(6, 3, 2, 1, 1, 3))),
    "bands": Convolution(2, 3, 3, 3, (Axis(8, 3, 1, 1, 1, 8), Axis(5, 3, 1, 2, 2, 5))),
    "strided bands": Convolution(2, 3, 3, 3, (Axis(9, 3, 2, 1, 1, 4), Axis(5, 2, 2, 1, 0, 2))),
    "line": Convolution(3, 4, 2, 1, (Axis(10, 3, 1, 1, 1, 10),)),
    "cube": Convolution(2, 3, 4, 1, tuple(Axis(5, 3, 1, 1, 1, 5) for _ in range(3))),
    "shared": Convolution(2, 8, 6, 2, (Axis(7, 3, 2, 1, 1, 4), Axis(6, 3, 1, 2, 2, 6))),
}


@pytest.mark.torch
@pytest.mark.parametrize("name", SIZES)
def test_sizes(name: str) -> None:
    assert check(SIZES[name]) >= 6


def test_equal_expressions_count_once() -> None:
    c = SIZES["plain"]
    planner = Planner(threads=1)
    alone = {p: {v[p]: ms for ms, v in planner.ranking(c, [p])} for p in PRODUCTS}
    together = {tuple(v.values()): ms for ms, v in planner.ranking(c, PRODUCTS)}
    columns = sum(alone[p]["columns"] for p in PRODUCTS)
    assert together["columns", "columns", "columns"] < columns
    mixed = alone["fprop"]["direct"] + alone["dgrad"]["transposed"] + alone["wgrad"]["convolved"]
    assert together["direct", "transposed", "convolved"] == pytest.approx(mixed)


def test_forms_can_be_ruled_out() -> None:
    c = Convolution(32, 256, 256, 1, (Axis(16, 3, 1, 1, 1, 16), Axis(16, 3, 1, 1, 1, 16)))
    assert "winograd 4" in Planner(threads=1).choose(c, PRODUCTS).values()
    plain = Planner(threads=1, allowed=lambda name: "winograd" not in name)
    assert not any("winograd" in name for name in plain.choose(c, PRODUCTS).values())
    own = Planner(tune=lambda c, ranked: dict.fromkeys(PRODUCTS, "columns"))
    assert set(own.choose(c, PRODUCTS).values()) == {"columns"}


@pytest.mark.parametrize("name", SIZES)
def test_on_cuda_convolutions_are_left_to_cudnn(name: str) -> None:
    choice = Planner(device="cuda").choose(SIZES[name], PRODUCTS)
    assert (choice["fprop"], choice["dgrad"]) == ("direct", "transposed")
    assert choice["wgrad"] in ("columns", "pointwise")


def test_large_maps_are_planned_at_once() -> None:
    """No table of millions of windows, nor a transform of them, is made and thrown away."""
    side = Axis(6400, 3, 1, 1, 1, 6400)
    begun = process_time()
    choice = Planner().choose(Convolution(8, 1, 64, 1, (side, side)), PRODUCTS)
    assert process_time() - begun < 1
    assert not any("columns" in name or "winograd" in name for name in choice.values())
