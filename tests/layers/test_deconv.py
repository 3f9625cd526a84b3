import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.layers.base import ShapeError
from cnndsl.layers.deconv import Deconv
from cnndsl.shape import Shape
from tests.support.peers import torch
from tests.support.run_layer import run_layer
from tests.support.symbolic import run_symbolic


def reference(x, weight, bias, layer, rank):
    """The whole transposed convolution by torch, cut to the pads and grown by output padding."""
    t = torch()
    function = (t.conv_transpose1d, t.conv_transpose2d, t.conv_transpose3d)[rank - 1]
    whole = function(
        *map(t.from_numpy, (x, weight)),
        stride=layer.stride * rank,
        dilation=layer.dilation * rank,
        groups=layer.groups,
    ).numpy()
    for axis, (before, after) in enumerate(layer.window(Shape(x.shape[1], x.shape[2:])).pads, 2):
        whole = np.moveaxis(whole, axis, -1)
        whole = np.concatenate([whole, np.zeros((*whole.shape[:-1], max(-after, 0)))], -1)
        whole = whole[..., before : whole.shape[-1] - max(after, 0)]
        whole = np.moveaxis(whole, -1, axis)
    return whole + (bias.reshape(-1, *(1,) * rank) if bias is not None else 0)


@pytest.mark.torch
@settings(max_examples=40)
@given(data=st.data())
def test_equals_torch(data):
    rank = data.draw(st.sampled_from((1, 2, 2, 3)))
    stride = data.draw(st.integers(1, 3))
    padding = data.draw(
        st.one_of(
            st.sampled_from(("same", "half")),
            st.integers(0, 2),
            st.tuples(*[st.integers(0, 2)] * 2 * rank),
        )
    )
    groups = data.draw(st.sampled_from((1, 2)))
    layer = Deconv(
        kernel=data.draw(st.tuples(*[st.integers(1, 4)] * rank)),
        filters=data.draw(st.sampled_from((2, 4))),
        stride=stride,
        dilation=data.draw(st.integers(1, 2)),
        groups=groups,
        padding=padding,
        output_padding=data.draw(st.integers(0, stride - 1)) if padding != "same" else 0,
        bias=data.draw(st.booleans()),
    )
    shape = Shape(4, tuple(data.draw(st.tuples(*[st.integers(2, 5)] * rank))))
    try:
        layer.shape(shape)
    except ShapeError as error:
        assert error.code == "nothing-left"
        return
    random = np.random.default_rng(0)
    x = random.standard_normal((2, *shape)).astype(np.float32)
    arrays = {
        p.name: random.standard_normal(p.shape).astype(np.float32) for p in layer.parameters(shape)
    }
    expected = reference(x, arrays["weight"], arrays.get("bias"), layer, rank)
    result = run_layer(layer, x, parameters=arrays)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.torch
@pytest.mark.parametrize(("k", "s", "p", "op"), [(3, 2, 1, 1), (4, 2, 1, 0), (5, 3, 2, 2)])
def test_the_usual_options_mean_the_same_in_torch(k, s, p, op):
    t = torch()
    peer = t.nn.ConvTranspose2d(4, 6, k, s, p, op)
    x = t.randn(2, 4, 5, 7)
    layer = Deconv(kernel=k, filters=6, stride=s, padding=p, output_padding=op)
    arrays = {name: value.detach().numpy() for name, value in peer.named_parameters()}
    expected = peer(x).detach().numpy()
    np.testing.assert_allclose(
        run_layer(layer, x.numpy(), parameters=arrays), expected, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("padding", [(0,), "same", "half", (0, 1, 1, 0)])
def test_a_graph_for_symbolic_sizes_runs(padding):
    x = np.ones((2, 3, 5, 6), np.float32)
    run_symbolic(Deconv(kernel=3, stride=2, padding=padding), x)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"output_padding": 2, "stride": 2}, "output-padding-too-large"),
        ({"output_padding": 1, "stride": 2, "padding": "same"}, "output-padding-with-same"),
        ({"padding": 4}, "nothing-left"),
        ({"groups": 3}, "groups-mismatch"),
        ({"stride": (1, 2, 3)}, "wrong-axes"),
    ],
)
def test_errors(options, code):
    with pytest.raises(ShapeError) as caught:
        Deconv(kernel=3, **options).shape(Shape(4, (4, 4)))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        (Deconv(kernel=4, stride=2, padding=1), "height: 2·(7 − 1) + 4 − 2·1 = 14"),
        (
            Deconv(kernel=3, stride=2, padding=1, output_padding=1),
            "height: 2·(7 − 1) + 3 − 2·1 + 1 = 14",
        ),
        (Deconv(kernel=3, stride=2, padding="same"), "height: 2·(7 − 1) + 3 − 0 − 1 = 14"),
        (Deconv(kernel=1, stride=2, padding="same"), "height: 2·(7 − 1) + 1 − 2·0 + 1 = 14"),
        (Deconv(kernel=2, dilation=3), "height: 1·(7 − 1) + 3·(2 − 1) + 1 − 2·0 = 10"),
    ],
)
def test_explain(layer, line):
    x = Shape(2, (7, 7))
    assert layer.explain((x,), layer.shape(x))[0] == line


def test_one_output_of_a_doubling_sees_one_input():
    (reach, _) = Deconv(kernel=2, stride=2).receptive_field((Shape(1, (4, 4)),), Shape(1, (8, 8)))
    assert (reach.views, reach.advance) == (((0, 0), (0, 0)), 1)
