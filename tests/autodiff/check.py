"""Check an operator's gradient rule against finite differences and, where given, torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx.reference import ReferenceEvaluator
from onnx.shape_inference import infer_shapes

from cnndsl.autodiff import differentiate

Array = np.ndarray[Any, Any]
OPSET = 18
SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


class Graph:
    """A graph of one operator, and the gradients of a weighted sum of its first `graded` outputs.

    Arrays of float64 are cast to what is computed in; those of other types stay as they are, and
    None is an input that is left out.
    """

    def __init__(
        self,
        kind: str,
        arrays: Sequence[Array | None],
        wanted: Sequence[int],
        attributes: Mapping[str, Any],
        outputs: int = 1,
        constants: Sequence[int] = (),
        graded: int = 1,
        opset: int = OPSET,
    ):
        self.arrays = list(arrays)
        self.constants = set(constants)
        self.kind, self.attributes, self.wanted = kind, attributes, list(wanted)
        self.outputs, self.graded, self.opset = outputs, graded, opset

    def feeds(self, kind: np.dtype[Any]) -> dict[str, Array]:
        """The inputs by name."""
        return {
            f"x{i}": cast(a, kind)
            for i, a in enumerate(self.arrays)
            if a is not None and i not in self.constants
        }

    def forward_model(self, kind: np.dtype[Any]) -> onnx.ModelProto:
        values = [
            None if a is None else _value(f"x{i}", cast(a, kind), i in self.constants)
            for i, a in enumerate(self.arrays)
        ]
        node = ir.node(self.kind, values, self.attributes, num_outputs=self.outputs, name="node")
        for i, output in enumerate(node.outputs):
            output.name = f"y{i}"
        graph = ir.Graph(
            [v for i, v in enumerate(values) if v is not None and i not in self.constants],
            node.outputs[: self.graded],
            nodes=[node],
            initializers=[v for i, v in enumerate(values) if v is not None and i in self.constants],
            opset_imports={"": self.opset},
            name="g",
        )
        model = ir.to_proto(ir.Model(graph, ir_version=8))
        return infer_shapes(model, strict_mode=True, data_prop=True)

    def gradient_model(
        self, kind: np.dtype[Any], weights: Array | Sequence[Array]
    ) -> onnx.ModelProto:
        model = ir.from_proto(self.forward_model(kind))
        graph = model.graph
        weights = [weights] if isinstance(weights, np.ndarray) else weights
        seeds: dict[ir.Value, ir.Value] = {}
        for i, (y, w) in enumerate(zip(graph.outputs, weights, strict=True)):
            seeds[y] = graph.initializers[f"weights{i}"] = _value(
                f"weights{i}", cast(w, kind), True
            )
        by_name = {v.name: v for v in (*graph.inputs, *graph.initializers.values())}
        wanted = [by_name[f"x{i}"] for i in self.wanted]
        back, gradients = differentiate(list(graph), seeds, wanted)
        graph.extend(back.nodes)
        for name, value in back.constants.items():
            graph.initializers[name] = value
        graph.outputs[:] = [gradients[v] for v in wanted]
        for value in graph.outputs:
            value.type = ir.TensorType(ir.DataType.from_numpy(kind))
        proto = ir.to_proto(model)
        onnx.checker.check_model(proto, full_check=True)
        return proto


def cast(array: Array, kind: np.dtype[Any]) -> Array:
    return np.asarray(array, kind) if array.dtype == DOUBLE else np.asarray(array)


def _value(name: str, array: Array, constant: bool) -> ir.Value:
    data_type = ir.DataType.from_numpy(array.dtype)
    value = ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(data_type))
    if constant:
        value.const_value = ir.tensor(array, name=name)
    return value


def run(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = {i.name for i in session.get_inputs()}
    return [
        np.asarray(r) for r in session.run(None, {k: v for k, v in feeds.items() if k in names})
    ]


def check_gradient(
    kind: str,
    arrays: Sequence[Array | None],
    wanted: Sequence[int],
    *,
    torch_function: Callable[..., Any] | None = None,
    constants: Sequence[int] = (),
    outputs: int = 1,
    graded: int = 1,
    tolerance: float = 2e-5,
    finite: bool = True,
    precision: np.dtype[Any] = DOUBLE,
    opset: int = OPSET,
    **attributes: Any,
) -> None:
    """Compare the gradients of a random weighted sum of the first `graded` outputs.

    `wanted` are the inputs that get gradients, `constants` those that must be initialisers (pads,
    axes). Finite differences are taken along a random direction, in float64 except for operators
    whose kernels have the digits of float32 anyway (`precision`).
    """
    graph = Graph(kind, arrays, wanted, attributes, outputs, constants, graded, opset)
    results = run(graph.forward_model(SINGLE), graph.feeds(SINGLE))
    random = np.random.default_rng(7)
    weights = [random.standard_normal(y.shape) for y in results]
    gradients = run(graph.gradient_model(SINGLE, weights), graph.feeds(SINGLE))
    for i, gradient in zip(wanted, gradients, strict=True):
        array = graph.arrays[i]
        assert array is not None and gradient.shape == array.shape, (i, gradient.shape)
    if finite:
        _finite(graph, weights, precision)
    if torch_function is not None:
        _against_torch(graph, results, weights, gradients, torch_function, tolerance)


def _against_torch(
    graph: Graph,
    results: Sequence[Array],
    weights: Sequence[Array],
    gradients: Sequence[Array],
    function: Callable[..., Any],
    tolerance: float,
) -> None:
    import torch

    tensors = [None if a is None else torch.from_numpy(a.copy()) for a in graph.arrays]
    for i in graph.wanted:
        tensors[i].requires_grad_()
    expected = function(*tensors)
    expected = expected if isinstance(expected, tuple | list) else (expected,)
    pairs = zip(expected, weights, strict=True)
    sum((e * torch.from_numpy(w)).sum() for e, w in pairs).backward()
    for y, e in zip(results, expected, strict=True):
        np.testing.assert_allclose(
            y,
            e.detach().numpy(),
            atol=tolerance * max(1.0, np.abs(y).max(initial=0)),
            rtol=1e-4,
        )
    scale = max(1.0, *(float(np.abs(g).max(initial=0)) for g in gradients))
    for i, gradient in zip(graph.wanted, gradients, strict=True):
        np.testing.assert_allclose(
            gradient,
            tensors[i].grad.numpy(),
            atol=tolerance * scale,
            rtol=1e-4,
            err_msg=f"input {i}",
        )


def _finite(graph: Graph, weights: Sequence[Array], precision: np.dtype[Any]) -> None:
    feeds = graph.feeds(precision)
    gradients = _exactly(graph.gradient_model(precision, weights), feeds)
    forward = graph.forward_model(precision)
    random = np.random.default_rng(11)
    step, tolerance = (1e-6, 1e-4) if precision == DOUBLE else (1e-2, 1e-3)
    for i, gradient in zip(graph.wanted, gradients, strict=True):
        name, direction = f"x{i}", random.standard_normal(gradient.shape)

        def total(sign: int, name: str = name, direction: Array = direction) -> float:
            moved = feeds | {name: np.asarray(feeds[name] + sign * step * direction, precision)}
            pairs = zip(_exactly(forward, moved), weights, strict=True)
            return sum(float((y * w).sum()) for y, w in pairs)

        measured = (total(1) - total(-1)) / (2 * step)
        computed = float((gradient * direction).sum())
        allowed = tolerance * max(1.0, abs(measured), np.abs(gradient).max(initial=0))
        assert abs(measured - computed) <= allowed, (i, measured, computed)


def _exactly(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    """By ONNX Runtime, or by ONNX's own evaluator where that has no kernel."""
    with suppress(onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented):
        return run(model, feeds)
    names = {i.name for i in model.graph.input}
    results = ReferenceEvaluator(model).run(None, {k: v for k, v in feeds.items() if k in names})
    return [np.asarray(r) for r in results]


def away(array: Array, *corners: float, margin: float = 0.1) -> Array:
    """The array with every value at least `margin` from each corner, where differences mislead."""
    for corner in corners:
        near = np.abs(array - corner) < margin
        array = np.where(near, corner + np.where(array >= corner, margin, -margin), array)
    return array
