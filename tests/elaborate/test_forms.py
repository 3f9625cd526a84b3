"""Residuals, branches, training heads: what they become and what they refuse."""

import pytest

from tests.support.specs import codes, errors, listing, network, with_input

LISTED = {
    "a residual adds its body to its input": (
        "residual relu:\n    conv 3x3 3 p1 bn",
        [
            "conv1 = conv 3x3 3 p1 nobias (image) 3@32x32",
            "bn1 = bn (conv1) 3@32x32",
            "add1 = add (bn1 image) 3@32x32",
            "relu1 = relu (add1) 3@32x32",
        ],
    ),
    "project where shapes differ": (
        "residual project:\n    conv 3x3 8 s2 p1",
        [
            "conv1 = conv 3x3 8 s2 p1 (image) 8@16x16",
            "project1 = conv 1x1 8 s2 nobias (image) 8@16x16",
            "project1.bn1 = bn (project1) 8@16x16",
            "add1 = add (conv1 project1.bn1) 8@16x16",
        ],
    ),
    "project where only the channels differ": (
        "residual project:\n    conv 1x1 8",
        [
            "conv1 = conv 1x1 8 (image) 8@32x32",
            "project1 = conv 1x1 8 nobias (image) 8@32x32",
            "project1.bn1 = bn (project1) 8@32x32",
            "add1 = add (conv1 project1.bn1) 8@32x32",
        ],
    ),
    "project where they don't": (
        "residual project:\n    relu",
        ["relu1 = relu (image) 3@32x32", "add1 = add (relu1 image) 3@32x32"],
    ),
    "pad is without parameters": (
        "residual pad:\n    conv 3x3 8 s2 p1",
        [
            "conv1 = conv 3x3 8 s2 p1 (image) 8@16x16",
            "pool1 = pool 1x1 s2 (image) 3@16x16",
            "widen1 = widen 8 (pool1) 8@16x16",
            "add1 = add (conv1 widen1) 8@16x16",
        ],
    ),
    "pad where only the channels differ": (
        "residual pad:\n    conv 1x1 8",
        [
            "conv1 = conv 1x1 8 (image) 8@32x32",
            "widen1 = widen 8 (image) 8@32x32",
            "add1 = add (conv1 widen1) 8@32x32",
        ],
    ),
    "ifsame drops the skip where shapes differ": (
        "residual ifsame relu:\n    conv 1x1 8\nresidual ifsame relu:\n    conv 1x1 8",
        [
            "conv1 = conv 1x1 8 (image) 8@32x32",
            "relu1 = relu (conv1) 8@32x32",
            "conv2 = conv 1x1 8 (relu1) 8@32x32",
            "add1 = add (conv2 relu1) 8@32x32",
            "relu2 = relu (add1) 8@32x32",
        ],
    ),
    "without a body, the two-conv block": (
        "residual 8 s2",
        [
            "residual1.conv1 = conv 3x3 8 s2 p1 nobias (image) 8@16x16",
            "residual1.bn1 = bn (residual1.conv1) 8@16x16",
            "residual1.relu1 = relu (residual1.bn1) 8@16x16",
            "residual1.conv2 = conv 3x3 8 p1 nobias (residual1.relu1) 8@16x16",
            "residual1.bn2 = bn (residual1.conv2) 8@16x16",
            "residual1.project1 = conv 1x1 8 s2 nobias (image) 8@16x16",
            "residual1.project1.bn1 = bn (residual1.project1) 8@16x16",
            "residual1.add1 = add (residual1.bn2 residual1.project1.bn1) 8@16x16",
            "residual1.relu2 = relu (residual1.add1) 8@16x16",
        ],
    ),
    "branches in written order": (
        "concat:\n    | conv 1x1 2\n    | skip\n    | conv 1x1 4 -> relu",
        [
            "conv1 = conv 1x1 2 (image) 2@32x32",
            "conv2 = conv 1x1 4 (image) 4@32x32",
            "relu1 = relu (conv2) 4@32x32",
            "concat1 = concat (conv1 image relu1) 9@32x32",
        ],
    ),
    "add and mul": (
        "add relu:\n    | tanh\n    | elu\nmul:\n    | skip\n    | gap sigmoid",
        [
            "tanh1 = tanh (image) 3@32x32",
            "elu1 = elu (image) 3@32x32",
            "add1 = add (tanh1 elu1) 3@32x32",
            "relu1 = relu (add1) 3@32x32",
            "gap1 = gap (relu1) 3@1x1",
            "sigmoid1 = sigmoid (gap1) 3@1x1",
            "mul1 = mul (relu1 sigmoid1) 3@32x32",
        ],
    ),
    "branches within branches": (
        "concat:\n    | relu\n    | concat:\n        | tanh\n        | elu\n      -> selu",
        [
            "relu1 = relu (image) 3@32x32",
            "tanh1 = tanh (image) 3@32x32",
            "elu1 = elu (image) 3@32x32",
            "concat1 = concat (tanh1 elu1) 6@32x32",
            "selu1 = selu (concat1) 6@32x32",
            "concat2 = concat (relu1 selu1) 9@32x32",
        ],
    ),
    "a branch may take another input": (
        "a: relu\ntanh\nadd:\n    | elu\n    | selu from a",
        [
            "a = relu (image) 3@32x32",
            "tanh1 = tanh (a) 3@32x32",
            "elu1 = elu (tanh1) 3@32x32",
            "selu1 = selu (a) 3@32x32",
            "add1 = add (elu1 selu1) 3@32x32",
        ],
    ),
    "a branch that its condition leaves out isn't there": (
        "concat:\n    | relu\n    | tanh if 0\n    | elu *0\n    | selu",
        [
            "relu1 = relu (image) 3@32x32",
            "selu1 = selu (image) 3@32x32",
            "concat1 = concat (relu1 selu1) 6@32x32",
        ],
    ),
    "a branch that is left alone needs no merge": (
        "mul relu:\n    | tanh\n    | gap sigmoid if 0",
        ["tanh1 = tanh (image) 3@32x32", "relu1 = relu (tanh1) 3@32x32"],
    ),
    "a head goes aside": (
        "relu\nhead aux train:\n    fc 4 relu\n    fc 2\ntanh",
        [
            "relu1 = relu (image) 3@32x32",
            "aux.fc1 = fc 4 (relu1) @4 head aux",
            "aux.relu1 = relu (aux.fc1) @4 head aux",
            "aux.fc2 = fc 2 (aux.relu1) @2 head aux",
            "tanh1 = tanh (relu1) 3@32x32",
        ],
    ),
    "a head from elsewhere": (
        "a: relu\nfc 4\nhead aux train:\n    tanh from a",
        [
            "a = relu (image) 3@32x32",
            "fc1 = fc 4 (a) @4",
            "aux.tanh1 = tanh (a) 3@32x32 head aux",
        ],
    ),
    "a head in a block": (
        "def b():\n    relu\n    head aux train:\n        fc 2\nb\nx: b",
        [
            "b1.relu1 = relu (image) 3@32x32",
            "b1.aux.fc1 = fc 2 (b1.relu1) @2 head b1.aux",
            "x.relu1 = relu (b1.relu1) 3@32x32",
            "x.aux.fc1 = fc 2 (x.relu1) @2 head x.aux",
        ],
    ),
}


