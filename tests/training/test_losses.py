"""Losses and their gradients against torch's; training forms of layers; frozen parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.network import LossTerm, Step
from cnndsl.specs import load
from cnndsl.training.graphs import TrainingGraphs, build_training
from cnndsl.training.losses import Recipe
from tests.support.gradients import feeds_for, run_graph, torch_gradients, worst
from tests.support.peers import torch
from tests.support.similarity import ssim_by_torch

BATCH = 4
HEAD = "cnndsl 1\nnet N(classes=5)\ninput x 3@6x6\n"
Loss = Callable[[Any, dict[str, Any], dict[str, Any]], Any]


def term(function: str, *arguments: str, coefficient: float = 1.0) -> LossTerm:
    return LossTerm(coefficient=coefficient, function=function, arguments=arguments)


def check(
    body: str,
    terms: Sequence[LossTerm],
    expected: Loss,
    recipe: Recipe | None = None,
    scale: float = 1.0,
    bound: float = 2e-5,
) -> TrainingGraphs:
    """The loss and all gradients of a net agree with torch's."""
    network = load(HEAD + body)[0]
    graphs = build_training(network, BATCH, loss=terms, recipe=recipe or Recipe())
    feeds = feeds_for(graphs)
    feeds = {
        n: (a * scale).astype(np.float32) if n == "out.weight" else a for n, a in feeds.items()
    }
    errors = worst(run_graph(graphs, feeds), torch_gradients(network, graphs, feeds, expected))
    assert max(errors.values()) < bound, errors
    return graphs


@pytest.mark.torch
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, (0.5, 1.0, 2.0, 0.1, 3.0)])
@pytest.mark.parametrize("body", ["out: fc classes", "out: conv 3x3 classes", "fc 5 -> softmax"])
def test_cross_entropy(body: str, weights: tuple[float, ...] | None, smoothing: float) -> None:
    name = {"fc 5 -> softmax": "fc1"}.get(body, "out")

    def expected(f: Any, values: dict[str, Any], feeds: dict[str, Any]) -> Any:
        given = None if weights is None else torch().tensor(weights, dtype=torch().float64)
        return f.cross_entropy(values[name], feeds["target"], given, label_smoothing=smoothing)

    graphs = check(body, (), expected, Recipe(smoothing, weights))
    assert graphs.counts == ("correct", "correct5")
    assert graphs.classes == 5


TWO = "h: conv 3x3 4 tanh\na: conv 3x3 2 from h\nb: conv 3x3 2 from h\np: sigmoid from a\n"
TWO += "q: sigmoid from b\noutput p q"


@pytest.mark.torch
@pytest.mark.parametrize("function", ["mse", "l1", "huber"])
def test_distances(function: str) -> None:
    peers = {"mse": "mse_loss", "l1": "l1_loss", "huber": "huber_loss"}
    check(
        TWO,
        [term(function, "a", "b")],
        lambda f, v, t: getattr(f, peers[function])(v["a"], v["b"]),
    )
    check(
        TWO,
        [term(function, "a", "target", coefficient=0.5)],
        lambda f, v, t: 0.5 * getattr(f, peers[function])(v["a"], t["target"]),
    )


@pytest.mark.torch
def test_binary_cross_entropy() -> None:
    def expected(f: Any, v: dict[str, Any], t: dict[str, Any]) -> Any:
        return f.binary_cross_entropy(v["p"], v["q"])

    check(TWO, [term("bce", "p", "q")], expected)  # by logits
    shown = TWO.replace("p: sigmoid from a", "r: sigmoid from a\np: crop p=(0,0,1,1) from r")
    shown = shown.replace("q: sigmoid from b", "s: sigmoid from b\nq: crop p=(0,0,1,1) from s")
    check(shown, [term("bce", "p", "q")], expected)  # by probabilities


