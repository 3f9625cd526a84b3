"""Sub-networks: they read back, compute the same, and keep their parameters' names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl import resources
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.specs import load
from cnndsl.surgery import cut, split_head, value_at
from cnndsl.weights import initial_weights
from tests.support.networks import networks
from tests.support.specs import network
from tests.surgery.running import SMALL, answers, noise, reads_back

TWO = """cnndsl 1
net Two
input left 1@8x8
input right 1@8x8
a: conv 3x3 4 same relu from left
b: reuse a from right
both: concat a
"""


@pytest.mark.parametrize(
    ("at", "value", "shape"),
    [
        ("stem", "stem.relu1", "8@16x16"),
        ("stem.bn1", "stem.bn1", "8@16x16"),
        ("part", "part", "8@16x16"),
        ("part.conv1", "part.conv1", "8@16x16"),
        ("last", "last.dropout1", "4@16x16"),
        ("logits", "logits.fc1", "@5"),
    ],
)
def test_a_label_is_the_end_of_its_line(at: str, value: str, shape: str) -> None:
    net = network(SMALL)
    assert value_at(net, at) == value
    made = cut(net, at)
    reads_back(made)
    assert made.outputs == (value,)
    assert str(made.shapes[value]) == shape
    assert not made.heads
    assert not made.loss
    assert made.steps == net.steps[: len(made.steps)]


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("image", "`image` is an input of Small: no layer comes before it"),
        ("aux", "`aux` exists in training alone; name a value that inference makes"),
        ("stm", "Small has no value `stm`; did you mean `stem`?"),
        ("conv1", "Small has no value `conv1`; did you mean `part.conv1`?"),
        (
            "zzz",
            "Small has no value `zzz`; its last values are `last.relu1`, `last.dropout1`, "
            "`logits`, `logits.fc1`",
        ),
    ],
)
def test_what_cant_be_cut_at(at: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        cut(network(SMALL), at)
    assert str(caught.value) == message


def test_blocks_are_suggested_too() -> None:
    with pytest.raises(UsageError, match="did you mean `stage3`"):
        cut(load("resnet152")[0], "stag3")


def test_a_cut_computes_what_the_whole_did() -> None:
    net = network(SMALL)
    x, weights = noise(2, 3, 16, 16), initial_weights(net)
    (logits,) = answers(net, weights, x)
    part, again = answers(cut(net, "part", "logits"), weights, x)
    assert np.array_equal(again, logits)
    assert np.array_equal(part, answers(cut(net, "part"), weights, x)[0])


def test_weights_keep_their_names_when_their_owner_is_cut_off() -> None:
    made = cut(network(TWO), "b")
    reads_back(made)
    assert [i.name for i in made.inputs] == ["right"]
    assert [(s.name, s.inputs, s.shares) for s in made.steps] == [
        ("a", ("right",), None),
        ("b.relu1", ("a",), None),
    ]


@pytest.mark.parametrize("name", resources.zoo_names()[::4])
def test_zoo(name: str) -> None:
    net = load(name)[0]
    steps = net.without_heads()
    for step in (steps[0], steps[len(steps) // 2], steps[-1]):
        reads_back(cut(net, step.name))


@given(networks(), st.data())
def test_any_cut_reads_back(net: Network, data: st.DataObject) -> None:
    names = [s.name for s in net.without_heads()]
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    reads_back(cut(net, *chosen))


def test_two_parts_compute_what_the_whole_did() -> None:
    net = network(SMALL)
    x, weights = noise(2, 3, 16, 16), initial_weights(net)
    first, second = cut(net, "part"), cut(net, start="part")
    reads_back(second)
    assert [(i.name, str(i.shape)) for i in second.inputs] == [("part", "8@16x16")]
    (code,) = answers(first, weights, x)
    assert np.array_equal(answers(second, weights, code)[0], answers(net, weights, x)[0])
    (between,) = answers(cut(net, "last", start="part"), weights, code)
    assert np.array_equal(between, answers(cut(net, "last"), weights, x)[0])


def test_what_shares_weights_with_the_other_part_has_them_under_their_name() -> None:
    made = cut(network("cnndsl 1\nnet R\ninput x 4@8x8\na: conv 1x1 4\nb: reuse a\n"), start="a")
    reads_back(made)
    assert [(s.name, s.inputs, s.shares) for s in made.steps] == [("a", ("a_",), None)]
    assert made.outputs == ("a",)


@pytest.mark.parametrize(
    ("start", "at", "message"),
    [
        ("stem", "stem", "no layer lies behind `stem`: the part ends with it"),
        ("last", "stem", "`stem.relu1` isn't made of `last`"),
        ("part.conv1", "part", "`part` takes `stem.relu1`, which isn't made of `part.conv1`"),
    ],
)
def test_where_no_part_can_begin(start: str, at: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        cut(network(SMALL), at, start=start)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", resources.zoo_names()[::4])
def test_zoo_in_two_parts(name: str) -> None:
    net = load(name)[0]
    made = cut(net, start="code" if name == "conv_vae" else split_head(net).features)
    reads_back(made)
    assert made.outputs == net.outputs
