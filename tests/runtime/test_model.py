from pathlib import Path

import pytest
from onnx import TensorProto, helper

from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime import open_model
from cnndsl.runtime.model import Port
from cnndsl.runtime.pictures import picture_input
from tests.support.small_models import channel_means, difference, identity, model, saved


def test_a_model_says_what_it_takes_and_gives(tmp_path: Path) -> None:
    opened = open_model(saved(tmp_path, difference(("N", 3, None, 8))), threads=1)
    assert [port.describe() for port in opened.inputs] == ["Nx3x?x8", "Nx3x?x8"]
    assert [port.name for port in opened.outputs] == ["gap", "sum"]
    assert opened.batch is None and opened.device == "cpu" and not opened.fresh
    assert Port("x", (), "float32").describe() == "one number"


def test_a_spec_is_compiled_with_random_weights() -> None:
    opened = open_model("lenet5", threads=1)
    assert opened.fresh and opened.name == "`LeNet5`"
    assert opened.inputs[0].describe() == "Nx1x28x28"


def test_metadata_say_labels_and_preprocessing() -> None:
    how = Preprocessing(mean=(0.5,), order="BGR")
    metadata = {"cnndsl.preprocessing": how.to_json(), "cnndsl.labels": '["a", "b", "c"]'}
    opened = open_model(channel_means(**metadata), threads=1)
    assert opened.preprocessing == how and opened.labels == ("a", "b", "c")


@pytest.mark.parametrize("labels", ["no JSON", "[" * 100_000, '{"a": 1}', "[]", "null"])
def test_labels_that_are_none_are_left_aside(labels: str) -> None:
    assert open_model(identity(**{"cnndsl.labels": labels}), threads=1).labels is None


def test_preprocessing_that_is_none_is_said() -> None:
    with pytest.raises(UsageError, match="in the metadata of the model: `scale` is what"):
        open_model(identity(**{"cnndsl.preprocessing": '{"scale": 0}'}), threads=1)


@pytest.mark.parametrize(
    ("pixels", "values", "how"),
    [
        ("Bgr8", "NominalRange_0_255", Preprocessing(scale=1, order="BGR")),
        ("Gray8", "Normalized_0_1", Preprocessing()),
        ("Rgb8", "Normalized_1_1", Preprocessing(scale=127.5, mean=(1,))),
        ("Rgb8", "NominalRange_16_235", None),
    ],
)
def test_onnx_own_metadata_say_preprocessing_too(
    pixels: str, values: str, how: Preprocessing | None
) -> None:
    metadata = {"Image.BitmapPixelFormat": pixels, "Image.NominalPixelRange": values}
    assert open_model(identity(**metadata), threads=1).preprocessing == how


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    for name, message in (
        (tmp_path, "is a folder; a model is an .onnx file, a spec or a zoo name"),
        (tmp_path / "a.onnx", "there is no file"),
        ("resnet", "there is no file `resnet`, and the zoo has no net called 'resnet'"),
        (tmp_path / "a.cnn", "there is no file"),
    ):
        with pytest.raises(UsageError, match=message):
            open_model(name)


def test_outputs_are_chosen_by_name() -> None:
    opened = open_model(difference(), threads=1)
    assert [port.name for port in opened.choose()] == ["gap", "sum"]
    assert [port.name for port in opened.choose(("sum", "sum"))] == ["sum"]
    with pytest.raises(UsageError, match="the model has no output `sun`; did you mean `sum`"):
        opened.choose(("sun",))
    with pytest.raises(UsageError, match="no output `zzz`; it has `gap`, `sum`"):
        opened.choose(("zzz",))


def test_outputs_that_are_no_tensors_are_refused() -> None:
    graph = helper.make_graph(
        [helper.make_node("SequenceConstruct", ["x"], ["all"])],
        "sequence",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N"])],
        [helper.make_tensor_sequence_value_info("all", TensorProto.FLOAT, None)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    with pytest.raises(UsageError, match="output `all` is no tensor of numbers"):
        open_model(made.SerializeToString(), threads=1).choose()


# What models ask of pictures


@pytest.mark.parametrize(
    ("dims", "channels", "size", "last"),
    [
        (("N", 3, 224, 200), 3, (224, 200), False),
        ((1, 1, 28, 28), 1, (28, 28), False),
        (("N", 224, 200, 3), 3, (224, 200), True),
        (("N", None, None, 1), 1, (None, None), True),
        (("N", 3, 8, 3), 3, (8, 3), False),
        (("N", "C", "H", "W"), 3, (None, None), False),
    ],
)
def test_channels_are_found(
    dims: tuple[int | str | None, ...], channels: int, size: tuple[int, int], last: bool
) -> None:
    picture = picture_input(open_model(identity(dims), threads=1))
    assert (picture.channels, (picture.height, picture.width)) == (channels, size)
    assert picture.channels_last == last


def test_open_sizes_can_be_settled() -> None:
    picture = picture_input(open_model(identity(("N", 3, 16, "W")), threads=1), size=(16, 20))
    assert (picture.height, picture.width) == (16, 20)


def test_integers_are_given_0_to_255() -> None:
    opened = open_model(identity(kind=TensorProto.UINT8), threads=1)
    assert picture_input(opened).preprocessing == Preprocessing(scale=1)


@pytest.mark.parametrize(
    ("content", "how", "size", "message"),
    [
        (difference(), None, None, "the model has 2 inputs (`left`, `right`): give each by its"),
        (identity(("N", 9)), None, None, "input `x` takes Nx9, which is no picture; give an array"),
        (identity(("N", 12, 8, 8)), None, None, "takes 12 channels, and a picture has 1 or 3"),
        (identity(kind=TensorProto.BOOL), None, None, "which is no picture"),
        (identity(("N", 1, 8, 8)), Preprocessing(mean=(1, 2, 3)), None,
         "mean or std have 3 numbers, but input `x` has 1 channel"),
        (identity(), None, (9, 8), "input `x` takes pictures of 8x8, not 9x8"),
        (identity(), Preprocessing(resize=4), None, "resized to 4 are smaller than the 8x8"),
    ],
)  # fmt: skip
def test_what_takes_no_pictures_says_so(
    content: bytes, how: Preprocessing | None, size: tuple[int, int] | None, message: str
) -> None:
    with pytest.raises(UsageError) as error:
        picture_input(open_model(content, threads=1), how, size)
    assert message in str(error.value)


def test_a_picture_input_describes_itself() -> None:
    opened = open_model(identity(), threads=1)
    assert picture_input(opened).describe() == "shorter side 9, the middle 8x8, RGB / 255"
    stretch = Preprocessing(crop="stretch")
    assert picture_input(opened, stretch).describe() == "stretched to 8x8, RGB / 255"
    opened = open_model(identity(("N", 1, "H", "W")), threads=1)
    assert picture_input(opened).describe() == "its own size, grey / 255"
    shorter = Preprocessing(resize=64)
    assert picture_input(opened, shorter).describe() == "shorter side 64, grey / 255"


def test_a_model_with_a_sparse_name_is_no_zoo_net(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        model([helper.make_node("Relu", ["x"], ["y"])], {"x": ("N", 2)}, {"y": None}),
        "net",
    )
    assert open_model(path, threads=1).inputs[0].describe() == "Nx2"
