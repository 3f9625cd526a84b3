"""Forward convolutions in other forms: the graph computes what it did."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.autodiff.algorithms.geometry import Axis, Convolution
from cnndsl.autodiff.passes.convolutions import rewrite_convolutions
from cnndsl.graphs.tidying import infer_shapes
from cnndsl.graphs.writer import Writer
from tests.autodiff.check import Array, run

SINGLE = ir.TensorType(ir.DataType.FLOAT)


def model(batch: int | str) -> tuple[ir.Model, dict[str, Array]]:
    """Conv with a bias → Relu → ConvTranspose, every weight an input."""
    shapes = {
        "x": (2, 3, 9, 8),
        "w": (4, 3, 3, 3),
        "b": (4,),
        "v": (4, 2, 2, 2),
    }
    random = np.random.default_rng(0)
    feeds = {n: random.standard_normal(s, dtype=np.float32) for n, s in shapes.items()}
    values = {n: ir.Value(name=n, shape=ir.Shape(s), type=SINGLE) for n, s in shapes.items()}
    values["x"].shape = ir.Shape([batch, 3, 9, 8])
    conv = ir.node("Conv", [values["x"], values["w"], values["b"]], {"pads": [1] * 4}, name="conv")
    conv.outputs[0].name = "y"
    conv.doc_string = "net.cnn:3: conv 3x3 4 p1"
    relu = ir.node("Relu", conv.outputs, name="relu")
    up = ir.node("ConvTranspose", [relu.outputs[0], values["v"]], {"strides": [2, 2]}, name="up")
    up.outputs[0].name = "z"
    graph = ir.Graph(
        list(values.values()),
        [conv.outputs[0], up.outputs[0]],
        nodes=[conv, relu, up],
        opset_imports={"": 18},
        name="g",
    )
    found = ir.Model(graph, ir_version=8)
    for value in graph.outputs:
        value.type = SINGLE
    infer_shapes(found)
    return found, feeds


def rewrite(found: ir.Model, planner: Planner) -> dict[ir.Value, ir.Value]:
    write, nodes = Writer(part="form"), list(found.graph)
    outputs = list(found.graph.outputs)
    found.graph.outputs.clear()
    found.graph.remove(nodes)
    replaced = rewrite_convolutions(nodes, write, planner)
    found.graph.extend(write.nodes)
    for name, value in write.constants.items():
        found.graph.initializers[name] = value
    found.graph.outputs.extend(replaced.get(v, v) for v in outputs)
    return replaced


@pytest.mark.parametrize("form", ["columns", "winograd 4", "direct", "transposed"])
def test_outputs_stay(form: str) -> None:
    found, feeds = model(2)
    before = run(ir.to_proto(found), feeds)
    planner = Planner(
        tune=lambda c, ranked: next((r for r in ranked if form in r.values()), ranked[-1])
    )
    replaced = rewrite(found, planner)
    after = run(ir.to_proto(found), feeds)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4, rtol=1e-4)
    assert [v.name for v in found.graph.outputs] == ["y", "z"]
    for new in replaced.values():
        producer = new.producer()
        assert producer is not None
        if new.name == "y":
            assert producer.doc_string == "net.cnn:3: conv 3x3 4 p1"


def test_what_was_chosen_before_is_taken() -> None:
    found, _ = model(2)
    planner = Planner()
    conv, _, up = found.graph
    planner.placed[conv], planner.placed[up] = "direct", "transposed"
    assert rewrite(found, planner) == {}
    assert [n.op_type for n in found.graph] == ["Conv", "Relu", "ConvTranspose"]


def test_open_batches_stay_as_they_are() -> None:
    found, _ = model("N")
    assert rewrite(found, Planner()) == {}


def test_the_choice_is_kept() -> None:
    asked: list[Convolution] = []
    planner = Planner(tune=lambda c, ranked: asked.append(c) or ranked[0])
    c = Convolution(2, 3, 4, 1, (Axis(9, 3, 1, 1, 1, 9),))
    assert planner.choose(c, ["fprop"]) is planner.choose(c, ["fprop"])
    planner.choose(c, ["fprop", "wgrad"])
    assert asked == [c, c]
