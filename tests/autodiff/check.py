"""Check an operator's gradient rule against finite differences and, where given, torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx.shape_inference import infer_shapes

from cnndsl.autodiff import differentiate

Array = np.ndarray[Any, Any]
OPSET = 18


class Graph:
    """A graph of one operator, and the gradients of a weighted sum of its first output."""

    def __init__(
        self,
        kind: str,
        arrays: Sequence[Array],
        wanted: Sequence[int],
        attributes: dict[str, Any],
        outputs: int = 1,
        constants: Sequence[int] = (),
    ):
        self.arrays = list(arrays)
        self.constants = set(constants)
        self.kind, self.attributes, self.wanted, self.outputs = (
            kind,
            attributes,
            list(wanted),
            outputs,
        )

    def forward_model(self, kind: np.dtype[Any]) -> onnx.ModelProto:
        values = [
            _value(f"x{i}", a if a.dtype == np.int64 else a.astype(kind))
            for i, a in enumerate(self.arrays)
        ]
        for i in self.constants:
            values[i].const_value = ir.tensor(self.arrays[i], name=f"x{i}")
        node = ir.node(self.kind, values, self.attributes, num_outputs=self.outputs, name="node")
        for i, output in enumerate(node.outputs):
            output.name = f"y{i}"
        graph = ir.Graph(
            [v for i, v in enumerate(values) if i not in self.constants],
            [node.outputs[0]],
            nodes=[node],
            initializers=[values[i] for i in sorted(self.constants)],
            opset_imports={"": OPSET},
            name="g",
        )
        return infer_shapes(
            ir.to_proto(ir.Model(graph, ir_version=8)), strict_mode=True, data_prop=True
        )

    def gradient_model(self, kind: np.dtype[Any], weights: Array) -> onnx.ModelProto:
        model = ir.from_proto(self.forward_model(kind))
        graph = model.graph
        y = graph.outputs[0]
        assert y.dtype is not None
        data_type = y.dtype
        w = _value("loss_weights", weights.astype(kind))
        w.const_value = ir.tensor(weights.astype(kind), name="loss_weights")
        graph.initializers["loss_weights"] = w
        by_name = {v.name: v for v in (*graph.inputs, *graph.initializers.values())}
        wanted = [by_name[f"x{i}"] for i in self.wanted]
        back, gradients = differentiate(list(graph), {y: w}, wanted)
        graph.extend(back.nodes)
        for name, value in back.constants.items():
            graph.initializers[name] = value
        graph.outputs[:] = [gradients[v] for v in wanted]
        for value in graph.outputs:
            value.type = ir.TensorType(data_type)
        proto = ir.to_proto(model)
        onnx.checker.check_model(proto, full_check=True)
        return proto


def _value(name: str, array: Array) -> ir.Value:
    data_type = ir.DataType.from_numpy(array.dtype)
    return ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(data_type))


def run(model: onnx.ModelProto, feeds: dict[str, Array]) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = {i.name for i in session.get_inputs()}
    return [
        np.asarray(r) for r in session.run(None, {k: v for k, v in feeds.items() if k in names})
    ]


def check_gradient(
    kind: str,
    arrays: Sequence[Array],
    wanted: Sequence[int],
    *,
    torch_function: Callable[..., Any] | None = None,
    constants: Sequence[int] = (),
    outputs: int = 1,
    tolerance: float = 2e-5,
    finite: bool = True,
    **attributes: Any,
) -> None:
    """Compare the gradients of a random weighted sum of the first output.

    `wanted` are the inputs that get gradients, `constants` those that must be initialisers (pads,
    axes). Finite differences are taken in float64 along a random direction, where ONNX Runtime has
    float64 kernels for the operators used (`finite`).
    """
    graph = Graph(kind, arrays, wanted, attributes, outputs, constants)
    feeds32 = {
        f"x{i}": a if a.dtype == np.int64 else a.astype(np.float32) for i, a in enumerate(arrays)
    }
    (y,) = run(graph.forward_model(np.dtype(np.float32)), feeds32)
    random = np.random.default_rng(7)
    weights = random.standard_normal(y.shape)
    gradients = run(graph.gradient_model(np.dtype(np.float32), weights), feeds32)
    scale = max(1.0, *(float(np.abs(g).max(initial=0)) for g in gradients))
    if finite:
        _finite(graph, arrays, wanted, weights, tolerance)
    if torch_function is not None:
        import torch

        tensors = [
            torch.from_numpy(a.copy() if a.dtype == np.int64 else a.astype(np.float64))
            for a in arrays
        ]
        for i in wanted:
            tensors[i].requires_grad_()
        expected = torch_function(*tensors)
        (expected * torch.from_numpy(weights)).sum().backward()
        np.testing.assert_allclose(
            y,
            expected.detach().numpy(),
            atol=tolerance * max(1.0, np.abs(y).max(initial=0)),
            rtol=1e-4,
        )
        for i, gradient in zip(wanted, gradients, strict=True):
            np.testing.assert_allclose(
                gradient,
                tensors[i].grad.numpy(),
                atol=tolerance * scale,
                rtol=1e-4,
                err_msg=f"input {i}",
            )


def _finite(
    graph: Graph, arrays: Sequence[Array], wanted: Sequence[int], weights: Array, tolerance: float
) -> None:
    double = np.dtype(np.float64)
    feeds = {f"x{i}": a if a.dtype == np.int64 else a.astype(double) for i, a in enumerate(arrays)}
    gradients = run(graph.gradient_model(double, weights), feeds)
    forward = graph.forward_model(double)
    random = np.random.default_rng(11)
    step = 1e-6
    for i, gradient in zip(wanted, gradients, strict=True):
        direction = random.standard_normal(arrays[i].shape)
        up, down = (
            float(
                (
                    run(forward, feeds | {f"x{i}": feeds[f"x{i}"] + sign * step * direction})[0]
                    * weights
                ).sum()
            )
            for sign in (1, -1)
        )
        measured, computed = (up - down) / (2 * step), float((gradient * direction).sum())
        assert abs(measured - computed) <= 1e-4 * max(
            1.0, abs(measured), np.abs(gradient).max(initial=0)
        ), (i, measured, computed)
