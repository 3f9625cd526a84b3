"""ONNX models from anywhere, cut off: what is left computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.emit import emit
from cnndsl.graphs import files
from cnndsl.graphs.files import read_model, write_model
from cnndsl.lower import lower
from cnndsl.runtime.session import open_session
from cnndsl.surgery import cut
from cnndsl.surgery.models import cut_file, cut_model, model_head
from cnndsl.weights import initial_weights
from tests.support.data import real_data
from tests.support.specs import network
from tests.surgery.running import SMALL, answers, noise

MODEL = """
<ir_version: 8, opset_import: ["" : 18],
 metadata_props: ["cnndsl.labels": "[1]", "cnndsl.preprocessing": "{}", "author": "me"]>
small (float[N, 2, 4, 4] x, float[N, 2, 4, 4] unused, bool c) => (float[N, 3] y, float[N, 3] logits)
<float[2, 2, 1, 1] w = {1, 2, 3, 4}, float[3, 2] v = {1, 2, 3, 4, 5, 6}, int64[2] s = {0, -1}>
{
    [first] conv = Conv(x, w)
    part.relu = Relu(conv)
    part.gap = GlobalAveragePool(part.relu)
    chosen = If(c) <
        then_branch = a () => (float[N, 2, 1, 1] t) { t = Identity(part.gap) },
        else_branch = b () => (float[N, 2, 1, 1] e) { e = Neg(part.gap) }
    >
    dropped = Dropout(part.gap)
    flat = Reshape(dropped, s)
    w2 = Transpose(v)
    logits = MatMul(flat, w2)
    y = Softmax(logits)
}
"""


def small() -> onnx.ModelProto:
    """With dots in its names, which ONNX' text form doesn't take."""
    text = onnx.parser.parse_model(MODEL.replace("part.", "part_"))
    return onnx.load_from_string(text.SerializeToString().replace(b"part_", b"part."))


def run(model: onnx.ModelProto, **feeds: object) -> list[np.ndarray]:
    check: Any = onnx.checker  # partly typed
    check.check_model(model)
    session = open_session(model.SerializeToString(), threads=1)
    taken = {i.name for i in session.get_inputs()}
    return session.run(None, {n: np.asarray(v) for n, v in feeds.items() if n in taken})


X = np.random.default_rng(0).standard_normal((3, 2, 4, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("at", "value", "nodes", "shape"),
    [
        ("conv", "conv", 1, (3, 2, 4, 4)),
        ("first", "conv", 1, (3, 2, 4, 4)),
        ("part", "part.gap", 3, (3, 2, 1, 1)),
        ("part.relu", "part.relu", 2, (3, 2, 4, 4)),
        ("logits", "logits", 7, (3, 3)),
        ("chosen", "chosen", 4, (3, 2, 1, 1)),
    ],
)
def test_a_part(at: str, value: str, nodes: int, shape: tuple[int, ...]) -> None:
    made, values = cut_model(small(), at)
    assert values == (value,)
    assert len(made.graph.node) == nodes
    (result,) = run(made, x=X, c=True)
    assert result.shape == shape
    assert {p.key for p in made.metadata_props} == {"cnndsl.preprocessing", "author"}
    assert "unused" not in {i.name for i in made.graph.input}


def test_several_values_at_once_are_those_of_the_whole() -> None:
    made, values = cut_model(small(), "logits", "part", "part.gap")
    assert values == ("logits", "part.gap", "part.gap")
    logits, gap = run(made, x=X)
    whole = run(small(), x=X, unused=X, c=True)
    assert np.array_equal(logits, whole[1])
    (conv,) = run(cut_model(small(), "conv")[0], x=X)
    np.testing.assert_allclose(gap, np.maximum(conv, 0).mean(axis=(2, 3), keepdims=True), rtol=1e-5)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("x", "`x` is an input of the model: no layer comes before it"),
        ("logit", "the model has no value or node `logit`; did you mean `logits`?"),
        ("pat", "the model has no value or node `pat`; did you mean `part`?"),
        (
            "zzz",
            "the model has no value or node `zzz`; its last values are `flat`, `w2`, `logits`, `y`",
        ),
    ],
)
def test_what_cant_be_cut_at(at: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        cut_model(small(), at)
    assert str(caught.value) == message


def test_where_the_classifier_begins() -> None:
    head = model_head(small())
    assert (head.features, head.pooled) == ("part.gap", False)
    model = small()
    del model.graph.output[:]
    model.graph.output.add().CopyFrom(cut_model(small(), "part.relu")[0].graph.output[0])
    with pytest.raises(UsageError, match="say which value is meant by --at"):
        model_head(model)


@pytest.mark.parametrize("at", ["stem", "stem.bn1", "part", "part.conv1", "last", "logits"])
def test_a_compiled_net_is_cut_where_its_spec_is(at: str, tmp_path: Path) -> None:
    """`last` ends in a dropout, which the model doesn't have."""
    net, path = network(SMALL), tmp_path / "net.onnx"
    weights, x = initial_weights(net), noise(2, 3, 16, 16)
    emit(lower(net), path, weights=weights, metadata={})
    (expected,) = answers(cut(net, at), weights, x)
    (result,) = run(cut_model(read_model(path), at)[0], image=x)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_a_circle_of_nodes_ends_in_an_error() -> None:
    nodes = [onnx.helper.make_node("Relu", [a], [b]) for a, b in ("xy", "yx")]
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 3])
    graph = onnx.helper.make_graph(nodes, "circle", [], [output])
    with pytest.raises(UsageError, match="can't be told"):
        model_head(onnx.helper.make_model(graph))


