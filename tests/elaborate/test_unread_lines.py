"""Lines with an error of form hide no other mistake, and bring none of their own."""

from __future__ import annotations

import pytest

from cnndsl.diagnostics import SpecError
from cnndsl.specs import load

START = "net A(classes=10)\ninput x 3@32x32\n"


def codes(text: str) -> list[tuple[str, int]]:
    with pytest.raises(SpecError) as caught:
        load(text)
    return [(d.code, d.span.line if d.span else 0) for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input x 32x32x3\nconv 3 x 3 8\n", [("shape-order", 1), ("split-size", 2)]),
        (START + "conv 3x3 3*n\nconvv 8\n", [("missing-parentheses", 3), ("unknown-layer", 4)]),
        (
            START + "a: conv ( 3\ngap from a\nadd b\n",
            [("unclosed-parenthesis", 3), ("unknown-word", 5)],
        ),
        (
            START + "let n = = 3\nconv 3x3 n\nfc clases\n",
            [("unexpected-token", 3), ("unknown-word", 5)],
        ),
        (
            START + "def f(n:\n    conv 3x3 n\nf 8\nfc q\n",
            [("unclosed-parenthesis", 3), ("unknown-word", 6)],
        ),
        (
            START + "concat:\n    | conv 3x3 )\n    | conv 3x3 8 stride\nfc m\n",
            [("unopened-parenthesis", 4), ("unknown-word", 5), ("unknown-word", 6)],
        ),
        (
            "net A(classes 10)\ninput x 3@8x8\nfc classes\nfc clas\n",
            [("unexpected-token", 1), ("unknown-word", 4)],
        ),
        (
            START + "for n in 3 4\n    conv 3x3 n\nconv 3x3 m\n",
            [("missing-colon", 3), ("unknown-word", 5)],
        ),
        (
            "net A(deep=1)\ninput x 3@8x8\nif deep:\n    conv 3x3 8\n    bn\nfc m\n",
            [("reserved-name", 3), ("unknown-word", 6)],
        ),
        (
            START + "def head(n):\n    gap\n    fc n\nconv 3x3 8\nhead 10\na: head 5 relu\nadd a\n"
            "concat:\n    | head 4\n    | relu\nfc m\noutput a\n",
            [("reserved-name", 3), ("unknown-word", 13)],
        ),
        (
            START + "def skip(n): conv 1x1 n\nskip 3 -> relu\nresidual:\n    skip 3\nfc m\n",
            [("reserved-name", 3), ("unknown-word", 7)],
        ),
        (
            START + "s1: conv 3x3 8\nk2: relu from s1\nadd s1\nlinear: fc 3\n"
            "output s1 k2 linear\nloss mse(s1, k2)\n",
            [("reserved-name", 3), ("reserved-name", 4)],
        ),
        (
            START + "head: fc 3\nrelu from head\nfc m\noutput head\nloss cross_entropy(head)\n",
            [("reserved-name", 3), ("unknown-word", 5)],
        ),
    ],
)
def test_all_mistakes_and_only_they(text: str, expected: list[tuple[str, int]]) -> None:
    assert codes(text) == expected


def test_lines_that_do_not_fit_together_are_all_there_is() -> None:
    assert codes(START + "    conv 3x3 8\nfc clases\n") == [("unexpected-indent", 3)]
