"""Inputs and outputs as models have them: without a batch, beside each other, as they came."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnndsl.diagnostics import UsageError
from cnndsl.importing import import_model
from cnndsl.runtime import open_model
from tests.support.graphs import Graph, f32, integers
from tests.support.imported import compiled


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as error:
        import_model(path)
    return str(error.value)


@pytest.mark.parametrize("sizes", [(5,), ()])
def test_a_vector_or_number_without_a_batch_becomes_one(
    sizes: tuple[int, ...], tmp_path: Path
) -> None:
    g = Graph(1)
    g.sizes = sizes
    imported = import_model(g.save(tmp_path, g.op("Tanh", "x")))
    assert any("`x` has no batch in the model" in note for note in imported.notes)
    x = np.random.default_rng(0).standard_normal((1, *(sizes or (1,)))).astype(np.float32)
    model = open_model(compiled(imported, tmp_path), threads=1)
    (made,) = model({model.inputs[0].name: x}, model.outputs).values()
    np.testing.assert_allclose(made, np.tanh(x), rtol=1e-5)


@pytest.mark.parametrize(("sizes", "shape"), [((1, 3, 2, 2), "3@2x2"), ((1, 1, 3, 4), "1@3x4")])
def test_an_input_that_is_reshaped_only(sizes: tuple[int, ...], shape: str, tmp_path: Path) -> None:
    g = Graph(1, 3, 4)
    assert f"reshape {shape}" in g.imported(tmp_path, g.op("Reshape", "x", integers(*sizes))).text


def test_an_input_that_is_an_output_is_refused_by_its_node(tmp_path: Path) -> None:
    g = Graph(1, 8, 10, 12)
    path = g.save(tmp_path, g.op("Identity", "x"))
    assert "the model's Identity `t0` " in refused(path)


@pytest.mark.parametrize("perm", [[0, 3, 2, 1], [0, 3, 1, 2]])
def test_an_input_in_another_order(perm: list[int], tmp_path: Path) -> None:
    g = Graph(1, 8, 10, 12)
    assert "shuffle" in g.imported(tmp_path, g.op("Transpose", "x", perm=perm)).text


def test_a_second_output_that_no_layer_gives_is_named(tmp_path: Path) -> None:
    g = Graph(2, 6)
    g.op("LayerNormalization", "x", np.ones(6, np.float32), outputs=2)
    message = refused(g.save(tmp_path, "t0_1"))
    assert message.startswith("the model's LayerNormalization `t0` gives the output `t0_1`")


def test_an_output_of_constants_is_named(tmp_path: Path) -> None:
    g = Graph(2, 6)
    message = refused(g.save(tmp_path, g.op("Add", f32(1), f32(2))))
    assert message.startswith("the model's Add `t0` gives the output `t0`, which doesn't depend")


def test_casts_to_the_type_of_another_value(tmp_path: Path) -> None:
    g = Graph(1, 6, opset=15)
    scaled = g.op("Mul", "x", g.op("CastLike", np.asarray(2, np.float64), "x"))
    assert g.words(tmp_path, g.op("Relu", g.op("CastLike", scaled, "x"))) == ["scale", "relu"]


def test_inputs_with_different_batches_are_refused_by_a_node(tmp_path: Path) -> None:
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in SHAPES.items()]
    node = helper.make_node("Conv", ["x", "w"], ["y"], "first")
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "made", ports, [output])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "m.onnx"
    )
    message = refused(tmp_path / "m.onnx")
    assert "the model's Conv `first` takes the input `w` with a batch of 4" in message
    assert "make it a constant" in message


SHAPES = {"x": [2, 3, 8, 8], "w": [4, 3, 3, 3]}


def test_weights_that_are_one_number_repeated_take_no_memory(tmp_path: Path) -> None:
    g = Graph(1, 8)
    value = numpy_helper.from_array(np.full(1, 0.5, np.float32))
    weight = g.op("ConstantOfShape", integers(8, 3), value=value)
    assert g.words(tmp_path, g.op("MatMul", "x", weight)) == ["fc"]
    g = Graph(1, 8)
    huge = g.op("ConstantOfShape", integers(1 << 14, 1 << 13), value=value)
    g.op("Relu", g.op("Mul", huge, huge))
    assert "too large" in refused(g.save(tmp_path, g.op("MatMul", "x", f"t{len(g.nodes) - 1}")))


# Maps whose channels come last, as what is done along the last dimension says


def last(g: Graph, tmp_path: Path, y: str) -> list[str]:
    """The words of an import whose channels are those that the model has last."""
    path = g.save(tmp_path, y)
    imported = import_model(path)
    assert imported.notes[0].startswith("`x` has its channels last in the model")
    x = np.random.default_rng(1).standard_normal(g.sizes).astype(np.float32)
    first, second = open_model(path, threads=1), open_model(compiled(imported, tmp_path), threads=1)
    (wanted,) = first({"x": x}, first.outputs).values()
    given = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    (made,) = second({second.inputs[0].name: given}, second.outputs).values()
    np.testing.assert_allclose(np.moveaxis(made, 1, -1), wanted, rtol=1e-4, atol=1e-5)
    return [step.layer.word for step in imported.network.steps]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda g: g.op("Softmax", "x", axis=-1), ["softmax"]),
        (lambda g: g.op("Add", "x", np.arange(7, dtype=np.float32)), ["scale"]),
        (lambda g: g.op("LayerNormalization", "x", f32(1) + np.zeros(7, np.float32)), ["ln"]),
    ],
)
def test_what_is_done_along_the_last_dimension(build, words: list[str], tmp_path: Path) -> None:
    g = Graph(2, 5, 6, 7)
    assert last(g, tmp_path, build(g)) == words


# Operators that ONNX defines by others


def test_operators_are_read_by_what_they_are_made_of(tmp_path: Path) -> None:
    g = Graph(1, 9, 7, 5, opset=18)
    cropped = g.op("CenterCropPad", "x", integers(4, 3), axes=[2, 3])
    assert g.words(tmp_path, cropped) == ["crop"]


def test_a_refusal_names_the_operator_of_the_model(tmp_path: Path) -> None:
    g = Graph(1, 9, 7, 5, opset=18)
    g.op("Range", f32(1), g.op("ReduceMax", "x", keepdims=0), f32(1))
    assert "the model's Range `t1` is no layer of the language" in refused(g.save(tmp_path, "t1"))


def test_a_mean_of_values(tmp_path: Path) -> None:
    g = Graph(1, 4, 6, 6)
    mean = g.op("Mean", g.op("Relu", "x"), g.op("Sigmoid", "x"), f32(2))
    assert g.words(tmp_path, mean)[-1] == "scale"


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_aligned_corners_of_a_size_that_is_cut_are_refused(mode: str, tmp_path: Path) -> None:
    g = Graph(1, 1, 2, 4)
    scales = np.asarray([1, 1, 0.6, 0.6], np.float32)
    y = g.op("Resize", "x", "", scales, mode=mode, coordinate_transformation_mode="align_corners")
    assert "the model's Resize `t0` aligns corners by a factor" in refused(g.save(tmp_path, y))
