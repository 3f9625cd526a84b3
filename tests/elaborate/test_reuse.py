"""`reuse` repeats a labelled line with its weights."""

import pytest

from tests.support.specs import codes, errors, listing, network, with_input

LISTED = {
    "weights, not layers without weights": (
        "a: conv 3x3 3 same bn relu\nreuse a",
        [
            "a = conv 3x3 3 same nobias (image) 3@32x32",
            "a.bn1 = bn (a) 3@32x32",
            "a.relu1 = relu (a.bn1) 3@32x32",
            "reuse1 = conv 3x3 3 same nobias (a.relu1) 3@32x32 shares a",
            "reuse1.bn1 = bn (reuse1) 3@32x32 shares a.bn1",
            "reuse1.relu1 = relu (reuse1.bn1) 3@32x32",
        ],
    ),
    "under a label, on another input": (
        "a: conv 3x3 3 same\npool 2x2\nb: reuse a from image",
        [
            "a = conv 3x3 3 same (image) 3@32x32",
            "pool1 = pool 2x2 (a) 3@16x16",
            "b = conv 3x3 3 same (image) 3@32x32 shares a",
        ],
    ),
    "on another size": (
        "a: conv 3x3 3 same\npool 2x2\nreuse a",
        [
            "a = conv 3x3 3 same (image) 3@32x32",
            "pool1 = pool 2x2 (a) 3@16x16",
            "reuse1 = conv 3x3 3 same (pool1) 3@16x16 shares a",
        ],
    ),
    "with words of its own": (
        "a: conv 1x1 3\nreuse a bn relu",
        [
            "a = conv 1x1 3 (image) 3@32x32",
            "reuse1 = conv 1x1 3 (a) 3@32x32 shares a",
            "bn1 = bn (reuse1) 3@32x32",
            "relu1 = relu (bn1) 3@32x32",
        ],
    ),
    "a repeated line": (
        "a: conv 1x1 3 *2\nreuse a",
        [
            "a.conv1 = conv 1x1 3 (image) 3@32x32",
            "a.conv2 = conv 1x1 3 (a.conv1) 3@32x32",
            "reuse1.conv1 = conv 1x1 3 (a.conv2) 3@32x32 shares a.conv1",
            "reuse1.conv2 = conv 1x1 3 (reuse1.conv1) 3@32x32 shares a.conv2",
        ],
    ),
    "repeated itself": (
        "a: conv 1x1 3\nreuse a *2",
        [
            "a = conv 1x1 3 (image) 3@32x32",
            "reuse1 = conv 1x1 3 (a) 3@32x32 shares a",
            "reuse2 = conv 1x1 3 (reuse1) 3@32x32 shares a",
        ],
    ),
    "a block": (
        "def f(n):\n    x: conv 1x1 n\n    conv 1x1 3\na: f 4\nb: reuse a",
        [
            "a.x = conv 1x1 4 (image) 4@32x32",
            "a.conv1 = conv 1x1 3 (a.x) 3@32x32",
            "b.x = conv 1x1 4 (a.conv1) 4@32x32 shares a.x",
            "b.conv1 = conv 1x1 3 (b.x) 3@32x32 shares a.conv1",
        ],
    ),
    "a part of a block": (
        "def f(n):\n    x: conv 1x1 n\n    conv 1x1 3\na: f 4\nreuse a.x",
        [
            "a.x = conv 1x1 4 (image) 4@32x32",
            "a.conv1 = conv 1x1 3 (a.x) 3@32x32",
            "reuse1 = conv 1x1 4 (a.conv1) 4@32x32 shares a.x",
        ],
    ),
    "within a block": (
        "def f():\n    x: conv 1x1 3\n    reuse x\nf\nf",
        [
            "f1.x = conv 1x1 3 (image) 3@32x32",
            "f1.reuse1 = conv 1x1 3 (f1.x) 3@32x32 shares f1.x",
            "f2.x = conv 1x1 3 (f1.reuse1) 3@32x32",
            "f2.reuse1 = conv 1x1 3 (f2.x) 3@32x32 shares f2.x",
        ],
    ),
    "of a line that reuses": (
        "a: conv 1x1 3\nb: reuse a\nreuse b",
        [
            "a = conv 1x1 3 (image) 3@32x32",
            "b = conv 1x1 3 (a) 3@32x32 shares a",
            "reuse1 = conv 1x1 3 (b) 3@32x32 shares a",
        ],
    ),
    "of a block that reuses": (
        "def f():\n    x: conv 1x1 3\n    reuse x\n    conv 1x1 3\na: f\nreuse a",
        [
            "a.x = conv 1x1 3 (image) 3@32x32",
            "a.reuse1 = conv 1x1 3 (a.x) 3@32x32 shares a.x",
            "a.conv1 = conv 1x1 3 (a.reuse1) 3@32x32",
            "reuse1.x = conv 1x1 3 (a.conv1) 3@32x32 shares a.x",
            "reuse1.reuse1 = conv 1x1 3 (reuse1.x) 3@32x32 shares a.x",
            "reuse1.conv1 = conv 1x1 3 (reuse1.reuse1) 3@32x32 shares a.conv1",
        ],
    ),
    "a residual that projects": (
        "a: residual project:\n    conv 1x1 4\nb: reuse a from image",
        [
            "a.conv1 = conv 1x1 4 (image) 4@32x32",
            "a.project1 = conv 1x1 4 nobias (image) 4@32x32",
            "a.project1.bn1 = bn (a.project1) 4@32x32",
            "a = add (a.conv1 a.project1.bn1) 4@32x32",
            "b.conv1 = conv 1x1 4 (image) 4@32x32 shares a.conv1",
            "b.project1 = conv 1x1 4 nobias (image) 4@32x32 shares a.project1",
            "b.project1.bn1 = bn (b.project1) 4@32x32 shares a.project1.bn1",
            "b = add (b.conv1 b.project1.bn1) 4@32x32",
        ],
    ),
    "its own pool's switches": (
        "def f():\n    P: pool 2x2\n    unpool P\na: f\nreuse a",
        [
            "a.P = pool 2x2 (image) 3@16x16",
            "a.unpool1 = unpool (a.P a.P image) 3@32x32",
            "reuse1.P = pool 2x2 (a.unpool1) 3@16x16",
            "reuse1.unpool1 = unpool (reuse1.P reuse1.P a.unpool1) 3@32x32",
        ],
    ),
}


