"""Run a single layer through the compiler and ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx.shape_inference import infer_shapes

from cnndsl.layers.base import Layer
from cnndsl.lower import lower
from cnndsl.network import Input, Network, Origin, Step
from cnndsl.shape import Shape
from cnndsl.source import Source, Span

HERE = Origin(Span(Source("test", ""), 0, 0))


def shape_of(array: np.ndarray[Any, Any]) -> Shape:
    """The shape of a batch's examples."""
    return Shape(array.shape[1], tuple(array.shape[2:]))


def one_layer(layer: Layer, *shapes: Shape) -> Network:
    """A network of one step named `layer`, with inputs `x0`, `x1` …"""
    inputs = tuple(Input(name=f"x{i}", shape=s, origin=HERE) for i, s in enumerate(shapes))
    step = Step(
        name="layer",
        layer=layer,
        inputs=tuple(i.name for i in inputs),
        output=layer.shape(*shapes),
        origin=HERE,
    )
    return Network(name="Test", settings={}, inputs=inputs, steps=(step,), outputs=("layer",))


def run_network(
    network: Network,
    feeds: Mapping[str, np.ndarray[Any, Any]],
    parameters: Mapping[str, np.ndarray[Any, Any]],
) -> list[np.ndarray[Any, Any]]:
    """Outputs in ONNX Runtime; the model is checked and its shapes inferred strictly before.

    `parameters` go by their full names (`layer.weight`); what is missing is drawn at random.
    """
    lowered = lower(network)
    random = np.random.default_rng(0)
    for name, parameter in lowered.parameters.items():
        array = parameters.get(name)
        if array is None:
            array = random.standard_normal(parameter.shape).astype(np.float32)
            array = np.abs(array) + 0.5 if "var" in name else array
        assert tuple(array.shape) == parameter.shape, (name, array.shape, parameter.shape)
        value = lowered.graph.initializers[name]
        value.const_value = ir.tensor(np.ascontiguousarray(array, np.float32), name=name)
    model = ir.to_proto(ir.Model(lowered.graph, ir_version=8))
    onnx.checker.check_model(model, full_check=True)
    infer_shapes(model, strict_mode=True, data_prop=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    results = session.run(None, dict(feeds))
    for name, result in zip(network.outputs, results, strict=True):
        shape = network.shapes[name]
        if shape.is_concrete:
            assert tuple(result.shape[1:]) == (shape.channels, *shape.sizes), (name, shape)
    return [np.asarray(r) for r in results]


def run_layer(
    layer: Layer,
    *arrays: np.ndarray[Any, Any],
    parameters: Mapping[str, np.ndarray[Any, Any]] | None = None,
) -> np.ndarray[Any, Any]:
    """One layer's output for batched float32 inputs; parameters by their short names."""
    network = one_layer(layer, *map(shape_of, arrays))
    feeds = {f"x{i}": np.ascontiguousarray(a, np.float32) for i, a in enumerate(arrays)}
    full = {f"layer.{name}": array for name, array in (parameters or {}).items()}
    return run_network(network, feeds, full)[0]