def test_weights_beside_the_model_go_along(tmp_path: Path) -> None:
    net, path = network(SMALL), tmp_path / "net.onnx"
    emit(lower(net), path, weights=initial_weights(net), metadata={}, external=True)
    data, size = cut_file(path, ["stem"], tmp_path / "part.onnx")
    assert data is None
    assert size > 4 * 3 * 8 * 9
    path.with_name("net.onnx.data").unlink()
    with pytest.raises(UsageError, match=r"keeps its weights in `net\.onnx\.data`"):
        cut_file(path, ["stem"], tmp_path / "part.onnx")


def test_weights_too_large_for_one_file_lie_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, path, part = network(SMALL), tmp_path / "net.onnx", tmp_path / "part.onnx"
    emit(lower(net), path, weights=initial_weights(net), metadata={})
    monkeypatch.setattr(files, "LARGEST_MESSAGE", 100)
    for _ in range(2):
        data, size = cut_file(path, ["logits"], part)
        beside = tmp_path / "part.onnx.data"
        assert data == beside
        assert size == part.stat().st_size + beside.stat().st_size
    open_session(part, threads=1)


REAL = {
    "mobilenet_v2_1.0_224": ("n62_average_pool_2d", False),
    "squeezenet1_1_fp16": ("fire9/concat_1", True),
    "squeezenet1_0": ("fire9", True),
    "mobilenet_v1_0.25_128": ("n27_average_pool_2d", False),
    "cntk_mnist": ("Pooling160_Output_0", False),
}


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_real_models(name: str, tmp_path: Path) -> None:
    model = read_model(real_data("weights", f"{name}.onnx"))
    head = model_head(model)
    assert (head.features, head.pooled) == REAL[name]
    made, _ = cut_model(model, head.features)
    path = tmp_path / "part.onnx"
    write_model(made, path)
    (output,) = open_session(path, threads=1).get_outputs()
    assert output.name == head.features


@pytest.mark.data
def test_a_style_net_has_no_classifier() -> None:
    with pytest.raises(UsageError, match="can't be told"):
        model_head(read_model(real_data("weights", "style_candy.onnx")))


def test_no_model(tmp_path: Path) -> None:
    path = tmp_path / "no.onnx"
    path.write_bytes(b"\x0a\xff\xff")
    with pytest.raises(UsageError, match=r"no\.onnx` is no ONNX model"):
        read_model(path)
    with pytest.raises(UsageError, match="there is no file"):
        read_model(tmp_path / "missing.onnx")


def test_the_part_behind_a_value() -> None:
    x = noise(1, 2, 4, 4)
    whole = small()
    (y, logits) = run(whole, x=x, unused=x, c=True)
    first, second = cut_model(whole, "part.gap")[0], cut_model(whole, start="part.gap")[0]
    (gap,) = run(first, x=x)
    assert [i.name for i in second.graph.input] == ["part.gap"]
    again = run(second, **{"part.gap": gap})
    assert np.array_equal(again[0], y) and np.array_equal(again[1], logits)
    assert {p.key for p in second.metadata_props} == {"cnndsl.labels", "author"}


@pytest.mark.parametrize(
    ("start", "at", "message"),
    [
        ("y", (), "isn't made of `y`"),
        ("part.gap", ("part.relu",), "isn't made of `part.gap`"),
        ("part.gap", ("chosen",), "also depends on the input `c`"),
    ],
)
def test_where_no_part_of_a_model_begins(start: str, at: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cut_model(small(), *at, start=start)