LOOPS = {
    "concat:\n    | skip\n    for d in 2 3:\n        | conv 3x3 4 p=d d=d -> relu\n    | bn": (
        "concat:\n    | skip\n    | conv 3x3 4 p2 d2 -> relu\n    | conv 3x3 4 p3 d3 -> relu\n"
        "    | bn"
    ),
    "add:\n    for k, s in (1, 1) (3, 2):\n        for n in 4 4:\n"
    "            | conv n k=k p=(k//2)\n            -> relu\n        | conv 1x1 4": (
        "add:\n"
        "    | conv 4 k1 p0 -> relu\n    | conv 4 k1 p0 -> relu\n    | conv 1x1 4\n"
        "    | conv 4 k3 p1 -> relu\n    | conv 4 k3 p1 -> relu\n    | conv 1x1 4"
    ),
    "concat:\n    for i in range(2):\n        | residual:\n            bn\n        -> relu": (
        "concat:\n    | residual:\n        bn\n    -> relu\n"
        "    | residual:\n        bn\n    -> relu"
    ),
    "concat:\n    for i in range(1):\n        | relu": "relu",
    # res2net: each branch goes on from the one before
    "y0: relu\nconcat:\n    | skip\n    for i in 1 2:\n        | y{i}: conv 3x3 3 p1 from y{i-1}": (
        "y0: relu\nconcat:\n    | skip\n    | y1: conv 3x3 3 p1 from y0\n"
        "    | y2: conv 3x3 3 p1 from y1"
    ),
}
"""A loop among branches, and the same written out."""


@pytest.mark.parametrize("loop, written", LOOPS.items(), ids=range(len(LOOPS)))
def test_a_loop_makes_branches(loop: str, written: str) -> None:
    assert listing(network(with_input(loop))) == listing(network(with_input(written)))


