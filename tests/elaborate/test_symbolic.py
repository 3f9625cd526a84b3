"""Sizes that are names: what becomes of them, and what they must satisfy."""

import pytest

from tests.support.specs import codes, errors, network, with_input

SHAPES = {
    "conv 3x3 4 same": "4@HxW",
    "conv 3x3 4": "4@H-2xW-2",
    "conv 3x3 4 s2 p1": "4@(H+1)//2x(W+1)//2",
    "pool 2x2": "1@H//2xW//2",
    "pool 2x2 -> pool 2x2": "1@H//4xW//4",
    "deconv 2x2 4 s2": "4@2*Hx2*W",
    "upsample 3x2": "1@3*Hx2*W",
    "pad 1": "1@H+2xW+2",
    "gap": "1@1x1",
    "gap -> fc 10": "@10",
    "conv 1x1 3 bn relu": "3@HxW",
}


@pytest.mark.parametrize("line, shape", SHAPES.items(), ids=SHAPES)
def test_shapes(line: str, shape: str) -> None:
    net = network(with_input(line, "1@HxW"))
    assert str(net.steps[-1].output) == shape
    assert net.conditions == ()


UNET = """
def two(n): conv 3x3 n same bn relu *2
e1: two 8
pool 2x2 s2
e2: two 16
pool 2x2 s2
two 32
for e, n in (e2, 16) (e1, 8):
    deconv 2x2 n s2
    concat e
    two n
conv 1x1 2
"""

CONDITIONS = {
    "a U-Net": (UNET, ["H must be divisible by 4", "W must be divisible by 4"]),
    "one axis": (
        "a: relu\npool 2x1 -> upsample 2x1\nadd a",
        ["H must be divisible by 2"],
    ),
    "both at once": (
        "a: relu\npool 2x1 -> upsample 2x1\nadd a\npool 3x1 -> upsample 3x1\nadd a",
        ["H must be divisible by 6"],
    ),
    "with an odd size": (
        "a: relu\nconv 3x1 1 s2x1 -> upsample 2x1\npad p=(1,0,0,0)\nadd a",
        ["H must leave 1 when divided by 2"],
    ),
    "one of several remainders": (
        "conv 3x1 1 s2x1 p1x0\nx: pool 2x1\nconv 3x1 1 s2x1 p1x0 from conv1\nadd x",
        ["H must leave 0 or 3 when divided by 4"],
    ),
    "in a residual": (
        "residual:\n    pool 4x4\n    upsample 4x4",
        ["H must be divisible by 4", "W must be divisible by 4"],
    ),
    "none where sizes are equal as they are": ("a: pool 2x2\npool 2x2 from image\nadd a", []),
}


@pytest.mark.parametrize("body, expected", CONDITIONS.values(), ids=CONDITIONS)
def test_conditions(body: str, expected: list[str]) -> None:
    assert [str(c) for c in network(with_input(body, "1@HxW")).conditions] == expected


def test_a_projection_follows_symbolic_sizes() -> None:
    net = network(with_input("residual 8 s2", "1@HxW"))
    assert str(net.steps[-1].output) == "8@(H+1)//2x(W+1)//2"
    assert net.conditions == ()


WRONG = {
    "fc 3": ["needs-fixed-size fc"],
    "conv 3x3 4 s2 same": ["symbolic-same same"],
    "a: relu\nconv 3x3 1\nadd a": ["merge-shape-mismatch add"],
    # two conditions that no size satisfies
    "a: relu\npool 2x1 -> upsample 2x1\nadd a\nconv 3x1 1 s2x1 -> upsample 2x1 -> pad p=(1,0,0,0)"
    "\nadd a": ["impossible-size add"],
    # sizes that are too hard to follow
    "pool 2x2 *21": ["symbolic-too-complex pool"],
    "upsample 2x2 *41": ["symbolic-too-complex upsample"],
    "a: relu\ndef f(k):\n    pool k=k -> upsample k=k\n    add a\n"
    "for k in 2 3 5 7 11 13 17 19:\n    f k": ["symbolic-too-complex add"],
}


@pytest.mark.parametrize("body, expected", WRONG.items(), ids=WRONG)
def test_wrong(body: str, expected: list[str]) -> None:
    assert codes(with_input(body, "1@HxW")) == expected


def test_both_conditions_are_named() -> None:
    body = (
        "a: relu\npool 2x1 -> upsample 2x1\nadd a\n"
        "conv 3x1 1 s2x1 -> upsample 2x1 -> pad p=(1,0,0,0)\nadd a"
    )
    (error,) = errors(with_input(body, "1@HxW"))
    assert error.message == (
        "H must leave 1 when divided by 2 here, but from above: H must be divisible by 2"
    )


def test_names_are_the_same_in_all_inputs() -> None:
    text = "input a 1@HxW\ninput b 1@{n}xW\nadd a\n"
    assert codes(text.replace("{n}", "K")) == ["merge-shape-mismatch add"]
    network(text.replace("{n}", "H"))
