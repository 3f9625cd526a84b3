"""Lines: chains and trailing words, `*k`, `from`, `if`, and the bias before a batch norm."""

import pytest

from tests.support.specs import codes, listing, network, with_input

LISTED = {
    "words are layers in written order": (
        "conv 3x3 8 bn relu",
        [
            "conv1 = conv 3x3 8 nobias (image) 8@30x30",
            "bn1 = bn (conv1) 8@30x30",
            "relu1 = relu (bn1) 8@30x30",
        ],
    ),
    "options may stand anywhere": (
        "conv s2 8 relu nobias 3x3",
        ["conv1 = conv 3x3 8 s2 nobias (image) 8@15x15", "relu1 = relu (conv1) 8@15x15"],
    ),
    "an arrow at the start of the next line": (
        "conv 1x1 8\n-> relu\n    -> pool 2x2",
        [
            "conv1 = conv 1x1 8 (image) 8@32x32",
            "relu1 = relu (conv1) 8@32x32",
            "pool1 = pool 2x2 (relu1) 8@16x16",
        ],
    ),
    "an arrow after a body": (
        "residual:\n    relu\n-> pool 2x2",
        [
            "relu1 = relu (image) 3@32x32",
            "add1 = add (relu1 image) 3@32x32",
            "pool1 = pool 2x2 (add1) 3@16x16",
        ],
    ),
    "a layer with its own number": (
        "conv 1x1 8 -> leaky 0.2",
        ["conv1 = conv 1x1 8 (image) 8@32x32", "leaky1 = leaky 0.2 (conv1) 8@32x32"],
    ),
    "from takes another input": (
        "a: relu\ntanh\nelu from a",
        [
            "a = relu (image) 3@32x32",
            "tanh1 = tanh (a) 3@32x32",
            "elu1 = elu (a) 3@32x32",
        ],
    ),
    "from holds for the line's first op": (
        "a: relu\ntanh\nelu -> selu from a",
        [
            "a = relu (image) 3@32x32",
            "tanh1 = tanh (a) 3@32x32",
            "elu1 = elu (a) 3@32x32",
            "selu1 = selu (elu1) 3@32x32",
        ],
    ),
    "a repeat takes the whole line": (
        "relu -> tanh *2",
        [
            "relu1 = relu (image) 3@32x32",
            "tanh1 = tanh (relu1) 3@32x32",
            "relu2 = relu (tanh1) 3@32x32",
            "tanh2 = tanh (relu2) 3@32x32",
        ],
    ),
    "only the first of a repeat takes from": (
        "a: relu\ntanh\nelu from a *2",
        [
            "a = relu (image) 3@32x32",
            "tanh1 = tanh (a) 3@32x32",
            "elu1 = elu (a) 3@32x32",
            "elu2 = elu (elu1) 3@32x32",
        ],
    ),
    "a repeat of none": ("relu\ntanh *0", ["relu1 = relu (image) 3@32x32"]),
    "a computed repeat": (
        "let n = 3\nrelu *(n-1)",
        ["relu1 = relu (image) 3@32x32", "relu2 = relu (relu1) 3@32x32"],
    ),
    "a condition keeps or drops the line": (
        "relu if 1 > 2\ntanh if 1 < 2",
        ["tanh1 = tanh (image) 3@32x32"],
    ),
    "all three tails": (
        "a: relu\ntanh\nelu from a *2 if 1",
        [
            "a = relu (image) 3@32x32",
            "tanh1 = tanh (a) 3@32x32",
            "elu1 = elu (a) 3@32x32",
            "elu2 = elu (elu1) 3@32x32",
        ],
    ),
    "filters left out are as many as the input has": (
        "conv 3x3 same",
        ["conv1 = conv 3x3 same (image) 3@32x32"],
    ),
    "a word in parentheses": (
        "let deep = 0\nconv 1x1 8 (relu if deep else tanh)",
        ["conv1 = conv 1x1 8 (image) 8@32x32", "tanh1 = tanh (conv1) 8@32x32"],
    ),
    "a layer by a variable": (
        "let act = hswish\nconv 1x1 8 act\nact",
        [
            "conv1 = conv 1x1 8 (image) 8@32x32",
            "hswish1 = hswish (conv1) 8@32x32",
            "hswish2 = hswish (hswish1) 8@32x32",
        ],
    ),
    "skip makes no step": ("skip relu\nskip", ["relu1 = relu (image) 3@32x32"]),
    "merging with a label: the current value comes first": (
        "a: conv 1x1 4\nb: conv 1x1 8\nconv 1x1 2\nconcat a b",
        [
            "a = conv 1x1 4 (image) 4@32x32",
            "b = conv 1x1 8 (a) 8@32x32",
            "conv1 = conv 1x1 2 (b) 2@32x32",
            "concat1 = concat (conv1 a b) 14@32x32",
        ],
    ),
    "a merge with words": (
        "a: relu\ntanh\nadd a relu",
        [
            "a = relu (image) 3@32x32",
            "tanh1 = tanh (a) 3@32x32",
            "add1 = add (tanh1 a) 3@32x32",
            "relu1 = relu (add1) 3@32x32",
        ],
    ),
    "what takes a label by key": (
        "a: pool 2x2\ncrop to=a from image",
        ["a = pool 2x2 (image) 3@16x16", "crop1 = crop (image a) 3@16x16"],
    ),
    "unpool takes switches and size from its pool": (
        "P: pool 2x2 s2\nrelu\nunpool P",
        [
            "P = pool 2x2 s2 (image) 3@16x16",
            "relu1 = relu (P) 3@16x16",
            "unpool1 = unpool (relu1 P image) 3@32x32",
        ],
    ),
    "sample doesn't take the line above": (
        "m: fc 4\nv: fc 4 from image\nsample m v",
        ["m = fc 4 (image) @4", "v = fc 4 (image) @4", "sample1 = sample (m v) @4"],
    ),
}


