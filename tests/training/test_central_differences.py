"""Gradient graphs against central differences of their own loss, both computed in float64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from cnndsl.specs import load
from cnndsl.training.graphs import build_training
from tests.support.gradients import feeds_for

HEAD = "cnndsl 1\nnet N(classes=3)\ninput x 2@6x6\n"
TWO = "h: conv 3x3 3 tanh\na: conv 3x3 2 from h\nb: conv 3x3 2 from h\n"
SIGMOIDS = f"{TWO}p: sigmoid from a\nq: sigmoid from b\noutput p q\n"
MAPS = "conv 3x3 3 tanh\nout: conv 3x3 classes\noutput out\n"
STEP = 1e-5


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"{SIGMOIDS}loss mse(p, q) + 0.5*l1(a, target)", id="mse, l1"),
        pytest.param(f"{SIGMOIDS}loss huber(a, b)", id="huber"),
        pytest.param(f"{SIGMOIDS}loss bce(p, q)", id="bce"),
        pytest.param(f"{SIGMOIDS}loss bce(p, q) + 3*kl(a, b)", id="bce, kl"),
        pytest.param(f"{SIGMOIDS}loss ssim(p, q, window=3)", id="ssim"),
        pytest.param(f"{MAPS}loss dice(out) + cross_entropy(out)", id="dice, cross-entropy"),
        pytest.param(f"{MAPS}loss focal(out, gamma=1.5)", id="focal"),
        pytest.param(
            "conv 3x3 3 -> minmax\nout: conv 3x3 2\noutput out\nloss mse(out, target)", id="minmax"
        ),
        pytest.param(
            f"{TWO}out: atan2 a from b\noutput out\nloss mse(out, target)", id="atan2"
        ),
        pytest.param(
            "conv 3x3 3 -> abs -> scale 1 offset=0.5 -> power 0.5\nout: conv 3x3 2\noutput out\n"
            "loss mse(out, target)",
            id="abs, root",
        ),
        pytest.param(
            f"{TWO}sample a b\nout: conv 1x1 2\noutput out\nloss mse(out, target) + kl(a, b)",
            id="sample",
        ),
    ],
)  # fmt: skip
def test_gradients_are_slopes(body: str) -> None:
    graphs = build_training(load(HEAD + body)[0], 2)
    evaluator: Any = ReferenceEvaluator(_in_double(ir.to_proto(graphs.grad)), new_ops=[OneHot])
    feeds = {n: _double(values) for n, values in feeds_for(graphs).items()}
    given = {n: feeds[n] for n in evaluator.input_names}
    found = _run(evaluator, given)
    random = np.random.default_rng(0)
    for name in graphs.trained:
        way = random.standard_normal(given[name].shape)
        ahead, behind = (
            _run(evaluator, given | {name: given[name] + sign * STEP * way})["loss"]
            for sign in (1, -1)
        )
        slope = (ahead - behind) / (2 * STEP)
        told = np.sum(found[f"grad/{name}"] * way)
        size = np.sum(np.abs(found[f"grad/{name}"] * way))
        rounding = 8 * np.finfo(np.float64).eps * abs(ahead) / STEP  # of the losses, in the slope
        assert abs(slope - told) < 1e-6 * size + rounding, (name, float(slope), float(told))


class OneHot(OpRun):  # onnx's own fails on NumPy 2.4
    """A one where the index says, along the axis."""

    def _run(self, indices: Any, depth: Any, values: Any, axis: int = -1) -> tuple[Any, ...]:
        off, on = (float(value) for value in values)
        places = np.arange(int(np.ravel(depth)[0]))
        hot: Any = np.expand_dims(indices, axis) == places.reshape(
            [-1 if i == axis % (indices.ndim + 1) else 1 for i in range(indices.ndim + 1)]
        )
        return (hot * (on - off) + off,)


def _run(evaluator: Any, feeds: Mapping[str, Any]) -> dict[str, Any]:
    return dict(zip(evaluator.output_names, evaluator.run(None, dict(feeds)), strict=True))


def _double(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.astype(np.float64) if values.dtype == np.float32 else values


def _in_double(model: onnx.ModelProto) -> onnx.ModelProto:
    """Every float32 becomes a float64, but for what Resize takes as scales."""
    graph = model.graph
    del graph.value_info[:]
    for port in (*graph.input, *graph.output):
        if port.type.tensor_type.elem_type == TensorProto.FLOAT:
            port.type.tensor_type.elem_type = TensorProto.DOUBLE
    scales = {name for node in graph.node if node.op_type == "Resize" for name in node.input[1:]}
    for tensor in graph.initializer:
        if tensor.name not in scales:
            _widen(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
            if attribute.HasField("t"):
                _widen(attribute.t)
    return model


def _widen(tensor: onnx.TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        values = numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