@pytest.mark.torch
def test_binary_cross_entropy_of_sure_answers() -> None:
    """Logits of a thousand lose nothing; the probabilities would be 0 and 1."""
    logits = term("bce", "p", "target")
    check(
        "out: fc 2\np: sigmoid",
        [logits],
        lambda f, v, t: f.binary_cross_entropy_with_logits(v["out"], t["target"]),
        scale=1000.0,
    )


@pytest.mark.torch
def test_a_bound_is_summed_over_an_example() -> None:
    terms = [term("mse", "p", "q"), term("kl", "a", "b", coefficient=2.0)]
    check(
        TWO,
        terms,
        lambda f, v, t: (
            f.mse_loss(v["p"], v["q"], reduction="sum") / BATCH
            - (1 + v["b"] - v["a"] ** 2 - v["b"].exp()).sum() / BATCH
        ),
    )


@pytest.mark.torch
def test_an_output_that_is_expanded() -> None:
    """In the evaluation graph the LRN is an output, and becomes arithmetic."""
    check(
        "conv 3x3 4\nout: lrn 3\noutput out",
        [term("mse", "out", "target")],
        lambda f, v, t: f.mse_loss(v["out"], t["target"]),
    )


@pytest.mark.torch
@pytest.mark.parametrize("window", [None, 1, 3, 5])
@pytest.mark.parametrize("against", ["q", "target"])
def test_ssim(window: int | None, against: str) -> None:
    """Of maps of 4x4, so that the usual window of 11 becomes one of 3."""
    settings = {} if window is None else {"window": window}
    loss = term("ssim", "p", against, coefficient=2.0).model_copy(update={"settings": settings})
    check(
        TWO,
        [loss],
        lambda f, v, t: 2 - 2 * ssim_by_torch(v["p"], (v | t)[against], window or 11),
        bound=1e-4,  # variances are small differences in float32
    )


@pytest.mark.torch
@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2, 3.5])
def test_focal_with_another_gamma(gamma: float) -> None:
    loss = term("focal", "out").model_copy(update={"settings": {"gamma": gamma}})

    def expected(f: Any, v: dict[str, Any], t: dict[str, Any]) -> Any:
        plain = f.cross_entropy(v["out"], t["target"], reduction="none")
        return ((1 - (-plain).exp()) ** gamma * plain).mean()

    check("out: fc classes", [loss], expected)


@pytest.mark.torch
@pytest.mark.parametrize("coefficient", [1.0, 4.0, -0.5])
@pytest.mark.parametrize(("step", "part"), [(0, 0.0), (1, 1 / 6), (5, 5 / 6), (6, 1.0), (99, 1.0)])
def test_a_weight_that_grows(coefficient: float, step: int, part: float) -> None:
    """Over 1.5 epochs of 4 steps."""
    ramped = term("l1", "a", "b", coefficient=coefficient)
    terms = [term("mse", "p", "q"), ramped.model_copy(update={"settings": {"ramp": 1.5}})]
    network = load(HEAD + TWO)[0]
    graphs = build_training(network, BATCH, loss=terms, recipe=Recipe(epoch_steps=4))
    feeds = feeds_for(graphs) | {"loss.step": np.asarray(step, np.float32)}

    def expected(f: Any, v: dict[str, Any], t: dict[str, Any]) -> Any:
        return f.mse_loss(v["p"], v["q"]) + coefficient * part * f.l1_loss(v["a"], v["b"])

    errors = worst(run_graph(graphs, feeds), torch_gradients(network, graphs, feeds, expected))
    assert max(errors.values()) < 2e-5, errors
    assert "loss.step" not in {v.name for v in graphs.evaluation.graph.inputs}


