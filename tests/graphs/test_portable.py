"""Models as files say the same as graphs in memory, in the way that most programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import cnndsl
from cnndsl.emit import skeleton
from cnndsl.importing import import_model
from cnndsl.lower import lower

SHAPE = (2, 4, 9, 9)
IMAGE = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)

LINES = [
    ("avgpool 3x3 s2 p1 countpad", 17, ["Pad", "AveragePool"]),
    ("avgpool 3x3 s2 p=(1,0,0,1) countpad", 18, ["Pad", "AveragePool"]),
    ("avgpool 3x3 s2 ceil p1", 17, ["AveragePool"]),
    ("pad 1", 17, ["Pad"]),
    ("pad 1 value=0.5 -> pool 2x2", 17, ["Pad", "MaxPool"]),
    ("pad 1 reflect -> pool 2x2", 17, ["Pad", "MaxPool"]),
    ("pad 3 -> pool 2x2", 18, ["Pad", "MaxPool"]),
    ("pad 3 -> avgpool 2x2", 18, ["Pad", "AveragePool"]),
    ("pad 3 -> dropout -> pool 2x2", 18, ["Pad", "MaxPool"]),
    ("pad 3 -> conv 3x3 2", 17, ["Pad", "Conv"]),
    ("pad 3 -> l2norm -> pool 2x2", 17, ["Pad", "ReduceL2", "Max", "Div", "MaxPool"]),
    ("pad 3 -> pool 2x2 -> minmax", 18, None),
    ("widen 6", 17, ["Pad"]),
    ("gap channels", 17, ["ReduceMean"]),
    ("minmax all", 17, None),
    ("softmax", 17, None),
    ("prelu", 17, ["PRelu"]),
    ("scale nobias", 17, ["Mul"]),
    ("grn", 17, None),
    ("upsample size=18x27 bilinear", 17, ["Resize"]),
    ("upsample size=7x11 bilinear align_corners", 18, ["Resize"]),  # 9·(7/9) is less than 7
]


@pytest.mark.parametrize(("line", "opset", "kinds"), LINES, ids=[row[0] for row in LINES])
def test_a_file_computes_what_its_graph_does(
    line: str, opset: int, kinds: list[str] | None, tmp_path: Path
) -> None:
    network = cnndsl.parse(f"input image 4@9x9\nresult: {line}\noutput result\n")
    path = cnndsl.compile(network, tmp_path / "m.onnx").path
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [o.version for o in model.opset_import] == [opset]
    if kinds is not None:
        assert [node.op_type for node in model.graph.node] == kinds
    graph = skeleton(lower(network), as_inputs=True)
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    shapes = {
        i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in graph.graph.input
    }
    feeds = {n: stored[n].reshape(s) for n, s in shapes.items() if n != "image"}
    expected = _run(graph, {"image": IMAGE, **feeds}, optimise=False)
    for optimise in (False, True):
        found = _run(model, {"image": IMAGE}, optimise)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_shapes_are_noted_where_all_sizes_are_fixed(tmp_path: Path) -> None:
    text = "input image 4@9x9\nconv 3x3 2 relu\nresult: gap\noutput result\n"
    for batch, noted in ((None, []), (1, ["conv1", "relu1"])):
        path = cnndsl.compile(text, tmp_path / "m.onnx", batch=batch).path
        assert [v.name for v in onnx.load(path).graph.value_info] == noted


def test_a_weight_a_channel_is_stored_so_that_it_stretches(tmp_path: Path) -> None:
    text = "input image 4@9x9\nprelu\nresult: scale nobias\noutput result\n"
    for weights, dims in ((None, [4, 1, 1]), ("none", [4])):
        model = onnx.load(cnndsl.compile(text, tmp_path / "m.onnx", weights=weights).path)
        inputs = {
            i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input
        }
        stored = inputs | {t.name: list(t.dims) for t in model.graph.initializer}
        assert stored["prelu1.weight"] == dims


def test_import_joins_the_border_of_an_average_again(tmp_path: Path) -> None:
    text = "input image 4@9x9\nresult: avgpool 3x3 s2 p1 countpad\noutput result\n"
    path = cnndsl.compile(text, tmp_path / "m.onnx").path
    assert "avgpool 3x3 s2 p1 countpad" in import_model(path).text


def _run(model: onnx.ModelProto, feeds: dict[str, Any], optimise: bool) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, feeds)[0]
