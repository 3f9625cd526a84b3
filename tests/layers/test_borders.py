import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.layers.base import ShapeError
from cnndsl.layers.borders import Crop, Pad
from cnndsl.shape import Shape, Symbolic
from tests.support.peers import torch
from tests.support.run_layer import one_layer, run_layer, run_network
from tests.support.symbolic import run_symbolic

TORCH_MODES = {"constant": "constant", "edge": "replicate", "reflect": "reflect"}


def image(shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.torch
@settings(max_examples=40)
@given(data=st.data(), mode=st.sampled_from(sorted(TORCH_MODES)))
def test_pad_equals_torch(data, mode):
    rank = data.draw(st.sampled_from((1, 2, 2, 3)))
    space = data.draw(st.tuples(*[st.integers(4, 6)] * rank))
    width = data.draw(st.tuples(*[st.integers(0, 3)] * 2 * rank))
    value = data.draw(st.sampled_from((0.0, -1.5))) if mode == "constant" else 0.0
    x = image((2, 3, *space))
    pairs = reversed(list(zip(width[:rank], width[rank:], strict=True)))
    t = torch()
    expected = t.nn.functional.pad(
        t.from_numpy(x),
        [side for pair in pairs for side in pair],
        TORCH_MODES[mode],
        *([value] if mode == "constant" else []),
    ).numpy()
    layer = Pad(width=width, mode=mode, value=value)
    for run in (run_layer, run_symbolic):
        np.testing.assert_array_equal(run(layer, x), expected)


def test_crop_takes_a_border_off():
    x = image((2, 3, 8, 9))
    for run in (run_layer, run_symbolic):
        np.testing.assert_array_equal(run(Crop(width=(1, 0, 2, 3)), x), x[:, :, 1:6, :6])
        np.testing.assert_array_equal(run(Crop(width=2), x), x[:, :, 2:6, 2:7])


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize(("height", "width"), [(9, 8), (4, 5), (6, 6)])
def test_crop_to_the_size_of_another_value(symbolic, height, width):
    x, to = image((2, 3, 9, 8)), image((2, 5, height, width))
    top, left = (9 - height) // 2, (8 - width) // 2
    shapes = Shape(3, (9, 8)), Shape(5, (height, width))
    if symbolic:
        rows, columns = Symbolic("H"), Symbolic("W")
        shapes = Shape(3, (rows, columns)), Shape(5, (rows + (height - 9), columns + (width - 8)))
    network = one_layer(Crop(), *shapes)
    (result,) = run_network(network, {"x0": x, "x1": to}, {})
    np.testing.assert_array_equal(result, x[:, :, top : top + height, left : left + width])


@pytest.mark.parametrize(
    ("layer", "shapes", "code"),
    [
        (Pad(width=1), [Shape(8)], "needs-space"),
        (Pad(width=4, mode="reflect"), [Shape(8, (4, 9))], "reflect-too-wide"),
        (Pad(width=1, mode="edge", value=1.0), [Shape(8, (4, 9))], "pad-value-unused"),
        (Crop(width=(1, 2, 3)), [Shape(8, (4, 9))], "wrong-axes"),
        (Crop(width=2), [Shape(8, (4, 9))], "nothing-left"),
        (Crop(), [Shape(8, (4, 9))], "crop-how"),
        (Crop(width=1), [Shape(8, (4, 9)), Shape(8, (2, 2))], "crop-how"),
        (Crop(), [Shape(8, (4, 9)), Shape(8, (4,))], "wrong-axes"),
        (Crop(), [Shape(8, (4, 9)), Shape(8, (5, 4))], "crop-too-large"),
        (
            Crop(),
            [Shape(8, (Symbolic("H"),)), Shape(8, (Symbolic("H") + 1,))],
            "crop-too-large",
        ),
    ],
)
def test_errors(layer, shapes, code):
    with pytest.raises(ShapeError) as caught:
        layer.shape(*shapes)
    assert caught.value.code == code


def test_answers():
    x = Shape(3, (8, 9))
    pad, crop = Pad(width=(1, 0, 2, 0)), Crop()
    padded, cropped = pad.shape(x), Shape(3, (6, 6))
    assert pad.explain((x,), padded) == ["height: 8 + 1 + 2 = 11", "width: 9 + 2·0 = 9"]
    assert crop.explain((x, cropped), cropped) == ["height: 8 − 2·1 = 6", "width: 9 − 1 − 2 = 6"]
    assert [r.start for r in pad.receptive_field((x,), padded)] == [-1, 0]
    assert [r.start for r in crop.receptive_field((x, cropped), cropped)] == [1, 1]
    assert pad.cost((x,), padded).flops == crop.cost((x,), cropped).flops == 0