@pytest.mark.parametrize("body, expected", LISTED.values(), ids=LISTED)
def test_lines(body: str, expected: list[str]) -> None:
    assert listing(network(with_input(body))) == expected


BIASES = {  # how the convolution stands to the batch norm, and whether it has a bias
    "conv 1x1 4": True,
    "conv 1x1 4 bn": False,
    "conv 1x1 4 -> bn": False,
    "conv 1x1 4\n-> bn": False,
    "conv 1x1 4 -> bn eps=1e-3": False,
    "conv 1x1 4\nbn": True,
    "conv 1x1 4 relu bn": True,
    "conv 1x1 4 relu -> bn": True,
    "conv 1x1 4 bias bn": True,
    "conv 1x1 4 bn bias": True,
    "conv 1x1 4 nobias": False,
    "conv 1x1 4 bias -> bn": True,
    "conv 1x1 4 bn *2": False,
    "x: conv 1x1 4 bn": False,
    "let act = bn\nconv 1x1 4 act": False,
    "let act = bn\nconv 1x1 4 -> act": False,
    "let act = bn\nconv 1x1 4 (act)": False,
    "let act = relu\nconv 1x1 4 act bn": True,
    "def f(act): conv 1x1 4 act\nf act=bn": False,
    "def f(act=bn): conv 1x1 4 act\nf act=relu": True,
    "def f(): conv 1x1 4\nf bn": True,
    "def f(): bn\nconv 1x1 4 f": True,
    "residual bn:\n    conv 1x1 3": True,
    "concat:\n    | conv 1x1 4 -> bn\n    | skip": False,
    "for n in 4 4:\n    conv 1x1 n bn": False,
    "a: conv 1x1 3\nreuse a bn": True,
    "dwconv 3x3 bn": False,
    "deconv 2x2 4 s2 bn": False,
    "fc 4 bn": False,
    "fc 4 -> bn": False,
    "fc 4\nbn": True,
}


@pytest.mark.parametrize("body, has_bias", BIASES.items(), ids=BIASES)
def test_a_bias_gives_way_to_the_next_chained_batch_norm(body: str, has_bias: bool) -> None:
    (first, *_) = (s.layer for s in network(with_input(body)).steps if hasattr(s.layer, "bias"))
    assert getattr(first, "bias") is has_bias  # noqa: B009


WRONG = {
    # ops
    "convv 3x3 4": ["unknown-layer convv"],
    "_": ["unknown-layer _"],
    "relu -> _ relu": ["unknown-layer _"],
    "let n = 3\nn 4": ["not-a-layer n"],
    "x: relu\nx": ["not-a-layer x"],
    "def f(k): k\nf 3x3": ["not-a-layer k"],
    "relu:\n    tanh": ["unexpected-body relu"],
    "skip:\n    tanh": ["unexpected-body skip"],
    "x: relu\nunpool x": ["not-a-pool x"],
    "unpool image": ["not-a-pool image"],
    "x: pool 2x2 relu\nunpool x": ["not-a-pool x"],
    # tails
    "relu from nothing": ["unknown-value nothing"],
    "relu from relu": ["unknown-value relu"],
    "relu *1.5": ["not-whole 1.5"],
    "relu *(0-1)": ["bad-repeat 0-1"],
    "relu *20001": ["bad-repeat 20001"],
    "relu *relu": ["not-a-number relu"],
    "relu if relu": ["not-a-number relu"],
    "x: relu if 0\ntanh from x": ["unknown-value x"],
    "x: relu *0\ntanh from x": ["unknown-value x"],
}


@pytest.mark.parametrize("body, expected", WRONG.items(), ids=WRONG)
def test_wrong_lines(body: str, expected: list[str]) -> None:
    assert codes(with_input(body)) == expected
