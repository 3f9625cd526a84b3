"""A network written as a flat spec reads back to an equal network."""

from __future__ import annotations

import time

import pytest
from hypothesis import given

from cnndsl import resources
from cnndsl.network import LossTerm, Network
from cnndsl.show.flat import flat
from cnndsl.source import Source
from cnndsl.specs import load
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write
from tests.show.nets import OPEN, SHARED, SMALL, SPECS, network
from tests.support.networks import networks


def check_round_trip(net: Network) -> str:
    text = flat(net)
    again, _ = load(Source("flat.cnn", text))
    assert again == net, text
    assert flat(again) == text
    return text


@pytest.mark.parametrize("name", resources.zoo_names())
def test_zoo(name: str) -> None:
    text = check_round_trip(load(name)[0])
    assert write(parse(Source("flat.cnn", text))) == text


@pytest.mark.parametrize(
    "path",
    sorted(p for p in SPECS.glob("*.cnn") if "\ninput" in p.read_text()),
    ids=lambda p: p.stem,
)
def test_other_specs(path: object) -> None:
    check_round_trip(load(str(path))[0])


@given(networks())
def test_any_network(net: Network) -> None:
    check_round_trip(net)


def test_small_nets() -> None:
    for text in (SMALL, OPEN, SHARED):
        check_round_trip(network(text))
    assert flat(network(SHARED)) == (
        "cnndsl 1\n"
        "net Shared\n"
        "input left 1@8x8\n"
        "input right 1@8x8\n"
        "a: conv 3x3 4 same from left\n"
        "a.relu1: relu\n"
        "b: reuse a from right\n"
        "b.relu1: relu\n"
        "both: concat a.relu1\n"
        "output both\n"
    )


def test_a_name_that_another_hides_gets_a_label() -> None:
    text = (
        "cnndsl 1\nnet Hidden\ninput x 4@8x8\nrelu\n"
        "def block():\n    residual:\n        relu -> conv 1x1 4\nb: block\nblock\n"
        "head a train:\n    relu -> conv 1x1 4\n    add relu1\n    relu from x\n"
        "head x.b train:\n    relu from relu1\n"
    )
    written = check_round_trip(network(text))
    assert "at_relu1: skip\n" in written
    assert "b.add1: add at_relu1\n" in written


def test_heads_within_heads_and_without_layers() -> None:
    text = (
        "cnndsl 1\nnet Heads\ninput x @8\nfc 8\n"
        "head a train:\n    fc 4\n    head b train:\n        fc 2\n    fc 3\n    skip from fc1\n"
        "head empty train:\n    skip from x\n"
        "fc 5\n"
        "head outer train:\n    head inner train:\n        fc 2\n"
        "    head none train:\n        skip\n"
        "loss cross_entropy(a) - 0.25*cross_entropy(a.b) + cross_entropy(outer.inner)/4\n"
    )
    written = check_round_trip(network(text))
    assert "    head b train:\n" in written


def test_settings_that_are_numbers_words_and_blocks() -> None:
    text = (
        "cnndsl 1\ndef mine(): relu\nnet S(n=-2, f=0.125, act=tanh, own=mine, e=1e-7)\n"
        "input x @8\nact\nown\nfc (4-n)\n"
    )
    written = check_round_trip(network(text))
    assert "def mine(): skip\nnet S(n=-2, f=0.125, act=tanh, own=mine, e=1e-07)\n" in written


@pytest.mark.parametrize("coefficients", [(1.0,), (-1.0, 2.0), (-0.5, -0.25), (1e-7, 0.0)])
def test_losses(coefficients: tuple[float, ...]) -> None:
    net = network("cnndsl 1\nnet L\ninput x @8\ny: fc 8\n")
    terms = [LossTerm(coefficient=c, function="mse", arguments=("y", "x")) for c in coefficients]
    check_round_trip(net.model_copy(update={"loss": tuple(terms)}))


@pytest.mark.usefixtures("untraced")
def test_many_heads_take_time_in_line_with_their_number() -> None:
    heads = "".join(f"head h{number} train:\n    fc 1\n" for number in range(6000))
    net = network(f"cnndsl 1\nnet N\ninput x 3@8x8\n{heads}relu\n")
    start = time.process_time()
    assert flat(net).count("head h") == 6000
    assert time.process_time() - start < 2
