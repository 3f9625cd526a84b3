"""Memory against what torch really holds, and by hand on small nets."""

from __future__ import annotations

import pytest

from cnndsl.analyse import Memory, analyse
from cnndsl.layers import LAYERS
from cnndsl.network import Network
from cnndsl.specs import load
from tests.analyse.facts import Fact, facts, row_id

FLOAT = 4


def without_training_heads(net: str) -> Network:
    network, _ = load(net)
    return network.model_copy(update={"steps": network.without_heads(), "heads": {}})


def memory_of(network: Network, batch: int = 1) -> Memory:
    found = analyse(network).memory(batch)
    assert found is not None
    return found


@pytest.mark.parametrize("fact", facts("memory"), ids=row_id)
def test_inference_holds_what_torch_holds(fact: Fact) -> None:
    analysis = analyse(load(fact["net"])[0])
    found = analysis.memory()
    assert found is not None
    assert found.peak_activations == int(fact["inference_peak"])
    assert FLOAT * analysis.totals.params == int(fact["param_bytes"])


@pytest.mark.parametrize("fact", facts("memory"), ids=row_id)
def test_training_keeps_what_torch_keeps_and_needs(
    fact: Fact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly, once what torch keeps without need is added; it is named in `_surplus`."""
    network = without_training_heads(fact["net"])
    needed = memory_of(network).kept_activations
    assert needed <= int(fact["kept_for_backward"])
    monkeypatch.setattr(LAYERS["pool"], "keeps", frozenset({"input", "indices"}))
    monkeypatch.setattr(LAYERS["relu6"], "keeps", frozenset())
    kept = memory_of(network).kept_activations + _surplus(fact["net"], network)
    assert kept == int(fact["kept_for_backward"])


def _surplus(net: str, network: Network) -> int:
    """What torch keeps on the CPU beyond what derivatives need.

    - The input of a max pool, beside the places of the maxima (by monkeypatch above).
    - A relu6 in place copies its input.
    - Masks of dropout are floats, not bytes.
    - A batch norm keeps the batch's mean and deviation: here of a batch of two.
    - torchvision's AlexNet and VGG have an adaptive pooling that keeps its input, though it changes
      nothing at their size; the zoo leaves it out.
    """
    adaptive = {"alexnet_tv": 256 * 6 * 6, "vgg16": 512 * 7 * 7}
    extra = FLOAT * adaptive.get(net, 0)
    for step in network.steps:
        match step.layer.word:
            case "relu6":
                extra += FLOAT * step.output.elements
            case "dropout":
                extra += (FLOAT - 1) * step.output.elements
            case "bn":
                extra += 2 * FLOAT * step.output.channels // 2
            case _:
                pass
    return extra


def small(lines: str, batch: int = 1) -> Memory:
    return memory_of(load(f"cnndsl 1\nnet Small\ninput x 2@4x4\n{lines}\n")[0], batch)


def test_a_relu_overwrites_and_a_batch_norm_does_not() -> None:
    map_ = FLOAT * 2 * 16
    assert small("conv 3x3 2 same\nrelu\nrelu").peak_activations == 2 * map_
    assert small("conv 3x3 2 same\nrelu\nbn").peak_activations == 2 * map_
    # the input of the bn is held while its output is made; the image is gone by then
    assert small("bn\nbn\nbn").peak_activations == 2 * map_


def test_a_value_read_later_is_held() -> None:
    map_ = FLOAT * 2 * 16
    held = small("a: conv 1x1 2\nb: conv 1x1 2\nc: conv 1x1 2\nadd a")
    assert held.peak_activations == 3 * map_
    assert held.peak_step == "c"


def test_relu_on_a_value_read_later_makes_a_new_one() -> None:
    map_ = FLOAT * 2 * 16
    assert small("a: conv 1x1 2\nr: relu\nadd a").peak_activations == 2 * map_
    assert list(small("a: conv 1x1 2\nr: relu\nadd a").alive.values()) == [
        2 * map_,
        2 * map_,
        2 * map_,
    ]


def test_unpooling_holds_switches_but_not_the_map_they_came_from() -> None:
    found = small("P: pool 2x2\nconv 1x1 2\nunpool P")
    pooled, switches, map_ = FLOAT * 2 * 4, 8 * 2 * 4, FLOAT * 2 * 16
    assert found.alive == {
        "P": map_ + pooled + switches,
        "conv1": 2 * pooled + switches,
        "unpool1": pooled + switches + map_,
    }


def test_dropout_makes_a_value_in_training_alone() -> None:
    map_ = FLOAT * 2 * 16
    found = small("conv 1x1 2\nrelu\ndropout\nconv 1x1 2")
    assert found.peak_activations == 2 * map_
    # the image, the relu's output, its mask in bytes, and what is left for the last convolution
    assert found.kept_activations == 3 * map_ + map_ // FLOAT


def test_clamp_keeps_its_output_as_relu6_does() -> None:
    """Where an output lies between the bounds says all that the derivative needs."""
    map_ = FLOAT * 2 * 16
    for word in ("relu6", "clamp 0 6"):
        assert small(f"conv 1x1 2 nobias\n{word}\nconv 1x1 2").kept_activations == 2 * map_


def test_batches_and_limits() -> None:
    one, eight = small("conv 3x3 8 same\nrelu"), small("conv 3x3 8 same\nrelu", 8)
    assert eight.peak_activations == 8 * one.peak_activations
    assert eight.kept_activations == 8 * one.kept_activations
    for training in (False, True):
        limit = 1_000_000
        most = one.largest_batch(limit, training)
        assert most == eight.largest_batch(limit, training)
        fits, beyond = (small("conv 3x3 8 same\nrelu", b) for b in (most, most + 1))
        held = (fits.training, beyond.training) if training else (fits.inference, beyond.inference)
        assert held[0] <= limit < held[1]
        assert one.largest_batch(100, training) == 0


def test_training_holds_weights_gradients_and_two_moments() -> None:
    found = memory_of(
        load("cnndsl 1\nnet S\ninput x @8\nfc 4 -> bn\nhead a train:\n    fc 2\nrelu\n")[0]
    )
    main, head, statistics = 8 * 4 + 8, 4 * 2 + 2, 8
    assert found.weights.stored == FLOAT * (main + statistics)
    assert found.training_weights == FLOAT * (main + statistics + head)
    assert found.weights.trained == FLOAT * (main + head)
    assert found.optimiser == 2 * found.weights.trained
    fixed = found.training_weights + 3 * found.weights.trained
    assert found.training == fixed + found.kept_activations + found.gradients_in_flight