def test_parts_are_named() -> None:
    graphs = build_training(load("googlenet")[0], 1)
    assert graphs.losses == ("loss", "loss_logits", "loss_aux1", "loss_aux2")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([term("hinge", "a")], "there is no loss `hinge`"),
        ([term("mse", "a", "z")], "no value of the net"),
        ([term("mse", "a", "h")], "shapes differ"),
        ([term("cross_entropy", "a"), term("mse", "b", "target")], "targets"),
        ([term("ssim", "v", "target")], "ssim compares pictures, and `v` is 5"),
    ],
)
def test_what_does_not_go_together(terms: list[LossTerm], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_training(
            load(f"{HEAD}v: fc 5\n{TWO} v".replace("4 tanh", "4 tanh from x"))[0], BATCH, loss=terms
        )


def test_one_class_is_refused() -> None:
    with pytest.raises(UsageError, match="needs two classes"):
        build_training(load(f"{HEAD}fc 1")[0], BATCH)


LAYERS = [
    *("conv 3x3 4 bn", "conv 3x3 4 -> dropout 0.3", "conv 3x3 4 -> droppath 0.3"),
    *("scale", "conv 3x3 4 -> scale nobias", "bn keep=0.5 eps=1e-2 -> conv 3x3 2"),
    *("fc 7 bn relu", "conv 3x3 8 -> silu", "conv 3x3 8 -> mish", "conv 3x3 8 -> hswish"),
    *("conv 3x3 8 -> hsigmoid", "conv 3x3 8 -> selu", "conv 3x3 8 -> relu6", "gmp", "gap 4x4"),
    *("conv 3x3 8 -> leaky 0.2", "conv 3x3 8 -> prelu", "prelu shared", "conv 3x3 8 -> elu 0.5"),
    *("conv 3x3 8 -> gelu", "conv 3x3 8 -> gelu tanh", "conv 3x3 8 -> softplus", "ln", "ln all"),
    *("inorm", "conv 3x3 4 nobias -> inorm noscale", "conv 3x3 4 -> gn 2", "gn 3 noscale", "lrn 3"),
    *("conv 3x3 4 -> softmax", "conv 3x3 4 -> logsoftmax", "fc 4 -> softmax"),
    *("conv 3x3 4 -> filter gauss", "conv 3x3 4 -> filter 3x1 1 2 1 s2"),
    *("conv 3x3 4 -> pad 1", "conv 3x3 4 -> pad 2 reflect", "conv 3x3 4 -> pad p=(1,0,2,3) edge"),
    *("conv 3x3 4 -> pixelshuffle 2", "conv 3x3 4 -> shuffle 2", "conv 3x3 4 -> take 3 0 0"),
    *("conv 3x3 4 -> upsample 2x2", "conv 3x3 4 -> upsample 2x3 bilinear", "gap 2x2"),
    *("conv 3x3 4 -> widen 7", "conv 3x3 4 -> crop 1", "deconv 3x3 4 s2 p1 op1", "dwconv 3x3 same"),
    *("conv 3x3 4 -> avgpool 3x3 s2 ceil", "conv 3x3 4 -> avgpool 3x3 s1 p1 countpad"),
    *(
        "conv 3x3 4 -> pool 3x3 s2 p1",
        "conv 3x3 4 -> pool 2x2 s1 d2",
        "conv 3x3 4 -> pool 3x3 ceil",
    ),
    *(
        "a: conv 3x3 4 same\ngap -> conv 1x1 4 sigmoid\nmul a",
        "a: conv 3x3 3 same bn tanh\nreuse a",
    ),
    "h: conv 3x3 4\na: conv 1x1 4 from h\nb: conv 1x1 4 from h\nsample a b",
]


@pytest.mark.torch
@pytest.mark.parametrize("layer", LAYERS)
def test_training_forms(layer: str) -> None:
    check(f"{layer}\nout: fc classes", (), lambda f, v, t: f.cross_entropy(v["out"], t["target"]))


@pytest.mark.torch
def test_a_frozen_part_is_as_at_inference() -> None:
    """Below the lowest trained layer dropout drops nothing, and batch norms keep their averages."""
    body = "a: conv 3x3 4 bn -> dropout\nb: conv 3x3 4 bn -> dropout\nout: fc classes"
    network = load(HEAD + body)[0]
    graphs = build_training(network, BATCH, trainable=lambda n: not n.startswith("a."))
    assert set(graphs.noises) == {"b.dropout1.noise"}
    assert set(graphs.statistics) == {"b.bn1.running_mean", "b.bn1.running_var"}
    assert not any(n.startswith("a") for n in graphs.trained)
    feeds = feeds_for(graphs)

    def frozen(step: Step) -> bool:
        return step.name.startswith("a.")

    exact = torch_gradients(
        network, graphs, feeds, lambda f, v, t: f.cross_entropy(v["out"], t["target"]), frozen
    )
    assert max(worst(run_graph(graphs, feeds), exact).values()) < 1e-5


@pytest.mark.torch
def test_a_frozen_layer_passes_gradients_on() -> None:
    network = load(f"{HEAD}a: conv 3x3 4\nb: conv 3x3 4 bn relu\nout: fc classes")[0]
    graphs = build_training(network, BATCH, trainable=lambda n: n.startswith("a."))
    assert graphs.trained == ("a.weight", "a.bias")
    feeds = feeds_for(graphs)
    exact = torch_gradients(
        network,
        graphs,
        feeds,
        lambda f, v, t: f.cross_entropy(v["out"], t["target"]),
        lambda step: step.name != "a",
    )
    assert max(worst(run_graph(graphs, feeds), exact).values()) < 1e-5


def test_nothing_left_to_train() -> None:
    with pytest.raises(UsageError, match="nothing is left to train"):
        build_training(load("lenet5")[0], BATCH, trainable=lambda n: False)


def test_a_batch_norm_needs_more_than_one_value() -> None:
    with pytest.raises(UsageError, match="more than one value a channel"):
        build_training(load(f"{HEAD}fc 5 bn\nout: fc classes")[0], 1)


def test_open_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="fixed sizes"):
        build_training(load("unet")[0], 1)


