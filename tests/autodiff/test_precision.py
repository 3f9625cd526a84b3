"""Gradients in 16 bits: near those in float32, with the work in 16 bits and the digits in 32."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.autodiff.algorithms.geometry import Axis, Convolution
from cnndsl.autodiff.passes.precision import Precision, is_sum
from cnndsl.network import LossTerm
from cnndsl.specs import load
from cnndsl.training.graphs import build_training
from tests.support.gradients import Arrays, feeds_for, objective, run_graph, torch_gradients
from tests.support.peers import torch
from tests.zoo.small import small

NETS = ("lenet5", "fashion_cnn", "resnet20", "squeezenet1_1", "conv_vae")
SCALE = 256.0
NEAR = 0.02
"""Parts of the length of all gradients together; deep nets without norms are further off, in torch
too.
"""

WORK = {"Conv", "ConvTranspose", "MatMul", "Gemm"}
DIGITS = {
    "LogSoftmax",
    "BatchNormalization",
    "ReduceSum",
    "ReduceMean",
    "Exp",
    "Sqrt",
    "Reciprocal",
}


def far(found: Arrays, exact: Arrays) -> float:
    """The distance of all gradients, in parts of their length."""
    names = [name for name in exact if name.startswith("grad/")]
    apart = sum(float(((found[n] - exact[n]) ** 2).sum()) for n in names)
    return (apart / sum(float((exact[n] ** 2).sum()) for n in names)) ** 0.5


@pytest.mark.torch
@pytest.mark.parametrize("name", NETS)
def test_float16_is_as_near_as_torchs(name: str) -> None:
    network, library = small(name), torch()
    loss = objective(network)

    def in_single(f: Any, values: dict[str, Any], feeds: dict[str, Any]) -> Any:
        return loss(f, {n: v.float() for n, v in values.items()}, feeds)

    graphs = build_training(network, 2, planner=Planner(precision="float16"))
    feeds = feeds_for(graphs)
    exact = torch_gradients(network, graphs, feeds, loss)
    found = run_graph(graphs, feeds | {"loss_scale": np.array(SCALE, np.float32)})
    found = {n: a / SCALE if n.startswith("grad/") else a for n, a in found.items()}
    np.testing.assert_allclose(found["loss"], exact["loss"], rtol=1e-3)
    distance = far(found, exact)
    if distance > NEAR:
        with library.autocast("cpu", dtype=library.float16):
            theirs = torch_gradients(network, graphs, feeds, in_single, double=False)
        assert distance < 3 * far(theirs, exact)


@pytest.mark.parametrize("name", NETS)
def test_the_work_is_in_16_bits_and_the_digits_are_in_32(name: str) -> None:
    graphs = build_training(small(name), 2, planner=Planner(precision="float16"))
    for node in graphs.grad.graph:
        kind = node.outputs[0].dtype
        if is_sum(node):
            assert kind is ir.DataType.FLOAT, node.name
            continue
        assert kind is not ir.DataType.FLOAT16 or node.op_type not in DIGITS, node.name
        assert kind is ir.DataType.FLOAT16 or node.op_type not in WORK, node.name
    inputs = [v for v in graphs.grad.graph.inputs if v.dtype is ir.DataType.FLOAT16]
    outputs = [v for v in graphs.grad.graph.outputs if v.dtype is ir.DataType.FLOAT16]
    assert not inputs and not outputs
    onnx.checker.check_model(onnx.load_from_string(graphs.grad_bytes()), full_check=True)


def test_winograd_is_left_out() -> None:
    layer = Convolution(8, 64, 64, 1, (Axis(56, 3, 1, 1, 1, 56), Axis(56, 3, 1, 1, 1, 56)))
    found = {
        precision: [*Planner(precision=precision).candidates(layer, "fprop")]
        for precision in ("float32", "float16")
    }
    assert "winograd 2" in found["float32"]
    assert found["float16"] == [n for n in found["float32"] if not n.startswith("winograd")]


@pytest.mark.parametrize(("precision", "digits"), [("float16", 11), ("bfloat16", 8)])
def test_arithmetic_in_16_bits(precision: Precision, digits: int) -> None:
    """By ONNX's reference, which rounds every result: ONNX Runtime on the CPU computes in float32
    between its casts, and has no kernels for bfloat16.
    """
    network = load("net B\ninput x 2@6x6\nconv 3x3 3 bn relu\npool 2x2 s2\nfc 8 relu\nfc 3\n")[0]
    loss = [LossTerm(coefficient=1.0, function="mse", arguments=("fc2", "target"))]
    plain, graphs = (
        build_training(network, 4, loss=loss, planner=Planner(precision=p, allowed=lambda n: False))
        for p in ("float32", precision)
    )
    kinds = {node.op_type: node.outputs[0].dtype for node in graphs.grad.graph}
    half = ir.DataType[precision.upper()]
    assert kinds["Gemm"] is half
    assert kinds["Conv"] is (half if precision == "float16" else ir.DataType.FLOAT)
    feeds = feeds_for(plain) | {"loss_scale": np.array(SCALE, np.float32)}
    scale = SCALE if precision == "float16" else 1.0
    evaluator = ReferenceEvaluator(onnx.load_from_string(graphs.grad_bytes()))
    wanted = {n: a for n, a in feeds.items() if n in evaluator.input_names}
    assert ("loss_scale" in wanted) == (precision == "float16")
    found = dict(zip(evaluator.output_names, evaluator.run(None, wanted), strict=True))
    found = {n: a / scale if n.startswith("grad/") else a for n, a in found.items()}
    assert 0 < far(found, run_graph(plain, feeds)) < 8 * 2.0**-digits
