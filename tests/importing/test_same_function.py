"""A model becomes a spec that computes the same, or is refused, or a note says what differs.

Right values are ONNX Runtime's on the original file, without optimisation.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnndsl.diagnostics import UsageError
from cnndsl.importing import Imported, import_model
from cnndsl.runtime.session import open_session, run_session
from tests.support.graphs import Graph, f32, integers, numbers
from tests.support.imported import compiled

Build = Callable[[Graph], str]


def outputs(model: Path, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    session = open_session(model, threads=1, optimise=False)
    named = dict(zip((i.name for i in session.get_inputs()), feeds.values(), strict=True))
    return list(run_session(session, [o.name for o in session.get_outputs()], named).values())


def imported(g: Graph, folder: Path, build: Build, *shapes: tuple[int, ...]) -> Imported:
    """The model as a spec; both give the same for random inputs of these shapes."""
    path = g.save(folder, build(g))
    found = import_model(path)
    again = compiled(found, folder)
    for shape in shapes or ((1, 8, 10, 10),):
        x = {"x": 10 * numbers(*shape)}
        for a, b in zip(outputs(path, x), outputs(again, x), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-4 * np.abs(a).max())
    return found


def refused(g: Graph, folder: Path, build: Build) -> str:
    with pytest.raises(UsageError) as error:
        import_model(g.save(folder, build(g)))
    return str(error.value)


# Bounds and slopes


@pytest.mark.parametrize(
    ("low", "high"), [(2, 1), (1, 1), (-1, 20), (0, 20), (-30, 30), (0, 6), (-3e38, 5)]
)
def test_bounds_in_any_order_and_far_out(low: float, high: float, tmp_path: Path) -> None:
    imported(Graph(), tmp_path, lambda g: g.op("Clip", "x", f32(low), f32(high)))


@pytest.mark.parametrize("bound", [10, 20, 100])
def test_a_relu_with_a_far_bound_is_no_plain_relu(bound: float, tmp_path: Path) -> None:
    def build(g: Graph) -> str:
        return g.op("Min", g.op("Relu", "x"), f32(bound))

    found = imported(Graph(), tmp_path, build)
    assert [step.layer.word for step in found.network.steps] != ["relu"]


@pytest.mark.parametrize("shape", [(8, 1, 1), (1,), (), (1, 8, 1, 1), (1, 1, 1)])
def test_slopes_that_are_one_a_channel(shape: tuple[int, ...], tmp_path: Path) -> None:
    slopes = np.abs(numbers(*shape)) * np.float32(0.1)
    found = imported(Graph(), tmp_path, lambda g: g.op("PRelu", "x", slopes))
    assert [step.layer.word for step in found.network.steps] == ["prelu"]


def test_slopes_along_the_last_axis_are_none_of_the_channels(tmp_path: Path) -> None:
    """Even where there are as many columns as channels: they are the last axis's."""
    g = Graph(1, 8, 8, 8)
    path = g.save(tmp_path, g.op("PRelu", "x", numbers(8)))
    found = import_model(path)
    assert any("`x` has its channels last" in note for note in found.notes)
    x = numbers(1, 8, 8, 8)
    (theirs,) = outputs(path, {"x": x})
    (ours,) = outputs(compiled(found, tmp_path), {"x": x.transpose(0, 3, 1, 2).copy()})
    np.testing.assert_allclose(ours.transpose(0, 2, 3, 1), theirs, rtol=1e-6)

    def behind_a_convolution(g: Graph) -> str:
        return g.op("PRelu", g.op("Conv", "x", numbers(8, 8, 1, 1)), numbers(8))

    message = refused(Graph(1, 8, 8, 8), tmp_path, behind_a_convolution)
    assert message == (
        "the model's PRelu `t1` has a slope for every position; `prelu` has one a channel"
    )


