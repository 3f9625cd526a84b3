"""Any network: the compiler, ONNX's own shape inference and ONNX Runtime agree."""

from __future__ import annotations

from math import prod

import numpy as np
import onnx
import onnx_ir as ir
from hypothesis import given, settings
from onnx.shape_inference import infer_shapes

from cnndsl.analyse import analyse
from cnndsl.lower import lower
from cnndsl.network import Network
from tests.support.networks import networks
from tests.support.run_layer import run_network


@settings(max_examples=150)
@given(network=networks())
def test_runs_with_the_shapes_that_were_inferred(network: Network) -> None:
    random = np.random.default_rng(0)
    feeds = {
        i.name: random.standard_normal((2, *i.shape)).astype(np.float32) for i in network.inputs
    }
    run_network(network, feeds, {})


@settings(max_examples=150)
@given(network=networks())
def test_onnx_infers_the_same_shapes(network: Network) -> None:
    """Every value that carries a shape of ours gets the same from onnx, fed none of ours."""
    lowered = lower(network, batch=3)
    for name, parameter in lowered.parameters.items():
        zeros = np.zeros(parameter.shape, np.float32)
        lowered.graph.initializers[name].const_value = ir.tensor(zeros, name=name)
    model = ir.to_proto(ir.Model(lowered.graph, ir_version=8))
    ours = {v.name: _dims(v) for v in (*model.graph.value_info, *model.graph.output)}
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = infer_shapes(model, strict_mode=True, data_prop=True)
    theirs = {v.name: _dims(v) for v in (*inferred.graph.value_info, *inferred.graph.output)}
    compared = 0
    for name, dims in ours.items():
        if dims and name in theirs and all(theirs[name]):
            assert theirs[name] == dims, name
            compared += 1
    assert compared >= len(network.outputs) or not ours


@settings(max_examples=150)
@given(network=networks())
def test_parameters_are_the_initializers(network: Network) -> None:
    lowered = lower(network)
    totals = analyse(network).totals
    stored = {
        name: prod(lowered.graph.initializers[name].shape or ()) for name in lowered.parameters
    }
    statistics = {n for n, p in lowered.parameters.items() if p.role == "statistic"}
    assert sum(size for n, size in stored.items() if n not in statistics) == totals.params
    assert sum(size for n, size in stored.items() if n in statistics) == totals.statistics


def _dims(value: onnx.ValueInfoProto) -> list[int]:
    return [d.dim_value for d in value.type.tensor_type.shape.dim]
