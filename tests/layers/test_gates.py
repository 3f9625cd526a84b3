"""ONNX Runtime puts one kernel in the place of a gate's nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from cnndsl.layers import LAYERS
from cnndsl.lower import lower
from cnndsl.network import Input, Network, Step
from cnndsl.shape import Shape
from tests.support.run_layer import HERE

SHAPE = Shape(8, (6, 6))


@pytest.mark.parametrize(
    ("word", "fields", "kernel"),
    [
        ("gelu", {}, "Gelu"),
        ("gelu", {"approximate": True}, "FastGelu"),
        ("silu", {}, "QuickGelu"),
    ],
)
def test_is_fused(word: str, fields: dict[str, Any], kernel: str, tmp_path: Path) -> None:
    layers = [LAYERS[word](**fields), LAYERS["tanh"]()]  # an output of the graph isn't fused
    steps = tuple(
        Step(name=f"s{i + 1}", layer=layer, inputs=(f"s{i}",), output=SHAPE, origin=HERE)
        for i, layer in enumerate(layers)
    )
    inputs = (Input(name="s0", shape=SHAPE, origin=HERE),)
    network = Network(name="Gate", settings={}, inputs=inputs, steps=steps, outputs=("s2",))
    model = ir.to_proto(ir.Model(lower(network).graph, ir_version=8))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    kinds = [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]
    assert kinds == [kernel, "Tanh"]