@pytest.mark.torch
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, (0.5, 1.0, 2.0, 0.1, 3.0)])
@pytest.mark.parametrize("body", ["out: fc classes", "out: conv 3x3 classes"])
def test_ignored_targets_count_in_nothing(
    body: str, weights: tuple[float, ...] | None, smoothing: float
) -> None:
    network = load(HEAD + body)[0]
    recipe = Recipe(smoothing, weights, ignoring=True)
    graphs = build_training(network, BATCH, recipe=recipe)
    feeds = feeds_for(graphs)
    target = feeds["target"]
    target[np.random.default_rng(1).random(target.shape) < 0.4] = -1
    target.reshape(-1)[:2] = -1, 3
    assert graphs.class_weights == (weights or (1.0,) * 5) and not graphs.counts
    each_weighs = np.array(graphs.class_weights, np.float32)
    feeds["target.weight"] = np.asarray(each_weighs[target[target >= 0]].sum(), np.float32)

    def expected(f: Any, values: dict[str, Any], given: dict[str, Any]) -> Any:
        each = None if weights is None else torch().tensor(weights, dtype=torch().float64)
        return f.cross_entropy(
            values["out"], given["target"], each, ignore_index=-1, label_smoothing=smoothing
        )

    errors = worst(run_graph(graphs, feeds), torch_gradients(network, graphs, feeds, expected))
    assert max(errors.values()) < 2e-5, errors


@pytest.mark.torch
@pytest.mark.parametrize("body", ["p: conv 1x1 1 sigmoid", "q: conv 1x1 1 sigmoid\np: crop 1"])
def test_ignored_pixels_of_a_binary_mask_count_in_nothing(body: str) -> None:
    network = load(f"{HEAD}conv 3x3 4 tanh\n{body}\noutput p\nloss bce(p, target)")[0]
    graphs = build_training(network, BATCH, recipe=Recipe(ignoring=True))
    feeds = feeds_for(graphs)
    shape = feeds["target"].shape
    feeds["target"] = np.random.default_rng(1).integers(-1, 2, shape).astype(np.float32)
    feeds["target.weight"] = np.asarray((feeds["target"] >= 0).sum(), np.float32)

    def expected(f: Any, values: dict[str, Any], given: dict[str, Any]) -> Any:
        counts = given["target"] >= 0
        name = network.outputs[0]
        return f.binary_cross_entropy(values[name][counts], given["target"][counts])

    errors = worst(run_graph(graphs, feeds), torch_gradients(network, graphs, feeds, expected))
    assert max(errors.values()) < 2e-5, errors


