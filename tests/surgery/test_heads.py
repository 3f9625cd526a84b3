"""Classifiers found and replaced, over the whole zoo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl import resources
from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Parameter
from cnndsl.layers.dropout import Dropout
from cnndsl.network import Network
from cnndsl.shape import Shape
from cnndsl.specs import load
from cnndsl.surgery import cut, split_head, with_head
from cnndsl.weights import initial_weights
from cnndsl.weights.source import Chunks
from tests.support.networks import networks
from tests.support.specs import network, with_input
from tests.surgery.running import answers, noise, reads_back

FC7 = ("fc7.relu1", "@4096", "logits")
HEADS = {
    "alexnet": FC7,
    "alexnet_tv": ("relu7", "@4096", "logits"),
    "c3d": FC7,
    "fashion_cnn": ("pool2", "32@7x7", "logits"),
    "googlenet": ("gap1", "1024@1x1", "logits"),
    "googlenet_tv": ("gap1", "1024@1x1", "logits"),
    "inception_v3": ("gap1", "2048@1x1", "logits"),
    "lenet": ("ip1.relu1", "@500", "ip2"),
    "lenet5": ("F6.relu1", "@84", "logits"),
    "lenet5_1998": ("F6.tanh1", "@84", "logits"),
    "mobilenet_v1": ("gap1", "1024@1x1", "logits"),
    "mobilenet_v2": ("gap1", "1280@1x1", "logits"),
    "nin": ("mlpconv4.relu2", "1024@6x6", "mlpconv4.conv3"),
    "nin_cifar": ("mlpconv3.relu2", "192@8x8", "mlpconv3.conv3"),
    "squeezenet1_0": ("fire9.concat1", "512@13x13", "conv10"),
    "squeezenet1_1": ("fire9.concat1", "512@13x13", "conv10"),
    **{f"vgg{n}{bn}": FC7 for n in (11, 13, 16, 19) for bn in ("", "_bn")},
    **{f"plain{n}": ("gap1", "512@1x1", "logits") for n in (18, 34)},
    **{f"plain{n}": ("gap1", "64@1x1", "logits") for n in (20, 32, 44, 56, 110)},
    **{f"resnet{n}": ("gap1", "512@1x1", "logits") for n in (18, 34)},
    **{f"resnet{n}": ("gap1", "64@1x1", "logits") for n in (8, 20, 32, 44, 56, 110)},
    **{f"resnet{n}": ("gap1", "2048@1x1", "logits") for n in (50, 101, 152)},
    **dict.fromkeys(("resnext50_32x4d", "wide_resnet50_2"), ("gap1", "2048@1x1", "logits")),
}
"""What each net of the zoo learned to tell classes from, and the layer that does."""

OTHERS = {"autoencoder", "conv_vae", "deconvnet", "unet", "unet_same"}


def names_and_shapes(net: Network) -> dict[str, tuple[int, ...]]:
    return {
        f"{step.owner}.{parameter.name}": parameter.shape
        for step in net.without_heads()
        for parameter in step.layer.parameters(*net.input_shapes(step))
    }


def test_the_table_is_of_the_whole_zoo() -> None:
    assert set(resources.zoo_names()) == HEADS.keys() | OTHERS


@pytest.mark.parametrize("name", HEADS)
def test_zoo(name: str) -> None:
    net = load(name)[0]
    head = split_head(net)
    features, shape, classifier = HEADS[name]
    assert (head.features, str(net.shapes[head.features])) == (features, shape)
    assert head.classifier.name == classifier
    assert head.classes == net.settings["classes"]
    assert head.pooled == (head.classifier.layer.word == "conv")

    old = names_and_shapes(net)
    for kind, layers in (("linear", {"fc"}), ("mlp", {"hidden", "fc"})):
        made = with_head(net, 7, kind)  # pyright: ignore[reportArgumentType]
        reads_back(made.network)
        new = names_and_shapes(made.network)
        assert {n: s for n, s in new.items() if n not in made.new}.items() <= old.items()
        assert len(made.new) == 2 * len(layers)
        assert {p.rpartition(".")[0] for p in old.keys() - new.keys()} <= {classifier}
        assert made.left_out == tuple(net.heads)
        assert made.network.settings["classes"] == 7
        (output,) = made.network.outputs
        assert str(made.network.shapes[output]) == "@7"
        assert split_head(made.network).classifier.name == output
        assert made.features == features
        assert [t.arguments for t in made.network.loss] in ([], [(output,)])


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_nets_that_dont_classify(name: str) -> None:
    with pytest.raises(UsageError, match="has no classifier"):
        split_head(load(name)[0])


@pytest.mark.parametrize(
    ("body", "dropout", "kind", "expected"),
    [
        ("gap -> dropout 0.3 -> fc 9", None, "linear", "gap1 dropout1=0.3 fc1"),
        ("gap -> dropout 0.3 -> fc 9", 0.1, "linear", "gap1 dropout1=0.1 fc1"),
        ("gap -> dropout 0.3 -> fc 9", 0.0, "linear", "gap1 fc1"),
        ("gap -> fc 9", 0.4, "linear", "gap1 dropout1=0.4 fc1"),
        ("y: gap -> fc 9 -> softmax", None, "linear", "y y.fc1 y.softmax1"),
        ("y: conv 1x1 9 relu -> gap -> flatten -> softmax", None, "linear", "gap1 y y.softmax1"),
        ("conv 1x1 9 -> gap", None, "linear", "gap1 logits"),
        ("conv 1x1 9 -> gap\ny: flatten\np: softmax", None, "linear", "gap1 y p"),
        ("conv 1x1 9 bn relu -> avgpool 8x8", None, "linear", "gap1 logits"),
        (
            "y: gap -> fc 9 sigmoid",
            None,
            "mlp",
            "y hidden hidden.relu1 hidden.dropout1=0.5 y.fc1",
        ),
        ("conv 1x1 9 -> gap", 0.0, "mlp", "gap1 hidden hidden.relu1 logits"),
    ],
)
def test_new_heads(body: str, dropout: float | None, kind: str, expected: str) -> None:
    net = network(with_input(f"stem: conv 3x3 4 same relu\n{body}", "3@8x8"))
    made = with_head(net, 2, kind, dropout=dropout).network  # pyright: ignore
    reads_back(made)
    assert [
        f"{s.name}={s.layer.probability}" if isinstance(s.layer, Dropout) else s.name
        for s in made.steps[2:]
    ] == expected.split()


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        ("y: fc classes", 2),
        ("block(classes)", 2),
        ("let n = classes\ny: fc n", 2),
        ("inner: fc classes relu\ny: fc 9", 9),  # as many by chance
    ],
)
def test_the_parameter_classes_follows_where_the_classifier_has_it(head: str, kept: int) -> None:
    block = "def block(n):\n    y: fc n\n"
    text = f"cnndsl 1\nnet N(classes=9)\ninput x 3@8x8\n{block}gap\n{head}\n"
    made = with_head(network(text), 2).network
    assert made.settings["classes"] == kept
    assert [str(made.shapes[name]) for name in made.outputs] == ["@2"]


def test_a_block_that_a_parameter_names_keeps_its_name() -> None:
    block = "def hidden(slope): leaky slope\n"
    for value in ("hidden 0.1", "hidden 0.3"):
        text = f"cnndsl 1\n{block}net N(act={value})\ninput x 3@8x8\ngap\nrelu act\nfc 9\n"
        made = with_head(network(text), 2, "mlp").network
        reads_back(made)
        assert "hidden2" in made.shapes


def test_several_outputs_go_along() -> None:
    body = "a: conv 3x3 4 same relu\ngap\ny: fc 9\np: softmax\noutput p a y"
    made = with_head(network(with_input(body, "3@8x8")), 2).network
    reads_back(made)
    assert [(n, str(made.shapes[n])) for n in made.outputs] == [
        ("p", "@2"),
        ("a.relu1", "4@8x8"),
        ("y", "@2"),
    ]


def test_the_mean_of_a_convolution_is_a_dense_layer_of_means() -> None:
    """What `gap` and `fc` in place of `conv 1x1` and `gap` rest on."""
    net = network(with_input("conv 3x3 4 same relu\nlast: conv 1x1 3\ny: gap", "3@8x8"))
    made = with_head(net, 3)
    weights, x = initial_weights(net), noise(2, 3, 8, 8)
    last = {"y.weight": net.by_name["last"].layer.parameters(Shape(4, (8, 8)))[0]}

    def moved(name: str, parameter: Parameter) -> Chunks:
        return weights(name.replace("y.", "last."), last.get(name, parameter))

    (old,) = answers(net, weights, x)
    (new,) = answers(made.network, made.weights(weights, moved), x)
    np.testing.assert_allclose(new, old[:, :, 0, 0], rtol=1e-5, atol=1e-6)


def test_what_cant_be_a_head() -> None:
    net = load("lenet")[0]
    for wrong, message in (
        ({"classes": 0}, "a head has 1 to 16,777,216 classes, not 0"),
        ({"classes": 2, "hidden": -1}, "units in the hidden layer, not -1"),
        ({"classes": 2, "kind": "tree"}, "a new head is linear or mlp, not `tree`"),
        ({"classes": 2, "dropout": 1.0}, "from 0 to below 1, not 1"),
    ):
        with pytest.raises(UsageError, match=message):
            with_head(net, **wrong)  # pyright: ignore


def test_a_classifier_whose_weights_are_shared_stays() -> None:
    text = "cnndsl 1\nnet S\ninput a @4\ninput b @4\np: fc 2 from a\nq: reuse p from b\noutput q\n"
    with pytest.raises(UsageError, match="`q` and `p` share their weights"):
        with_head(network(text), 3)


@given(networks(), st.sampled_from(["linear", "mlp"]))
def test_any_net_with_a_head_reads_back(net: Network, kind: str) -> None:
    try:
        made = with_head(net, 3, kind)  # pyright: ignore
    except UsageError:
        return
    reads_back(made.network)
    reads_back(cut(made.network, made.network.outputs[0]))
