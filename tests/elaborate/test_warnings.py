"""Warnings: what is allowed but probably not meant, each once."""

import pytest

from cnndsl.elaborate.scope import MOST_FINDINGS
from tests.support.specs import warnings, with_input

FOUND = {
    # filters left out in the first layer
    "conv 3x3 same": ["first-layer-filters: so it has 3"],
    "conv 3x3 8 -> conv 3x3 same": [],
    "dwconv 3x3": [],
    "a: conv 3x3 same\nconv 3x3 same from image\nadd a": [
        "first-layer-filters: so it has 3",
        "first-layer-filters: so it has 3",
    ],
    # pixels that no window reaches
    "pool 3x3": ["pool-discards: the last 2 rows and the last 2 columns"],
    "pool 3x2": ["pool-discards: reads the last 2 rows"],
    "avgpool 3x3": ["pool-discards: the last 2 rows and the last 2 columns"],
    "pool 3x3 ceil": [],
    "pool 3x3 same": [],
    "pool 3x3 s2": ["pool-discards: the last row and the last column"],
    "pool 3x3 s2 p1": [],
    "pool 2x2": [],
    "pool 1x1 s3": [],
    "conv 3x3 8 s2": [],
    "for i in 1 2:\n    pool 3x3": ["pool-discards: 3@32x32"],
    # biases that a norm takes off
    "conv 3x3 8\nbn": ["lost-bias: the bias of `conv1` does nothing: `bn1` takes the mean"],
    "conv 3x3 8 bias\nbn": [],
    "conv 3x3 8 nobias\nbn": [],
    "conv 3x3 8 -> bn": [],
    "conv 3x3 8 relu\nbn": [],
    "a: conv 3x3 8\nbn\nadd a": [],
    "a: conv 3x3 8\nbn\noutput a bn1": [],
    "a: conv 3x3 8\nb: bn\nbn from a\nadd b": ["lost-bias: `a`"],
    "def c(n): conv 3x3 n\nc 8\nbn": ["lost-bias: `c1.conv1` does nothing: `bn1`"],
    "def norm(): bn\ndwconv 3x3\nnorm": ["lost-bias: `dwconv1` does nothing: `norm1.bn1`"],
    "def c(n): conv 3x3 n p1\nc 8\nbn\nc 8\nrelu": ["lost-bias: `c1.conv1`"],
    "a: conv 3x3 3 p1\nbn\nreuse a\nbn": ["lost-bias: `a`"],
    "a: conv 3x3 3 p1\nbn\nreuse a\nrelu": [],
    "fc 8\nbn": ["lost-bias: `fc1`"],
    "deconv 3x3 4\nbn": ["lost-bias: `deconv1`"],
    "scale\nbn": ["lost-bias: `scale1`"],
    "scale nobias\nbn": [],
    "scale 0.5\nbn": [],
    "conv 3x3 8\nln": [],
    # values that nobody reads
    "a: relu\ntanh from image": ["unread-value: `a`"],
    "a: relu\ntanh from image\noutput a": ["unread-value: `tanh1`"],
    "a: relu\ntanh from image\noutput a tanh1": [],
    "a: fc 3\nb: fc 3 from image\nloss mse(a, b)": [],
    "head aux train:\n    fc 3\nfc 3": [],
    "head aux train:\n    a: fc 3\n    fc 3 from image\nfc 3": ["unread-value: `aux.a`"],
    "P: pool 2x2\nrelu\nunpool P": [],
    "a: pool 2x2\ncrop to=a from image": [],
}


@pytest.mark.parametrize("body, expected", FOUND.items(), ids=FOUND)
def test_warnings(body: str, expected: list[str]) -> None:
    found = warnings(with_input(body))
    assert [w.code for w in found] == [text.partition(":")[0] for text in expected]
    for warning, text in zip(found, expected, strict=True):
        assert text.partition(": ")[2] in warning.message
        assert warning.severity == "warning"


def test_an_input_that_nobody_reads() -> None:
    (warning,) = warnings("input a 3@8x8\ninput b 3@8x8\nrelu\n")
    assert (warning.code, warning.span and warning.span.line) == ("unread-value", 1)


def test_a_warning_in_a_block_has_the_calls_that_led_there() -> None:
    (warning,) = warnings(with_input("def f(): pool 3x3\nf -> pool 2x2"))
    assert [frame.text for frame in warning.frames] == ["f"]


def test_one_place_warns_once() -> None:
    text = "net A\ninput x 3@35x35\ndef f(): pool 2x2\nf from x\na: f from x\nconcat f1.pool1\n"
    assert [w.code for w in warnings(text)] == ["pool-discards"]


def test_as_many_warnings_as_there_would_be_errors() -> None:
    inputs = "".join(f"input x{number} 3@4x4\n" for number in range(3 * MOST_FINDINGS))
    assert len(warnings(f"cnndsl 1\nnet N\n{inputs}relu\n")) == MOST_FINDINGS
