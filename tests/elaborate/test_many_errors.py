"""As many errors as there are come out of one run, each once, and none that follows from others."""

import pytest

from cnndsl.elaborate.scope import MOST_FINDINGS
from tests.support.specs import codes, errors, with_input

INDEPENDENT = {
    "three lines": (
        "conv 3x3 0\npol 2x2\nbn momentum=0.9",
        ["invalid-argument 0", "unknown-layer pol", "refused-argument momentum=0.9"],
    ),
    "several arguments of one op": (
        "conv 3x3 foo=1 s0 q=2",
        ["unknown-argument foo=1", "unknown-argument q=2"],
    ),
    "several fields of one layer": (
        "conv 0x0 0 s0",
        ["invalid-argument 0x0", "invalid-argument 0", "invalid-argument s0"],
    ),
    "ops of one chain": (
        "conv 3x3 0 -> pol 2x2 -> relu 3",
        ["invalid-argument 0", "unknown-layer pol", "unexpected-argument 3"],
    ),
    "branches": (
        "concat:\n    | conv 3x3 0\n    | pol 2x2\n    | skip",
        ["invalid-argument 0", "unknown-layer pol"],
    ),
    "in and after a body": (
        "residual:\n    conv 3x3 0\nrelu 3",
        ["invalid-argument 0", "unexpected-argument 3"],
    ),
    "in a block and in its call's line": (
        "def f(n): conv 3x3 0\nf 3 rleu",
        ["unknown-word rleu"],
    ),
    "in a block and behind it": (
        "def f(n): conv 3x3 0\nf 3 -> rleu",
        ["invalid-argument 0", "unknown-layer rleu"],
    ),
    "two shapes on two ways": (
        "a: conv 3x3 4\nconv 40x40 4\nconv 50x50 3 from a",
        ["window-too-large 40x40", "window-too-large 50x50"],
    ),
    "settings, layers and outputs": (
        "let x = 1/0\nconv 3x3 0\noutput y\nloss foo(conv1)",
        [
            "division-by-zero 1/0",
            "invalid-argument 0",
            "unknown-value y",
            "unknown-loss foo(conv1)",
        ],
    ),
    "a label that can't be": (
        "relu: conv 3x3 0\ntanh",
        ["reserved-name relu", "invalid-argument 0"],
    ),
}


@pytest.mark.parametrize("body, expected", INDEPENDENT.values(), ids=INDEPENDENT)
def test_independent_errors_come_together(body: str, expected: list[str]) -> None:
    assert codes(with_input(body)) == expected


FOLLOWING = {
    "shapes after a layer that isn't known": "convv 3x3 64\npool 90x90\nconv 3x3 4 g7\nfc 10",
    "a value that couldn't be made": "x: convv 3x3 64\nconcat x\nadd x\ntanh from x\nreuse x",
    "a name in its scope": "x: convv 3x3 64 relu\ntanh from x.relu1",
    "the number of a missing layer": "cnov 3x3 64\ntanh from conv1",
    "a wrong layer's own number": "conv 3x3 0\ntanh from conv1",
    "labels in a body that isn't read": (
        "residul:\n    x: relu\n    for i in 1 2:\n        P{i}: relu\nconcat x P1\ntanh from P2"
    ),
    "labels in branches that aren't read": (
        "concat x:\n    | a: relu\n    | concat:\n        | b: relu\n        | c: tanh\nadd a b c"
    ),
    "a head without its word": "head aux:\n    y: fc 2\nloss cross_entropy(aux) + mse(y, y)",
    "a head's name": "head relu train:\n    y: fc 2\nloss mse(y, y)",
    "a variable without value": "let n = 1/0\nfc n\nlet m = n + 1\nconv 3x3 m\nrelu if m\nrelu *n",
    "a variable by another's name": (
        "let n = 1/0\ndef f(k): fc k\nf n\nf k=n\nfor i in n 2:\n    fc i"
    ),
    "a loop that can't run": "for relu in 1 2:\n    P{relu}: fc 2\nconcat P1 P2",
    "a loop over nothing known": "for e in nothing:\n    P1: fc 2\nconcat P1",
    "a label with a wrong value": "P{1/0}: relu\nconcat P1 P2",
    "a block's wrong call": "def f(n):\n    x: fc n\na: f\ntanh from a.x\nconcat a",
    "a block's own number": "def f(n):\n    x: fc n\nf\ntanh from f1.x",
    "channels that aren't known": (
        "convv 3x3 4\ndef f():\n    fc C\n    relu if C > 3\n    relu *C\nf"
    ),
    "a broken head of a block": "def f(n, n): fc n\nf 1 2\nf",
    "a residual of an unknown body": "residual:\n    convv 3x3 4\n    pool 2x2\nfc 10",
    "a merge with an unknown branch": "concat:\n    | convv 3x3 4\n    | pool 2x2\nfc 10",
    "an unpool of an unknown pool": "P: poool 2x2\nunpool P",
    "an input that isn't known": "input other 0@4x4\nconv 90x90 4\nadd other",
    "a condition that isn't known": "x: relu if nothing\ntanh from x",
    "a source that isn't known": "x: relu from nothing\ntanh from x\nadd x",
    "an argument behind a wrong word": "conv 3x3 64 stride 2",
    "weights of a wrong line": "x: convv 3x3 4\ny: reuse x\nadd y",
    "a variable with a layer's name": "let pad = 1\nconv 3x3 8 p=pad\nfc (8*pad)",
    "a block that stands further down": "f 3\nf 4\ndef f(n): fc n",
    "the loss of a wrong value": "x: fc 0\nloss mse(x, image)\noutput x",
    "a reuse that broke off": "a: conv 1x1 4 -> fc 3\nb: reuse a\nconcat b\ntanh from b.fc1",
}