@pytest.mark.parametrize("body, expected", LISTED.values(), ids=LISTED)
def test_algorithms(body: str, expected: list[str]) -> None:
    assert listing(network(with_input(body))) == expected


def test_heads_are_named_values() -> None:
    net = network(
        with_input("relu\nhead aux train:\n    fc 4\n    y: fc 2\nfc 2\nloss cross_entropy(aux)")
    )
    assert net.heads == {"aux": "aux.y"}
    assert net.outputs == ("fc1",)
    assert net.loss[0].arguments == ("aux.y",)
    assert [s.name for s in net.without_heads()] == ["relu1", "fc1"]


WRONG = {
    "residual:\n    conv 1x1 8": ["residual-shape-mismatch residual"],
    "residual project:\n    fc 8": ["residual-shape-mismatch residual"],
    "residual pad:\n    conv 1x1 2": ["residual-shape-mismatch residual"],
    "residual project relu": ["unknown-word project"],
    "residual:\n    | relu\n    | tanh": ["unexpected-branches residual"],
    "residual 8:\n    relu": ["unexpected-argument 8"],
    "residual projct:\n    relu": ["unknown-word projct"],
    "x: relu\nresidual x:\n    relu": ["unexpected-argument x"],
    "concat:\n    relu": ["missing-branches concat"],
    "concat:\n    | relu": ["missing-branches concat"],
    "concat:\n    | relu if 0\n    | tanh if 0": ["missing-branches concat"],
    "concat:\n    for i in range(0):\n        | relu": ["missing-branches concat"],
    "concat:\n    for i in 1 2:\n        relu": ["missing-branches concat"],
    "concat:\n    for i in x:\n        | relu\n    | y: relu\nrelu from y": ["unknown-name x"],
    "concat:\n    for i in 1 2:\n        | y: relu\n    | tanh": ["name-taken y"],
    "residual:\n    for i in 1 2:\n        | relu": ["unexpected-branches residual"],
    "x: relu\nconcat x:\n    | relu\n    | tanh": ["unexpected-argument x"],
    "concat:\n    | relu\n    | pool 2x2": ["merge-shape-mismatch concat"],
    "head aux:\n    fc 2": ["bad-head head aux"],
    "head train:\n    fc 2": ["bad-head head train"],
    "head a b train:\n    fc 2": ["bad-head head a b train"],
    "head aux train 3:\n    fc 2": ["bad-head head aux train 3"],
    "head aux train": ["bad-head head aux train"],
    "head aux train:\n    | fc 2\n    | fc 2": ["bad-head head aux train"],
    # inference can't need what exists in training alone
    "head aux train:\n    fc 2\nrelu from aux": ["head-needed relu"],
    "head aux train:\n    x: fc 2\nfc 2\nadd aux.x": ["head-needed add"],
    "head aux train:\n    x: fc 2\nfc 2\noutput aux": ["head-needed aux"],
    "head aux train:\n    x: conv 1x1 3\nreuse aux.x": ["head-needed reuse aux.x"],
}


@pytest.mark.parametrize("body, expected", WRONG.items(), ids=WRONG)
def test_wrong_forms(body: str, expected: list[str]) -> None:
    assert codes(with_input(body)) == expected


def test_a_head_may_read_another_head() -> None:
    body = "head a train:\n    x: conv 1x1 3\nhead b train:\n    relu from a\n    reuse a.x\nfc 2"
    assert network(with_input(body)).heads == {"a": "a.x", "b": "b.reuse1"}


HELPED = {
    "residual relu:\n    conv 3x3 8 s2 p1": (
        "write `residual project relu:` to project the skip, or drop `s2` from line 4"
    ),
    "residual:\n    conv 3x3 8 s2 p1\n    conv 3x3 8 s2 p1": (
        "write `residual project:` to project the skip"
    ),
    "residual:\n    conv 1x1 8": "write `residual project:` to project the skip",
    "residual:\n    conv 2x2 3": (
        "the body must keep the height and width, or divide them by a whole stride"
    ),
    "residual pad relu:\n    conv 1x1 2": "write `residual project relu:` to project the skip",
    "fc 8\nresidual project:\n    fc 4": "end the body with `fc 8`",
    "residual project:\n    fc 4": (
        "the body must end with a map like its input's, or with a vector like its input"
    ),
    "residual project:\n    conv 2x2 3": (
        "the body must keep the height and width, or divide them by a whole stride"
    ),
}


@pytest.mark.parametrize("body, help", HELPED.items(), ids=HELPED)
def test_what_to_do_about_a_residual(body: str, help: str) -> None:
    (error,) = errors(with_input(body))
    assert (error.code, error.help) == ("residual-shape-mismatch", help)
