"""Other channels and sizes: nets read back, and answer as they did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl import resources
from cnndsl.cli.options import read_shape
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.shape import Shape
from cnndsl.specs import load
from cnndsl.surgery import with_input
from cnndsl.surgery.inputs import for_channels
from cnndsl.weights import initial_weights
from tests.support.networks import networks
from tests.support.specs import network
from tests.support.specs import with_input as spec
from tests.surgery.running import answers, noise, reads_back

FIRST = {
    "conv": "conv 3x3 6 same relu -> conv 1x1 2",
    "groups": "conv 3x3 6 same g3 relu -> conv 1x1 2",
    "dense": "fc 5 relu -> fc 2",
    "flattened": "relu -> flatten -> fc 5",
    "filtered": "filter sobel_x -> upsample 2x2 -> gap 4x4 -> conv 3x3 4",
    "pooled first": "pool 2x2 s2 -> relu -> conv 3x3 p1 -> conv 1x1 2",
    "two": "a: conv 1x1 4 from image\nb: conv 3x3 4 same from image\nadd a",
}


@pytest.mark.parametrize("body", FIRST.values(), ids=FIRST)
def test_a_grey_picture_gets_the_answers_it_got_as_a_colour_one(body: str) -> None:
    net = network(spec(body, "3@8x8"))
    weights, grey = initial_weights(net), noise(2, 1, 8, 8)
    (expected,) = answers(net, weights, np.repeat(grey, 3, axis=1))
    made, adapted = with_input(net, Shape(1, (8, 8)), weights)
    assert adapted
    reads_back(made)
    np.testing.assert_allclose(answers(made, adapted, grey)[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("body", FIRST.values(), ids=FIRST)
@pytest.mark.parametrize("channels", [2, 5, 6, 12])
def test_more_channels_keep_the_size_of_responses(body: str, channels: int) -> None:
    net = network(spec(body, "3@8x8"))
    weights, x = initial_weights(net), noise(2, 3, 8, 8)
    made, adapted = with_input(net, Shape(channels, (8, 8)), weights)
    assert adapted
    reads_back(made)
    (values,) = answers(made, adapted, x[:, np.arange(channels) % 3])
    if channels % 3 == 0 and "g3" not in body:  # the same picture over and over
        np.testing.assert_allclose(values, answers(net, weights, x)[0], rtol=1e-4, atol=1e-5)
    assert values.shape[1:] == answers(net, weights, x)[0].shape[1:]


def test_weights_for_other_channels() -> None:
    weights = np.arange(6, dtype=np.float32).reshape(2, 3, 1, 1)
    assert for_channels(weights, 3, 1).ravel().tolist() == [3, 12]
    assert for_channels(weights, 3, 4)[0].ravel().tolist() == [0, 0.75, 1.5, 0]
    dense = np.arange(12, dtype=np.float32).reshape(1, 12)  # three channels of four positions
    assert for_channels(dense, 3, 1).tolist() == [[12, 15, 18, 21]]


@pytest.mark.parametrize("name", resources.zoo_names()[::3])
@pytest.mark.parametrize("channels", [1, 4])
def test_zoo(name: str, channels: int) -> None:
    net = load(name)[0]
    (entry,) = net.inputs
    shape = Shape(channels, entry.shape.space)
    if net.loss and any(entry.name in term.arguments for term in net.loss):
        with pytest.raises(UsageError, match="a net that gives its input back"):
            with_input(net, Shape(3, entry.shape.space))
        return
    made, _ = with_input(net, shape)
    reads_back(made)
    assert made.by_name.keys() == net.by_name.keys()


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "mobilenet_v2", "unet_same"])
def test_other_sizes_are_elaborated_anew(name: str) -> None:
    made, _ = with_input(load(name)[0], Shape(3, (96, 160)))
    reads_back(made)
    assert made == load(name, None, {"": Shape(3, (96, 160))})[0]


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (
            "vgg16",
            "3@256x256",
            "`fc6` has a weight for each value of 512@7x7, and would get 512@8x8; keep the size, "
            "or write `gap 7x7` in front of it, which brings every size to 7x7",
        ),
        ("lenet", "1@4x4", "at `conv1`: a window of 5 doesn't fit"),
        ("resnet18", "3@0x4", "an input's sizes lie between 1 and 1,048,576, not 3@0x4"),
        ("resnet18", "3@224", "input `image` is 3@224x224 and can't become 3@224"),
        ("resnet18", "3@1048576x1048576", "`conv1` would hold more than 1,099,511,627,776 values"),
    ],
)
def test_sizes_that_dont_go(name: str, shape: str, message: str) -> None:
    channels, _, space = shape.partition("@")
    wanted = Shape(int(channels), tuple(map(int, space.split("x"))))
    with pytest.raises(UsageError) as caught:
        with_input(load(name)[0], wanted)
    assert message.split(":")[0] in str(caught.value)


def test_layers_that_hold_a_number_for_each_channel_of_the_input() -> None:
    net = network(spec("bn -> conv 3x3 4"))
    with pytest.raises(UsageError, match="the weights of `bn1` are for 3@32x32"):
        with_input(net, read_shape("1@32x32"))


def test_of_several_inputs_one_is_named() -> None:
    net = network("cnndsl 1\nnet T\ninput a 3@8x8\ninput b 3@8x8\nconv 1x1 2 from a\n"
                  "conv 1x1 2 from b\nadd conv1\n")  # fmt: skip
    with pytest.raises(UsageError, match="it isn't said which input is meant; T has `a`, `b`"):
        with_input(net, Shape(1, (8, 8)))
    with pytest.raises(UsageError, match="there is no input `c`"):
        with_input(net, Shape(1, (8, 8)), name="c")
    made, _ = with_input(net, Shape(1, (8, 8)), name="b")
    reads_back(made)
    assert [i.shape.channels for i in made.inputs] == [3, 1]


@given(networks(), st.integers(1, 9), st.integers(-2, 3))
def test_any_net_with_another_input_reads_back(net: Network, channels: int, more: int) -> None:
    entry = net.inputs[0]
    space = tuple(size + more for size in entry.shape.sizes)
    try:
        made, weights = with_input(
            net, Shape(channels, space), initial_weights(net), name=entry.name
        )
    except UsageError:
        return
    reads_back(made)
    assert weights
    for step in made.steps:
        for p in step.layer.parameters(*made.input_shapes(step)):
            assert sum(c.size for c in weights(f"{step.owner}.{p.name}", p)) == p.size
