"""A layer with its numbers is a value: `act=(leaky 0.1)`."""

from __future__ import annotations

import pytest

from cnndsl.layers.activations import Elu, Leaky
from cnndsl.layers.base import Layer
from cnndsl.show.flat import flat
from cnndsl.source import Source
from cnndsl.specs import load
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write
from tests.support.specs import errors

UNIT = "def unit(n, a=leaky 0.2): conv 1x1 n a\n"


def last(text: str, **settings: int | float | str) -> Layer:
    spec = f"cnndsl 1\nnet N(act=relu)\ninput x 3@4x4\n{text}\n"
    return load(spec, settings)[0].steps[-1].layer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (UNIT + "unit 4", Leaky(slope=0.2)),
        (UNIT + "unit 4 a=(leaky 0.1)", Leaky(slope=0.1)),
        (UNIT + "unit 4 (leaky 0.1)", Leaky(slope=0.1)),
        (UNIT + "unit 4 a=leaky", Leaky()),
        (UNIT + "unit 4 a=(elu 0.5 if 2 > 1 else leaky 0.1)", Elu(alpha=0.5)),
        (UNIT + "unit 4 a=(relu if 1 > 2 else leaky 0.1)", Leaky(slope=0.1)),
        ("let a = leaky 0.4\nconv 1x1 4 bn a", Leaky(slope=0.4)),
        ("conv 1x1 4 (leaky 0.7)", Leaky(slope=0.7)),
        ("for a, n in (leaky 0.6, 2) (leaky 0.5, 4):\n    conv 1x1 n a", Leaky(slope=0.5)),
        ("def b(m):\n    conv 1x1 4\n    m\nb m=(leaky 0.1)", Leaky(slope=0.1)),
    ],
)
def test_a_layer_with_a_number(text: str, expected: Layer) -> None:
    assert last(text) == expected


def test_a_setting_with_a_number() -> None:
    assert last("conv 1x1 4 act", act="leaky 0.3") == Leaky(slope=0.3)
    network, _ = load("net N(a=leaky 0.3)\ninput x 3@4x4\nconv 1x1 4 a")
    assert network.settings == {"a": "leaky 0.3"}
    assert load(flat(network))[0].steps[-1].layer == Leaky(slope=0.3)


def test_comparisons_look_at_the_layer_alone() -> None:
    assert last("def b(a): conv 1x1 (4 if a == leaky else 8) a\nb a=(leaky 0.1)") == Leaky(
        slope=0.1
    )


@pytest.mark.parametrize(
    "line",
    [
        "unit 4 a=(leaky 0.1)",
        "unit 4 a=(elu 0.5 if n > 1 else leaky 0.1)",
        "def unit(n, a=leaky 0.1): conv 1x1 n a",
        "let a = leaky 0.1",
    ],
)
def test_it_is_written_as_it_is_read(line: str) -> None:
    assert write(parse(Source("net.cnn", f"cnndsl 1\n{line}\n"))).endswith(f"{line}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (UNIT + "unit 4 a=leaky 0.1", "in parentheses: `a=(leaky 0.1)`"),
        ("let n = 3\nconv 1x1 4 (n 0.1)", "`n` is a number, so no number follows it"),
        ("conv 1x1 4 (relu 0.1)", "`relu` takes no number"),
    ],
)
def test_what_is_wrong(text: str, said: str) -> None:
    (found,) = errors(f"input x 3@4x4\n{text}")
    assert said in f"{found.message} {found.help}"
