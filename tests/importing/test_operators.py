"""Nodes as other tools write them become layers that compute the same."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from cnndsl.diagnostics import UsageError
from cnndsl.importing import Imported, import_model
from cnndsl.runtime import open_model
from tests.support.graphs import Graph, f32, integers, numbers
from tests.support.imported import compiled


def swish(g: Graph) -> str:
    return g.op("Mul", "x", g.op("Sigmoid", "x"))


def hard_swish(g: Graph) -> str:
    bound = g.op("Clip", g.op("Add", "x", f32(3)), f32(0), f32(6))
    return g.op("Div", g.op("Mul", "x", bound), f32(6))


def hard_swish_by_sigmoid(g: Graph) -> str:
    return g.op("Mul", g.op("HardSigmoid", "x", alpha=1 / 6, beta=0.5), "x")


def hard_sigmoid(g: Graph) -> str:
    relu = g.op("Min", g.op("Relu", g.op("Add", "x", f32(3))), f32(6))
    return g.op("Mul", relu, f32(1 / 6))


def gelu(g: Graph) -> str:
    part = g.op("Add", g.op("Erf", g.op("Div", "x", f32(2**0.5))), f32(1))
    return g.op("Mul", g.op("Mul", "x", part), f32(0.5))


def gelu_by_tanh(g: Graph) -> str:
    cubed = g.op("Mul", g.op("Pow", "x", f32(3)), f32(0.044715))
    inner = g.op("Mul", g.op("Add", "x", cubed), f32((2 / np.pi) ** 0.5))
    part = g.op("Add", g.op("Tanh", inner), f32(1))
    return g.op("Mul", g.op("Mul", "x", f32(0.5)), part)


def mish(g: Graph) -> str:
    return g.op("Mul", "x", g.op("Tanh", g.op("Softplus", "x")))


def leaky(g: Graph) -> str:
    return g.op("Sub", g.op("Relu", "x"), g.op("Mul", g.op("Relu", g.op("Neg", "x")), f32(0.2)))


def leaky_by_maximum(g: Graph) -> str:
    return g.op("Max", g.op("Mul", "x", f32(0.2)), "x")


def logistic(g: Graph) -> str:
    return g.op("Div", f32(1), g.op("Add", g.op("Exp", g.op("Neg", "x")), f32(1)))


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (swish, "silu"),
        (hard_swish, "hswish"),
        (hard_swish_by_sigmoid, "hswish"),
        (hard_sigmoid, "hsigmoid"),
        (gelu, "gelu"),
        (gelu_by_tanh, "gelu"),
        (mish, "mish"),
        (leaky, "leaky"),
        (leaky_by_maximum, "leaky"),
        (logistic, "sigmoid"),
    ],
)
def test_activations_that_are_written_as_arithmetic(build, word: str, tmp_path: Path) -> None:
    g = Graph()
    assert g.words(tmp_path, build(g)) == [word]


def test_a_bound_that_no_activation_has(tmp_path: Path) -> None:
    g = Graph()
    assert g.words(tmp_path, g.op("Clip", "x", f32(-0.5), f32(0.5))) == ["clamp"]


def test_channels_last_as_tensorflow_has_them(tmp_path: Path) -> None:
    g = Graph("N", 10, 10, 3)
    y = g.op("Transpose", "x", perm=[0, 3, 1, 2])
    y = g.op("Conv", y, numbers(6, 3, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2])
    y = g.op("Transpose", y, perm=[0, 2, 3, 1])
    y = g.op("Relu", g.op("Add", y, numbers(6)))
    mean = g.op("ReduceMean", y, axes=[1, 2], keepdims=1)
    gate = g.op(
        "Sigmoid",
        g.op(
            "Transpose",
            g.op("Conv", g.op("Transpose", mean, perm=[0, 3, 1, 2]), numbers(6, 6, 1, 1)),
            perm=[0, 2, 3, 1],
        ),
    )
    y = g.op("Mul", y, gate)
    y = g.op("Reshape", y, integers(-1, 150))
    y = g.op("Softmax", g.op("Add", g.op("MatMul", y, numbers(150, 4)), numbers(4)), axis=-1)
    imported = _without_input_order(g, tmp_path, y)
    words = [step.layer.word for step in imported.network.steps]
    assert words == ["conv", "relu", "gap", "conv", "sigmoid", "mul", "fc", "softmax"]


def _without_input_order(g: Graph, folder: Path, y: str) -> Imported:
    """The outputs are compared on a picture whose axes are moved for the spec."""
    path = g.save(folder, y)
    imported = import_model(path)
    image = numbers(2, 10, 10, 3)
    found = []
    for model, x in ((path, image), (compiled(imported, folder), image.transpose(0, 3, 1, 2))):
        opened = open_model(model, threads=1)
        feeds = {opened.inputs[0].name: np.ascontiguousarray(x)}
        found.append(next(iter(opened(feeds, opened.outputs).values())))
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-6)
    return imported


def test_channels_are_shuffled_by_a_reshape(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Reshape", "x", integers(1, 2, 4, 10, 10))
    y = g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3, 4]), integers(1, 8, 10, 10))
    assert g.words(tmp_path, g.op("Relu", y)) in (["shuffle", "relu"], ["relu", "shuffle"])


def test_group_norm_by_reshapes(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Reshape", "x", integers(0, 4, -1))
    y = g.op("InstanceNormalization", y, np.ones(4, np.float32), np.zeros(4, np.float32))
    y = g.op("Reshape", y, g.op("Shape", "x"))
    y = g.op("Add", g.op("Mul", y, numbers(8, 1, 1)), numbers(8, 1, 1))
    assert g.words(tmp_path, y) == ["gn"]


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(mode: str, tmp_path: Path) -> None:
    g = Graph()
    assert "pixelshuffle" in g.words(tmp_path, g.op("DepthToSpace", "x", blocksize=2, mode=mode))


def test_space_to_depth(tmp_path: Path) -> None:
    g = Graph()
    words = g.words(tmp_path, g.op("SpaceToDepth", "x", blocksize=2))
    assert words == ["pixelunshuffle", "shuffle"]


@pytest.mark.parametrize("order", [(0, 1, 3, 5, 2, 4), (0, 3, 5, 1, 2, 4)])
@pytest.mark.parametrize("convolved", [False, True])
def test_squares_become_channels_by_reshapes(
    order: tuple[int, ...], convolved: bool, tmp_path: Path
) -> None:
    """The channel first, as PyTorch has it, or the place in the square; last or in the middle."""
    g = Graph()
    y = g.op("Reshape", "x", integers(-1, 8, 5, 2, 5, 2))
    y = g.op("Reshape", g.op("Transpose", y, perm=order), integers(-1, 32, 5, 5))
    if convolved:
        y = g.op("Conv", y, numbers(4, 32, 3, 3))
    words = g.words(tmp_path, y)
    moved = ["pixelunshuffle"] if order[1] == 1 else ["pixelunshuffle", "shuffle"]
    assert words == moved + ["conv"] * convolved


def test_squares_become_channels_at_any_size(tmp_path: Path) -> None:
    g = Graph("N", 3, "H", "W")
    y = g.op("Conv", g.op("SpaceToDepth", "x", blocksize=2), numbers(4, 12, 3, 3))
    assert "input image 3@HxW" in import_model(g.save(tmp_path, y)).text


def test_pads_and_biases_join_their_convolution(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Pad", "x", integers(0, 0, 0, 0, 0, 0, 1, 1))
    y = g.op("Conv", y, numbers(4, 8, 3, 3), strides=[2, 2])
    y = g.op("Add", g.op("Mul", y, numbers(4, 1, 1)), numbers(1, 4, 1, 1))
    imported = g.imported(tmp_path, y)
    assert "conv 3x3 4 s2 same\n" in imported.text


def test_a_pad_before_a_pool_stays(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Pad", "x", integers(0, 0, 1, 1, 0, 0, 1, 1))
    y = g.op("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2])
    assert g.words(tmp_path, y) == ["pad", "pool"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"pads": [1, 1, 1, 1], "count_include_pad": 1},
        {"pads": [1, 1, 1, 1]},
        {"pads": [0, 0, 1, 1], "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"ceil_mode": 1, "strides": [2, 2]},
    ],
)
def test_means(attributes: dict[str, object], tmp_path: Path) -> None:
    g = Graph()
    y = g.op("AveragePool", "x", kernel_shape=[3, 3], **attributes)
    assert g.words(tmp_path, y) == ["avgpool"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"strides": [2, 2], "output_shape": [20, 20]},
        {"group": 2, "dilations": [2, 2]},
        {"pads": [0, 1, 1, 0], "strides": [3, 3]},
    ],
)
def test_transposed_convolutions(attributes: dict[str, object], tmp_path: Path) -> None:
    g = Graph()
    y = g.op(
        "ConvTranspose",
        "x",
        numbers(8, 3, 3, 3),
        numbers(3 * attributes.get("group", 1)),
        **attributes,
    )
    assert g.words(tmp_path, y) == ["deconv"]


def test_a_grouped_transposed_convolution_takes_a_folded_norm(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("ConvTranspose", "x", numbers(8, 3, 2, 2), strides=[2, 2], group=2)
    y = g.op("Add", g.op("Mul", y, numbers(6, 1, 1)), numbers(6, 1, 1))
    assert g.words(tmp_path, y) == ["deconv"]


def test_upsample_of_old(tmp_path: Path) -> None:
    g = Graph(opset=9)
    y = g.op("Upsample", "x", np.asarray([1, 1, 2, 3], np.float32), mode="nearest")
    assert "upsample 2x3" in g.imported(tmp_path, y).text


@pytest.mark.parametrize(
    ("mode", "coordinates"),
    [("nearest", "asymmetric"), ("nearest", "half_pixel"), ("linear", "half_pixel")],
)
def test_resize(mode: str, coordinates: str, tmp_path: Path) -> None:
    g = Graph()
    rounding = {"nearest_mode": "floor"} if coordinates == "asymmetric" else {}
    y = g.op(
        "Resize",
        "x",
        np.zeros(0, np.float32),
        np.zeros(0, np.float32),
        integers(1, 8, 20, 20),
        mode=mode,
        coordinate_transformation_mode=coordinates,
        **rounding,
    )
    assert g.words(tmp_path, y) == ["upsample"]


def resized(g: Graph, x: str, *, sizes: object = "", scales: object = "", **how: object) -> str:
    where = how.pop("where", "half_pixel")
    attributes = {"coordinate_transformation_mode": where, **how}
    given = [] if isinstance(sizes, str) and not sizes else [sizes]
    return g.op("Resize", x, "", scales, *given, **attributes)


@pytest.mark.parametrize("where", ["half_pixel", "align_corners", "asymmetric"])
@pytest.mark.parametrize(
    ("size", "line"),
    [((20, 20), "2x2"), ((7, 7), "size=7"), ((17, 9), "size=17x9"), ((33, 10), "size=33x10")],
)
def test_resize_to_any_size(where: str, size: tuple[int, int], line: str, tmp_path: Path) -> None:
    g = Graph()
    y = resized(g, "x", sizes=integers(1, 8, *size), mode="linear", where=where)
    words = "" if where == "half_pixel" else f" {where}"
    assert f"upsample {line} bilinear{words}\n" in g.imported(tmp_path, y).text


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("where", ["half_pixel", "asymmetric"])
@pytest.mark.parametrize(
    ("scales", "line"),
    [((0.5, 0.5), "k=0.5"), ((1.5, 2), "k=(1.5,2)"), ((0.7, 1.3), "k=(0.7,1.3)")],
)
def test_resize_by_fractions(
    mode: str, where: str, scales: tuple[float, float], line: str, tmp_path: Path
) -> None:
    g = Graph()
    rounding = {"half_pixel": "round_prefer_ceil", "asymmetric": "floor"}[where]
    more = {"nearest_mode": rounding} if mode == "nearest" else {}
    scale = np.asarray([1, 1, *scales], np.float32)
    y = resized(g, "x", scales=scale, mode=mode, where=where, **more)
    assert f"upsample {line}" in g.imported(tmp_path, y).text


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"mode": "cubic"}, "interpolates by `cubic`"),
        ({"mode": "linear", "antialias": 1}, "smooths what it makes smaller"),
        ({"mode": "nearest", "nearest_mode": "ceil"}, "chooses other neighbours"),
        ({"mode": "linear", "where": "half_pixel_symmetric"}, "interpolates at other places"),
    ],
)
def test_a_resize_that_no_upsample_does(
    how: dict[str, object], message: str, tmp_path: Path
) -> None:
    g = Graph(opset=19)
    scales = np.asarray([1, 1, 0.55, 0.55], np.float32)
    with pytest.raises(UsageError, match=message):
        g.imported(tmp_path, resized(g, "x", scales=scales, **how))


def encoded(g: Graph) -> tuple[str, str]:
    deep = g.op("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    return deep, g.op("Conv", deep, numbers(3, 3, 1, 1))


def size_of(g: Graph, value: str, channels: int) -> str:
    space = g.op("Slice", g.op("Shape", value), integers(2), integers(4), integers(0))
    return g.op("Concat", integers(1, channels), space, axis=0)


@pytest.mark.parametrize("meets", ["concat", "add", ""])
def test_a_map_is_brought_to_the_size_of_another_at_any_size(meets: str, tmp_path: Path) -> None:
    """A U-Net's skip, an FPN's lateral map, or the picture, as FCN and DeepLab end."""
    g = Graph(1, 3, "H", "W")
    _, deep = encoded(g)
    y = resized(g, deep, sizes=size_of(g, "x", 3), mode="linear")
    if meets == "concat":
        y = g.op("Concat", y, "x", axis=1)
    elif meets == "add":
        y = g.op("Add", g.op("Relu", "x"), y)
    found = import_model(g.save(tmp_path, y))
    assert "3@HxW" in found.text and "upsample to=" in found.text and not found.notes


def test_a_map_is_enlarged_by_a_factor_at_any_size(tmp_path: Path) -> None:
    """Though the file says so by a size that it computes."""
    g = Graph(1, 3, "H", "W")
    _, deep = encoded(g)
    space = g.op("Slice", g.op("Shape", deep), integers(2), integers(4), integers(0))
    sizes = g.op("Concat", integers(1, 3), g.op("Mul", space, integers(2)), axis=0)
    found = import_model(g.save(tmp_path, resized(g, deep, sizes=sizes, mode="linear")))
    assert "3@HxW" in found.text and "upsample 2x2 bilinear" in found.text


def test_a_single_value_is_spread_over_a_map(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Resize", g.op("GlobalAveragePool", "x"), "", "", integers(1, 8, 10, 10),
             mode="linear", coordinate_transformation_mode="align_corners")  # fmt: skip
    assert g.words(tmp_path, g.op("Concat", y, "x", axis=1)) == ["gap", "upsample", "concat"]


def test_slices_are_taken_cropped_and_skipped(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Slice", "x", integers(2, 1), integers(6, 9), integers(1, 2))
    y = g.op("Slice", y, integers(0), integers(1 << 40), integers(3), integers(2))
    assert g.words(tmp_path, y) == ["take", "crop", "pool"]


@pytest.mark.parametrize(
    ("bounds", "line"),
    [
        ((2, 6, 1), "take first=4 start=2"),
        ((0, 8, 2), "take first=4 start=0 step=2"),
        ((1, 8, 3), "take first=3 start=1 step=3"),
        ((5, 8, 1), "take last=3"),
        ((0, 5, 1), "take first=5"),
        ((7, -9, -1), "take 7 6 5 4 3 2 1 0"),
        ((7, -(1 << 63), -1), "take 7 6 5 4 3 2 1 0"),
    ],
)
def test_channels_are_sliced(bounds: tuple[int, int, int], line: str, tmp_path: Path) -> None:
    start, end, step = map(integers, bounds)
    g = Graph()
    text = g.imported(tmp_path, g.op("Slice", "x", start, end, integers(1), step)).text
    assert f"{line.replace(' start=0', '')}\n" in text


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [2, 3]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [3, 2], "auto_pad": "SAME_UPPER"},
    ],
)
def test_norms_of_windows(p: int, attributes: dict[str, Any], tmp_path: Path) -> None:
    g = Graph()
    assert "avgpool" in g.words(tmp_path, g.op("LpPool", "x", p=p, **attributes))


def test_norms_of_whole_maps(tmp_path: Path) -> None:
    g = Graph()
    words = g.words(tmp_path, g.op("GlobalLpPool", "x", p=2))
    assert words == ["power", "gap", "scale", "power"]


def test_a_flat_row_of_branches(tmp_path: Path) -> None:
    g = Graph()
    parts = g.op("Split", "x", axis=1, outputs=2)
    left = g.op("Relu", parts)
    y = g.op("Concat", g.op("Tanh", f"{parts}_1"), left, axis=1)
    assert sorted(g.words(tmp_path, y)) == ["concat", "relu", "take", "take", "tanh"]


def test_a_dense_layer_on_every_position(tmp_path: Path) -> None:
    g = Graph()
    y = g.op("Transpose", "x", perm=[0, 2, 3, 1])
    y = g.op("LayerNormalization", y, numbers(8), numbers(8), axis=-1, epsilon=1e-6)
    y = g.op("Add", g.op("MatMul", y, numbers(8, 16)), numbers(16))
    y = g.op("Mul", numbers(16), y)
    y = g.op("Transpose", y, perm=[0, 3, 1, 2])
    assert g.words(tmp_path, y) == ["ln", "conv", "scale"]


@pytest.mark.parametrize("shape", [(8,), (1, 8)])
def test_weights_of_a_layer_norm_are_broadcast(tmp_path: Path, shape: tuple[int, ...]) -> None:
    g = Graph("N", 8)
    assert g.words(tmp_path, g.op("LayerNormalization", "x", numbers(*shape), axis=-1)) == ["ln"]


def test_one_weight_of_a_layer_norm_serves_every_channel(tmp_path: Path) -> None:
    g = Graph("N", 8)
    path = g.save(tmp_path, g.op("LayerNormalization", "x", numbers(1), axis=-1))
    x = numbers(1, 8)
    again = open_model(compiled(import_model(path), tmp_path), threads=1)
    # onnx allows it; ONNX Runtime 1.20 does not run it yet.
    (wanted,) = ReferenceEvaluator(onnx.load(path)).run(None, {"x": x})
    (got,) = again({again.inputs[0].name: x}, again.outputs).values()
    assert got == pytest.approx(wanted, abs=1e-5)


def test_weights_along_other_axes_than_are_normalised_are_refused(tmp_path: Path) -> None:
    g = Graph("N", 8, 8, 8)
    path = g.save(tmp_path, g.op("LayerNormalization", "x", numbers(8, 1, 1), axis=-1))
    with pytest.raises(UsageError, match=r"`t0` has weights of the shape \(8, 1"):
        import_model(path)
