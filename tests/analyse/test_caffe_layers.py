"""Layer by layer against the original prototxts: shape, parameters and MACs in order."""

from __future__ import annotations

import pytest

from cnndsl.shape import Shape
from tests.analyse.facts import Fact, analysed, facts

LAYERS = facts("caffe_layers")
AT_227 = ("squeezenet1_0", "squeezenet1_1")  # Caffe's input; the zoo's is torchvision's 224

Figures = tuple[str, int, int]


def expected(net: str) -> list[Figures]:
    """Caffe's layers without the softmax, its batch norm and scale as the one layer they are."""
    rows = [fact for fact in LAYERS if fact["net"] == net and fact["type"] != "Softmax"]
    followed = [*rows[1:], None]
    return [
        _caffe(fact)
        for fact, after in zip(rows, followed, strict=True)
        if not (fact["type"] == "BatchNorm" and after is not None and after["type"] == "Scale")
    ]


def _caffe(fact: Fact) -> Figures:
    return fact["output"], int(fact["params"]), int(fact["macs"])


def found(net: str) -> list[Figures]:
    analysis = analysed(net, "image=3@227x227" if net in AT_227 else "")
    return [
        (_shape(row.output), row.params, row.macs or 0)
        for row in analysis.rows
        if row.step.head is None and row.layer.word not in ("flatten", "reshape")
    ]


def _shape(shape: Shape) -> str:
    return "x".join(map(str, (shape.channels, *(shape.space or (1, 1)))))


@pytest.mark.parametrize("net", sorted({fact["net"] for fact in LAYERS} - {"squeezenet1_0"}))
def test_layers_in_order(net: str) -> None:
    assert found(net) == expected(net)


def test_squeezenet_1_0_but_for_the_padding_of_its_last_convolution() -> None:
    """The prototxt pads conv10, a 1x1 convolution, by a pixel; torchvision and the zoo don't."""
    *before, conv10, relu, pool = expected("squeezenet1_0")
    *same, ours, ours_relu, ours_pool = found("squeezenet1_0")
    assert same == before
    assert (conv10[0], ours[0]) == ("1000x15x15", "1000x13x13")
    assert ours[1] == conv10[1]
    assert ours[2] * 15 * 15 == conv10[2] * 13 * 13
    assert ours_relu[0] == ours[0] and relu[0] == conv10[0]
    assert ours_pool == pool