@pytest.mark.parametrize("kind", ["Mul", "Add", "Sub", "Div"])
@pytest.mark.parametrize("shape", [(8,), (8, 1), (1, 8), (8, 8), (8, 1, 8), (1, 8, 8, 8)])
def test_constants_along_the_last_axes_are_none_of_the_channels(
    kind: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    """A position embedding is a `scale` of all values, or of those that differ."""

    def behind_a_convolution(g: Graph) -> str:
        return g.op(kind, g.op("Conv", "x", numbers(8, 8, 1, 1)), 2 + np.abs(numbers(*shape)))

    found = imported(Graph(1, 8, 8, 8), tmp_path, behind_a_convolution, (1, 8, 8, 8))
    assert "scale" in found.text


# What makes examples depend on each other


@pytest.mark.parametrize(("opset", "axis"), [(11, 0), (13, 0), (17, -4)])
def test_a_softmax_over_the_batch_is_refused(opset: int, axis: int, tmp_path: Path) -> None:
    g = Graph("N", 8, 1, 1, opset=opset)
    message = refused(g, tmp_path, lambda g: g.op("Softmax", "x", axis=axis))
    assert "is taken over the whole batch, so that its examples depend on each other" in message


# Training modes


@pytest.mark.parametrize(("opset", "outputs"), [(17, 3), (17, 1), (9, 5)])
def test_a_norm_in_training_mode_is_imported_for_inference_with_a_note(
    opset: int, outputs: int, tmp_path: Path
) -> None:
    g = Graph(opset=opset)
    statistics = numbers(8), np.abs(numbers(8)) + 1
    mode = {"training_mode": 1} if opset > 13 else {}
    y = g.op("BatchNormalization", "x", numbers(8), numbers(8), *statistics,
             outputs=outputs, **mode)  # fmt: skip
    found = import_model(g.save(tmp_path, y))
    assert [step.layer.word for step in found.network.steps] == ["bn"]
    assert any("is set to use each batch's statistics" in note for note in found.notes)


def test_a_dropout_in_training_mode_drops_nothing_and_a_note_says_so(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Relu", g.op("Dropout", "x", f32(0.5), np.asarray(True)))
    found = import_model(g.save(tmp_path, y))
    assert any("is set to drop values" in note for note in found.notes)


# Constants that the file computes


def standardised_by_a_norm(g: Graph, opset: int) -> str:
    rows = g.op("Reshape", numbers(4, 8, 3, 3), integers(1, 4, -1))
    one, zero = np.ones(4, np.float32), np.zeros(4, np.float32)
    attributes = {"training_mode": 1} if opset > 13 else {}
    norm = g.op("BatchNormalization", rows, one, zero, zero, one,
                outputs=3 if opset > 13 else 1, **attributes)  # fmt: skip
    return g.op("Conv", "x", g.op("Reshape", norm, integers(4, 8, 3, 3)))


def clipped(g: Graph, opset: int) -> str:
    return g.op("Conv", "x", g.op("Clip", numbers(4, 8, 3, 3), f32(-0.5), f32(0.5)))


def normalised(g: Graph, opset: int) -> str:
    weight = numbers(4, 8, 1, 1)
    length = g.op("ReduceL2", weight, axes=[1], keepdims=1)
    return g.op("Conv", "x", g.op("Div", weight, length))


def signed(g: Graph, opset: int) -> str:
    return g.op("Conv", "x", g.op("Sign", numbers(4, 8, 1, 1)))


def chosen(g: Graph, opset: int) -> str:
    """TensorFlow's same padding: which side gets more is computed."""
    odd = g.op("Xor", np.asarray([True, False]), np.asarray([False, False]))
    more = g.op("Where", odd, integers(1, 1), integers(0, 0))
    pads = g.op("Concat", integers(0, 0), more, integers(0, 0), more, axis=0)
    return g.op("Conv", g.op("Pad", "x", pads), numbers(4, 8, 3, 3))


@pytest.mark.parametrize("opset", [13, 17])
@pytest.mark.parametrize("build", [standardised_by_a_norm, clipped, normalised, signed, chosen])
def test_constants_are_computed_whatever_the_operator(
    build: Callable[[Graph, int], str], opset: int, tmp_path: Path
) -> None:
    imported(Graph(opset=opset), tmp_path, lambda g: build(g, opset))


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("Expand", [f32(1), integers(1 << 20, 1 << 20)]),
        ("Tile", [f32(1).reshape(1), integers(1 << 40)]),
        ("ConstantOfShape", [integers(1 << 20, 1 << 20)]),
        ("Pad", [f32(1).reshape(1), integers(0, 1 << 40)]),
        ("Range", [np.asarray(0), np.asarray(1 << 40), np.asarray(1)]),
    ],
)
def test_a_small_file_asks_for_no_large_constant(
    kind: str, inputs: list[np.ndarray], tmp_path: Path
) -> None:
    message = refused(
        Graph(), tmp_path, lambda g: g.op("Add", "x", g.op("ReduceSum", g.op(kind, *inputs)))
    )
    assert "constant" in message


# Outputs


def test_an_output_with_its_channels_last_is_noted(tmp_path: Path) -> None:
    g = Graph(1, 3, 8, 6)
    found = import_model(g.save(tmp_path, g.op("Transpose", g.op("Relu", "x"), perm=[0, 2, 3, 1])))
    assert any("has its channels last in the model" in note for note in found.notes)


def test_an_output_with_other_axes_of_size_1_is_noted_once(tmp_path: Path) -> None:
    def build(g: Graph) -> str:
        return g.op("Squeeze", g.op("GlobalAveragePool", g.op("Relu", "x")), integers(2, 3))

    found = import_model((g := Graph("N", 8, "H", "W")).save(tmp_path, build(g)))
    note = "the output `t2` has the axes 2x8 in the model and 2x8x1x1 here"
    assert [n for n in found.notes if "axes" in n] == [note]


@pytest.mark.parametrize(
    ("build", "kind"),
    [
        (lambda g: g.op("Transpose", "x", perm=[1, 0, 2, 3]), "Transpose"),
        (lambda g: g.op("Flatten", "x", axis=2), "Flatten"),
    ],
)
def test_an_output_that_no_layer_arranges_is_refused_by_its_node(
    build: Build, kind: str, tmp_path: Path
) -> None:
    message = refused(Graph("N", 8, 4, 4), tmp_path, build)
    assert message.startswith(f"the model's {kind} `t0` ")


