"""`scale` with numbers that stand in the line: what is said about training there says nothing."""

from __future__ import annotations

import pytest

from cnndsl.layers.scale import Scale
from tests.support.specs import errors, network, with_input
from tests.surgery.running import reads_back


@pytest.mark.parametrize("word", ["shared", "initial=0.5", "nobias"])
def test_fixed_numbers_leave_nothing_to_train(word: str) -> None:
    (found,) = errors(with_input(f"scale 2 {word}"))
    name = word.partition("=")[0]
    assert found.code == "fixed-and-trained"
    assert found.span and found.span.text == word
    assert f"`{name}` says nothing" in found.message


def test_before_a_batch_norm_fixed_numbers_stay_as_they_are() -> None:
    net = network(with_input("scale 2 -> bn -> scale -> bn"))
    assert [s.layer for s in net.steps if s.layer.word == "scale"] == [
        Scale(factor=2),
        Scale(bias=False),
    ]
    reads_back(net)