@pytest.mark.parametrize("body, expected", LISTED.values(), ids=LISTED)
def test_reuse(body: str, expected: list[str]) -> None:
    assert listing(network(with_input(body))) == expected


WRONG = {
    "reuse": ["missing-argument reuse"],
    "reuse 3": ["missing-argument reuse 3"],
    "reuse nothing": ["unknown-value nothing"],
    "conv 1x1 3\nreuse conv1": ["not-a-label conv1"],
    "reuse image": ["not-a-label image"],
    "a: conv 1x1 3\nreuse a 64": ["unexpected-argument 64"],
    "a: conv 1x1 3\nreuse a s2": ["unknown-option s2"],
    "a: conv 1x1 3\nb: relu\nreuse a b": ["unexpected-argument b"],
    "a: conv 1x1 3\nreuse a:\n    relu": ["unexpected-body reuse"],
    "a: conv 1x1 4\nreuse a": ["reuse-mismatch reuse a"],
    "a: fc 4\nreuse a": ["reuse-mismatch reuse a"],
    # another input, other layers
    "a: residual project:\n    conv 1x1 4\nreuse a": ["reuse-mismatch reuse a"],
    "def f():\n    bn if C == 3\n    relu if C == 4\n    conv 1x1 4\na: f\nreuse a": [
        "reuse-mismatch reuse a"
    ],
    "def f():\n    bn *C\n    relu\na: f\nconv 1x1 4\nreuse a": ["reuse-mismatch reuse a"],
    "def f():\n    bn *(6-C)\n    relu\na: f\nconv 1x1 4\nreuse a": ["reuse-mismatch reuse a"],
    "def f(): skip *C\na: f\nrelu\nreuse a": [],
}


@pytest.mark.parametrize("body, expected", WRONG.items(), ids=WRONG)
def test_wrong_reuse(body: str, expected: list[str]) -> None:
    if expected:
        assert codes(with_input(body)) == expected
    else:
        network(with_input(body))


def test_an_error_in_a_repetition_leaves_no_trace_below() -> None:
    """What follows takes no weights from the line whose repetition broke off."""
    body = "a: conv 1x1 4 -> fc 3\nb: reuse a\nconv 1x1 3 from image\nconv 1x1 0"
    assert codes(with_input(body)) == ["reuse-mismatch reuse a", "invalid-argument 0"]


def test_what_the_weights_were_made_for() -> None:
    (error,) = errors(with_input("a: conv 1x1 4\nreuse a"))
    assert error.message == "the weights of `a` don't fit an input of 4@32x32"
    assert error.help == "they were made for 3@32x32"