def test_outputs_that_are_the_same_values_are_refused_by_name(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Relu", "x")
    path = g.save(tmp_path, g.op("Identity", y))
    model = onnx.load(path)
    model.graph.output.append(helper.make_tensor_value_info(y, TensorProto.FLOAT, None))
    onnx.save(model, path)
    with pytest.raises(UsageError, match="outputs `t1` and `t0` of the model are the same values"):
        import_model(path)


# Poolings


def places(**attributes: object) -> Build:
    def build(g: Graph) -> str:
        pool = g.op("MaxPool", "x", outputs=2, kernel_shape=[2, 2], strides=[2, 2], **attributes)
        return g.op("MaxUnpool", pool, f"{pool}_1", kernel_shape=[2, 2], strides=[2, 2])

    return build


def test_values_are_put_back_row_by_row(tmp_path: Path) -> None:
    imported(Graph(), tmp_path, places())


def test_places_that_are_counted_by_columns_are_refused(tmp_path: Path) -> None:
    assert "storage_order=1" in refused(Graph(), tmp_path, places(storage_order=1))


def test_values_are_not_put_back_into_a_map_of_another_size(tmp_path: Path) -> None:
    assert "another size than the pool took in" in refused(Graph(1, 8, 11, 11), tmp_path, places())


# Open sizes


def padded_to_four(g: Graph) -> str:
    """Behind, up to the next multiple of four."""
    size = g.op("Slice", g.op("Shape", "x"), integers(2), integers(4))
    missing = g.op("Mod", g.op("Neg", size), integers(4))
    pads = g.op("Concat", integers(0, 0, 0, 0, 0, 0), missing, axis=0)
    return g.op("Conv", g.op("Pad", "x", pads), numbers(4, 3, 4, 4), strides=[4, 4])


def to_the_skip(g: Graph) -> str:
    """Upsampled to the size of what it joins, as torch's interpolate(size=…) is exported."""
    low = g.op("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2])
    space = g.op("Slice", g.op("Shape", "x"), integers(2), integers(4))
    size = g.op("Concat", integers(2, 3), space, axis=0)
    up = g.op("Resize", low, "", "", size, mode="nearest", nearest_mode="floor",
              coordinate_transformation_mode="asymmetric")  # fmt: skip
    return g.op("Concat", "x", up, axis=1)


def test_a_net_whose_layers_depend_on_odd_sizes_gets_one_size(tmp_path: Path) -> None:
    g = Graph(2, 3, "H", "W")
    found = imported(g, tmp_path, padded_to_four, (2, 3, 224, 224))
    assert found.network.inputs[0].shape.is_concrete
    assert any("some of its layers depend on them" in note for note in found.notes)


def test_a_map_is_enlarged_to_the_skip_at_any_size(tmp_path: Path) -> None:
    found = imported(Graph(2, 3, "H", "W"), tmp_path, to_the_skip, (2, 3, 224, 224), (2, 3, 33, 47))
    assert not found.network.inputs[0].shape.is_concrete


def test_a_net_for_any_size_stays_one(tmp_path: Path) -> None:
    def build(g: Graph) -> str:
        return g.op("Conv", g.op("Relu", "x"), numbers(4, 3, 3, 3), strides=[2, 2])

    g = Graph("N", 3, "H", "W")
    found = imported(g, tmp_path, build, (1, 3, 33, 47), (2, 3, 64, 64))
    assert not found.network.inputs[0].shape.is_concrete


# Whatever a reader gets wrong


def test_a_spec_that_computes_something_else_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cnndsl.importing.walking import OPERATORS

    monkeypatch.setitem(OPERATORS, "Relu", OPERATORS["Sigmoid"])
    monkeypatch.setattr("cnndsl.importing.operators.activations.WORDS", {"Relu": "tanh"})
    message = refused(Graph(), tmp_path, lambda g: g.op("Relu", "x"))
    assert "the spec computes something else (output `t0` differs by" in message


def test_weights_in_halves_are_compared_as_halves(tmp_path: Path) -> None:
    g = Graph()
    path = g.save(tmp_path, g.op("Conv", "x", numbers(4, 8, 3, 3)))
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for port in (*model.graph.input, *model.graph.output):
        port.type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, path)
    assert [step.layer.word for step in import_model(path).network.steps] == ["conv"]


@pytest.mark.parametrize("order", [range(8), (7, 0, 1, 2, 3, 4, 5, 6)])
def test_channels_chosen_by_a_table(order: Sequence[int], tmp_path: Path) -> None:
    """As torch writes `as_strided`."""

    def build(g: Graph) -> str:
        flat = g.op("Reshape", g.op("GlobalAveragePool", "x"), integers(8))
        table = g.op("Gather", flat, integers(*order).reshape(1, 8, 1, 1))
        return g.op("Conv", table, numbers(5, 8, 1, 1))

    imported(Graph(), tmp_path, build)
