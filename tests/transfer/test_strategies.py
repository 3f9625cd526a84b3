"""Which strategy suits, and what each of them trains when."""

from __future__ import annotations

import numpy as np
import pytest

from cnndsl.data.dataset import Arrays, DataSet, Split
from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Parameter
from cnndsl.shape import Shape
from cnndsl.specs import load
from cnndsl.training.options import HeadKind
from cnndsl.training.stages import Stage
from cnndsl.transfer.heads import renew
from cnndsl.transfer.strategies import choose, earlier_layer, fine_rate, stages
from cnndsl.transfer.vectors import scaling

NET = load("squeezenet1_1")[0]


def some_data(examples: int) -> DataSet:
    source = Arrays(np.zeros((1, 1, 1, 1), np.uint8), "some")
    index = np.zeros(examples, np.int64)
    return DataSet("some", "npz", None, ("a", "b"), {"train": Split("train", source, index, index)})


@pytest.mark.parametrize(
    ("pictures", "similar", "strategy", "at", "said"),
    [
        (100, True, "features", None, "are few, much like"),
        (100, False, "features", "fire6.concat1", "are few, unlike"),
        (600, True, "last", None, "are a medium number, much like"),
        (600, False, "full", None, "are a medium number, unlike"),
        (2000, True, "full", None, "are many, much like"),
        (6000, False, "scratch", None, "trained anew"),
        (6000, True, "full", None, "trained further"),
    ],
)
def test_auto_is_the_table_of_the_lectures(
    pictures: int, similar: bool, strategy: str, at: str | None, said: str
) -> None:
    chosen = choose(some_data(2 * pictures), NET, similar, trained=True)
    assert (chosen.strategy, chosen.at) == (strategy, at)
    assert said in chosen.why


@pytest.mark.parametrize(
    ("optimiser", "layers", "has_norms", "rate"),
    [("adamw", 50, True, 1e-4), ("adamw", 26, False, 6e-5), ("sgd", 50, True, 1e-3)],
)
def test_trained_layers_are_changed_slowly(
    optimiser: str, layers: int, has_norms: bool, rate: float
) -> None:
    assert fine_rate(optimiser, layers, has_norms) == pytest.approx(rate)


def test_without_weights_there_is_nothing_to_transfer() -> None:
    chosen = choose(some_data(200), NET, similar=True, trained=False)
    assert chosen.strategy == "scratch" and "--weights" in chosen.why
    assert earlier_layer(NET) == "fire6.concat1"


def parameters(net: str = "squeezenet1_1", **how: object) -> dict[str, Parameter]:
    network = renew(load(net)[0], 2, "linear").network
    return {
        f"{step.owner}.{p.name}": p
        for step in network.steps
        for p in step.layer.parameters(*network.input_shapes(step))
    }


def test_each_strategy_frees_what_it_says() -> None:
    renewed = renew(NET, 2, "linear")
    assert renewed.layers == ("logits",)
    names = parameters()
    assert stages("last", renewed, names, 10) == (Stage(0, ("logits", "fire9")),)
    assert stages("gradual", renewed, names, 10) == (
        Stage(0, ("logits", "fire8", "fire9")),
        Stage(1, ("fire6", "fire7")),
        Stage(3, ("fire4", "fire5")),
        Stage(4, ("conv1", "fire2", "fire3")),
    )
    kept = stages("last", renewed, names, 10, ["fire9.conv1"])
    assert kept == (Stage(0, ("logits", "fire9.conv2", "fire9.conv3")),)


@pytest.mark.parametrize(
    ("net", "kind", "at", "vector", "size", "layers"),
    [
        ("squeezenet1_1", "linear", None, "gap1", 512, ("logits",)),
        ("squeezenet1_1", "mlp", None, "gap1", 512, ("hidden", "logits")),
        ("resnet18", "linear", None, "gap1", 512, ("logits",)),
        ("resnet18", "linear", "stage3", "gap1", 256, ("logits",)),
        ("vgg11", "logistic", None, "fc7.relu1", 4096, ("logits",)),
        ("fashion_cnn", "linear", None, "pool2", 1568, ("logits",)),
    ],
)
def test_a_head_is_a_net_of_its_own(
    net: str, kind: str, at: str | None, vector: str, size: int, layers: tuple[str, ...]
) -> None:
    renewed = renew(load(net)[0], 7, kind, at)  # pyright: ignore[reportArgumentType]
    assert (renewed.vector, renewed.layers) == (vector, layers)
    head = renewed.head()
    assert head.inputs[0].shape == Shape(size, (1, 1))
    assert head.shapes[head.outputs[0]] == Shape(7)
    found = {
        f"{step.owner}.{p.name}"
        for step in head.steps
        for p in step.layer.parameters(*head.input_shapes(step))
    }
    assert found == renewed.new and not found & renewed.old()


@pytest.mark.parametrize("kind", ["linear", "mlp"])
@pytest.mark.parametrize(
    "head",
    [
        "scores: dropout -> conv 1x1 5 relu -> gap softmax",  # as import writes SqueezeNet
        "dropout -> conv 1x1 5 relu -> gap",
        "hidden: conv 1x1 5 -> gap",
        "logits: dropout -> fc 5",
    ],
)
def test_a_head_is_called_the_same_with_and_without_dropout(head: str, kind: HeadKind) -> None:
    """So what was fitted without it is found in the net that is trained with it."""
    net = load(f"cnndsl 1\nnet N\ninput x 3@8x8\nconv 3x3 4 relu\n{head}\n")[0]
    with_it, without = (renew(net, 2, kind, None, rate).new for rate in (0.5, 0.0))
    assert with_it == without


def test_one_class_is_none() -> None:
    with pytest.raises(UsageError, match="two classes apart at least"):
        renew(NET, 1, "linear")


def test_scaled_vectors_and_unfolded_weights_give_the_same() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(3, 5, (40, 6)).astype(np.float32)
    weight, bias = rng.normal(size=(3, 6)).astype(np.float32), np.ones(3, np.float32)
    how = scaling(vectors)
    scaled = how.applied(vectors)
    assert abs(scaled.mean()) < 1e-5 and scaled.var() == pytest.approx(1, rel=1e-4)
    plain = how.unfolded(weight, bias)
    np.testing.assert_allclose(
        vectors @ plain[0].T + plain[1], scaled @ weight.T + bias, rtol=1e-4, atol=1e-5
    )
    for back, given in zip(how.folded(*plain), (weight, bias), strict=True):
        np.testing.assert_allclose(back, given, rtol=1e-4, atol=1e-5)