@pytest.mark.parametrize("body", FOLLOWING.values(), ids=FOLLOWING)
def test_what_follows_from_an_error_stays_silent(body: str) -> None:
    assert len(codes(with_input(body))) == 1, codes(with_input(body))


ONCE = {
    "a repeated line": "conv 3x3 0 *50",
    "a block called often": "def f(n): conv 3x3 (n-n)\nf 3 *50",
    "a block called on many lines": "def f(): conv 3x3 0\n" + "f from image\n" * 50,
    "a loop": "for n in 1 2 3 4 5:\n    conv 3x3 (n-n)",
    "an unknown layer in a loop": "for n in 1 2 3 4 5:\n    convv 3x3 n from image",
    "an unknown value in a block": "def f(): relu from nothing\nf *50",
}


@pytest.mark.parametrize("body", ONCE.values(), ids=ONCE)
def test_one_place_is_reported_once(body: str) -> None:
    assert len(codes(with_input(body))) == 1


def test_there_is_an_end_to_errors() -> None:
    body = "\n".join(f"conv 3x3 {'-'}{i}" for i in range(1, 3 * MOST_FINDINGS))
    assert len(codes(with_input(body))) == MOST_FINDINGS


FRAMES = {
    "a block": (
        "def f(n): conv 3x3 (n-n)\nf 3",
        ["`f 3` at net.cnn:4:1"],
    ),
    "blocks in blocks": (
        "def f(n): conv 3x3 (n-n)\ndef g(n): f n\ng 3 relu",
        ["`f n` at net.cnn:4:11", "`g 3 relu` at net.cnn:5:1"],
    ),
    "loops": (
        "for n, k in (1, 2) (3, 4):\n    for m in 5:\n        conv 3x3 (n-n)",
        ["`for m in 5` at net.cnn:4:14", "`for n, k in (1, 2)` at net.cnn:3:14"],
    ),
    "a loop around a block": (
        "def f(n): conv 3x3 (n-3)\nfor n in 4 3:\n    f n",
        ["`f n` at net.cnn:5:5", "`for n in 3` at net.cnn:4:12"],
    ),
    "a block of the prelude": (
        "bottleneck 0",
        ["`bottleneck 0` at net.cnn:3:1"],
    ),
    "a reuse": (
        "def f(): conv 3x3 3\na: f\npool 15x15\nreuse a",
        ["`f` at net.cnn:4:4", "`reuse a` at net.cnn:6:1"],
    ),
    "none": ("conv 3x3 0", []),
}


@pytest.mark.parametrize("body, expected", FRAMES.values(), ids=FRAMES)
def test_the_way_to_an_error(body: str, expected: list[str]) -> None:
    (error, *_) = errors(with_input(body))
    rendered = error.render().split("\n")
    assert [line.removeprefix("  from: ") for line in rendered if "from:" in line] == expected


def test_the_error_of_the_languages_design() -> None:
    """Word for word, mark for mark."""
    text = (
        "cnndsl 1\nnet MyNet\ninput image 3@224x224\n\n"
        "def stage(n, blocks):\n"
        "    conv 3x3 64 same relu\n"
        "    residual relu:\n"
        "        conv 3x3 n s2 p1 bn relu\n"
        "        conv 3x3 n p1 bn\n"
        "conv 7x7 64 s2 p3 bn relu\n"
        "pool 3x3 s2 p1\n"
        "stage 128 4\n"
    )
    (error,) = errors(text)
    assert error.render().replace("net.cnn", "mynet.cnn") == (
        "error[residual-shape-mismatch]: the body turns 64@56x56 into 128@28x28, "
        "so it can't be added to its input\n"
        "  --> mynet.cnn:7:5\n"
        "   7 |     residual relu:\n"
        "     |     ^^^^^^^^\n"
        "  help: write `residual project relu:` to project the skip, or drop `s2` from line 8\n"
        "  from: `stage 128 4` at mynet.cnn:12:1"
    )