def dice_by_torch(p: Any, q: Any, counts: Any) -> Any:
    p, q = p * counts, q * counts
    both = (p * q).flatten(2).sum(2)
    return 1 - ((2 * both + 1) / (p.flatten(2).sum(2) + q.flatten(2).sum(2) + 1)).mean()


@pytest.mark.torch
@pytest.mark.parametrize("ignoring", [False, True])
@pytest.mark.parametrize("loss", ["dice", "focal", "both"])
@pytest.mark.parametrize("weights", [None, (0.5, 1.0, 2.0, 0.1, 3.0)])
def test_losses_of_regions(loss: str, ignoring: bool, weights: Any) -> None:
    terms = [term("dice", "out"), term("focal", "out", coefficient=2.0)]
    terms = {"dice": terms[:1], "focal": terms[1:], "both": terms}[loss]
    network = load(f"{HEAD}conv 3x3 4 tanh\nout: conv 3x3 classes")[0]
    graphs = build_training(network, BATCH, loss=terms, recipe=Recipe(0, weights, False, ignoring))
    feeds = feeds_for(graphs)
    if ignoring:
        feeds["target"][np.random.default_rng(1).random(feeds["target"].shape) < 0.4] = -1
    kept = feeds["target"][feeds["target"] >= 0]
    if "target.weight" in feeds:
        each = np.ones(5) if weights is None else np.array(weights)
        feeds["target.weight"] = np.asarray(each[kept].sum(), np.float32)

    def expected(f: Any, values: dict[str, Any], given: dict[str, Any]) -> Any:
        library, z, t = torch(), values["out"], given["target"]
        counts = (t >= 0).to(z.dtype)
        hot = f.one_hot(t.clamp(min=0), 5).movedim(-1, 1).to(z.dtype)
        logs = (z.log_softmax(1) * hot).sum(1)
        w = library.tensor(weights or [1.0] * 5, dtype=z.dtype)[t.clamp(min=0)] * counts
        focal = -(w * (1 - logs.exp()) ** 2 * logs).sum() / w.sum()
        dice = dice_by_torch(z.softmax(1), hot, counts[:, None])
        return {"dice": dice, "focal": 2 * focal, "both": dice + 2 * focal}[loss]

    errors = worst(run_graph(graphs, feeds), torch_gradients(network, graphs, feeds, expected))
    assert max(errors.values()) < 2e-5, errors


@pytest.mark.torch
@pytest.mark.parametrize("ignoring", [False, True])
def test_dice_of_one_map(ignoring: bool) -> None:
    text = f"{HEAD}conv 3x3 4 tanh\nout: conv 1x1 1 sigmoid\noutput out\nloss dice(out, target)"
    network = load(text)[0]
    graphs = build_training(network, BATCH, recipe=Recipe(ignoring=ignoring))
    feeds = feeds_for(graphs)
    least = -1 if ignoring else 0
    shape = feeds["target"].shape
    feeds["target"] = np.random.default_rng(1).integers(least, 2, shape).astype(np.float32)

    def expected(f: Any, values: dict[str, Any], given: dict[str, Any]) -> Any:
        t = given["target"]
        return dice_by_torch(values[network.outputs[0]], t.clamp(min=0), (t >= 0).to(t.dtype))

    errors = worst(run_graph(graphs, feeds), torch_gradients(network, graphs, feeds, expected))
    assert max(errors.values()) < 2e-5, errors


def test_dice_needs_regions() -> None:
    with pytest.raises(UsageError, match="dice compares regions"):
        build_training(load(f"{HEAD}out: fc classes")[0], BATCH, loss=[term("dice", "out")])
