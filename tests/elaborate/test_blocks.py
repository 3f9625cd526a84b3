"""`def`: parameters, defaults, `C`, what a body sees; and the prelude."""

import pytest

from tests.support.specs import codes, errors, listing, network, with_input

CALLS = {
    "by position": ("def f(a, b): fc (10*a+b)\nf 1 2", "@12"),
    "by key": ("def f(a, b): fc (10*a+b)\nf b=2 a=1", "@12"),
    "mixed": ("def f(a, b): fc (10*a+b)\nf b=2 1", "@12"),
    "by a short option": ("def f(n, s=1): conv 1x1 n s=s\nf 4 s2", "4@16x16"),
    "by a short option of two numbers": ("def f(n, s=1): conv 1x1 n s=s\nf 4 s1x2", "4@32x16"),
    "a default": ("def f(a, b=7): fc (10*a+b)\nf 1", "@17"),
    "a default of a parameter": ("def f(a, b=a*a): fc (10*a+b)\nf 3", "@39"),
    "a default of the channels": ("def f(a=C): fc a\nf", "@3"),
    "a default layer": ("def f(act=relu): fc 3 act\nf act=tanh", "@3 @3"),
    "a size": ("def f(k): conv k 4\nf 3x5", "4@30x28"),
    "a size by key": ("def f(k): conv k=k 4\nf k=3x5", "4@30x28"),
    "a size of one number": ("def f(k): conv k=k 4\nf k3", "4@30x30"),
    "a computed value": ("def f(n): fc n\nf (2*3)", "@6"),
    "a call of a function": ("def f(n): fc n\nf max(2,3)", "@3"),
    "a negative number": ("def f(n): fc (3-n)\nf -1", "@4"),
    "a variable": ("let m = 6\ndef f(n): fc n\nf m", "@6"),
    "a value's label": ("a: fc 4\ndef f(x): concat x\nf a", "@4 @8"),
    "a block as an argument": ("def g(): fc 5\ndef f(b): b\nf b=g", "@5"),
    "a layer in parentheses": ("def f(act): fc 3 act\nf (tanh)", "@3 @3"),
    "trailing words": ("def f(n): fc n\nf 4 relu tanh", "@4 @4 @4"),
    "a chain": ("def f(n): fc n\nf 4 -> relu -> f 5", "@4 @4 @5"),
    "on one line or several": ("def f(n):\n    fc n\n    relu\nf 4", "@4 @4"),
    "blocks of blocks": ("def g(n): fc n\ndef f(n): g (n+1) -> g (n+2)\nf 1", "@2 @3"),
    "the order of blocks doesn't matter": ("def f(n): g n\ndef g(n): fc n\nf 4", "@4"),
    "repeated": ("def f(n): fc n\nf 4 *2", "@4 @4"),
    "from": ("a: fc 4\nfc 5\ndef f(): relu\nf from a", "@4 @5 @4"),
    "a condition on a layer": ("def f(act): fc 3 (act == relu)\nf act=relu", None),
    "the channels at its entry": ("def f(): conv 1x1 (2*C) -> conv 1x1 C\nf", "6@32x32 3@32x32"),
    "the channels of each entry": (
        "def f(): conv 1x1 (2*C) -> conv 1x1 C\ndef g(): f -> conv 1x1 (C+1)\ng",
        "6@32x32 3@32x32 4@32x32",
    ),
    "the channels in a body": (
        "def f():\n    conv 1x1 8\n    residual:\n        conv 1x1 8\n    conv 1x1 C\nf",
        "8@32x32 8@32x32 8@32x32 3@32x32",
    ),
    "the channels of what from names": (
        "a: conv 1x1 7\nrelu from image\ndef f(): fc C\nf from a",
        "7@32x32 3@32x32 @7",
    ),
}


@pytest.mark.parametrize("body, shapes", CALLS.values(), ids=CALLS)
def test_calls(body: str, shapes: str | None) -> None:
    if shapes is None:
        assert codes(with_input(body)) == ["unexpected-argument (act == relu)"]
    else:
        assert [str(s.output) for s in network(with_input(body)).steps] == shapes.split()


WRONG = {
    "def f(n): fc n\nf": ["missing-argument f"],
    "def f(n): fc n\nf 1 2": ["unexpected-argument 2"],
    "def f(): relu\nf 1": ["unexpected-argument 1"],
    "def f(n): fc n\nf m=1": ["unknown-argument m=1"],
    "def f(n): fc n\nf 1 s2": ["unknown-argument s2"],
    "def f(n): fc n\nf 1 n=2": ["given-twice n=2"],
    "def f(n): fc n\nf n=2 1": ["given-twice 1"],
    "def f(k, n=8): fc n\nf k=1 2": ["given-twice 2"],
    "def f(n): fc n\nf 3@4x4": ["unexpected-argument 3@4x4"],
    "def f(n): fc n\nf n=(1,2)": ["not-a-number n=(1,2)"],
    "def f(n): fc n\nf nothing": ["unknown-word nothing"],
    "def f(n): fc n\nf n=nothing": ["unknown-name nothing"],
    "def f(n): fc n\nf 3:\n    relu": ["unexpected-body f"],
    "def f(n): fc n\nf relu": ["missing-argument f"],
    "f 3\ndef f(n): fc n": ["unknown-layer f"],
    "def f(n=nothing): fc n\nf": ["unknown-name nothing"],
    "def f(): f\nf": ["recursive-block f"],
    "def f(n): f (n-1) if n > 0\nf 2": ["recursive-block f"],
    "def f(): g\ndef g(): relu -> f\nf": ["recursive-block f"],
    "def f(b): b\nf b=f": ["recursive-block b"],
    "def f(k): conv 3x3 k\nf 3x3": ["given-twice k"],
    "residual 3x3 16": ["unexpected-argument 3x3"],
    "def f(k): conv 3x3 (k+1)\nf 3x3": ["not-a-number k"],
}


@pytest.mark.parametrize("body, expected", WRONG.items(), ids=WRONG)
def test_wrong_calls(body: str, expected: list[str]) -> None:
    assert codes(with_input(body)) == expected


def test_a_block_that_comes_back_to_itself_by_a_detour() -> None:
    (error,) = errors(with_input("def f(): g\ndef g(): h\ndef h(): f\nf"))
    assert error.message == "the block `f` calls itself by way of `g`, which never ends"


def test_a_missing_argument_shows_the_blocks_head() -> None:
    (error,) = errors(with_input("def f(n, s=1): fc n\nf"))
    assert error.help == "it is `def f(n, s=1)` at net.cnn:3:1"


PRELUDE = {  # outputs and the number of steps
    "basicblock 8 s2": ("8@16x16", 9),
    "bottleneck 8": ("32@32x32", 12),
    "bottleneck 8 s2": ("32@16x16", 12),
    "inception 4 3 6 2 4 5": ("19@32x32", 14),
    "mlpconv 8 6 4 k=5 s2 p2": ("4@16x16", 6),
    "fire 4 8": ("16@32x32", 7),
    "se 2": ("3@32x32", 6),
    "separable 8 s2": ("8@16x16", 6),
    "inverted 8 e=4 s2": ("8@16x16", 8),
    "inverted 3": ("3@32x32", 9),
    "inverted 3 e=1": ("3@32x32", 6),
}


@pytest.mark.parametrize("line, expected", PRELUDE.items(), ids=PRELUDE)
def test_the_prelude(line: str, expected: tuple[str, int]) -> None:
    net = network(with_input(line))
    assert (str(net.steps[-1].output), len(net.steps)) == expected


def test_conditions_on_the_channels() -> None:
    """An inverted residual as the language's design has it."""
    body = """
    def gate(r=4):
        mul:
            | skip
            | gap -> conv 1x1 round8(C/r) relu -> conv 1x1 C hsigmoid
    def ir(k, e, n, act=hswish, s=1, se4=1):
        residual ifsame:
            conv 1x1 e bn act if e != C
            dwconv k=k s=s half bn act
            gate 4 if se4
            conv 1x1 n bn
    conv 3x3 16 s2 p1
    ir 3 16 16 act=relu se4=0
    ir 5 64 24 s2
    """
    assert listing(network(with_input(body))) == [
        "conv1 = conv 3x3 16 s2 p1 (image) 16@16x16",
        "ir1.dwconv1 = dwconv k3 half nobias (conv1) 16@16x16",
        "ir1.bn1 = bn (ir1.dwconv1) 16@16x16",
        "ir1.relu1 = relu (ir1.bn1) 16@16x16",
        "ir1.conv1 = conv 1x1 16 nobias (ir1.relu1) 16@16x16",
        "ir1.bn2 = bn (ir1.conv1) 16@16x16",
        "ir1.add1 = add (ir1.bn2 conv1) 16@16x16",
        "ir2.conv1 = conv 1x1 64 nobias (ir1.add1) 64@16x16",
        "ir2.bn1 = bn (ir2.conv1) 64@16x16",
        "ir2.hswish1 = hswish (ir2.bn1) 64@16x16",
        "ir2.dwconv1 = dwconv k5 s2 half nobias (ir2.hswish1) 64@8x8",
        "ir2.bn2 = bn (ir2.dwconv1) 64@8x8",
        "ir2.hswish2 = hswish (ir2.bn2) 64@8x8",
        "ir2.gate1.gap1 = gap (ir2.hswish2) 64@1x1",
        "ir2.gate1.conv1 = conv 1x1 16 (ir2.gate1.gap1) 16@1x1",
        "ir2.gate1.relu1 = relu (ir2.gate1.conv1) 16@1x1",
        "ir2.gate1.conv2 = conv 1x1 64 (ir2.gate1.relu1) 64@1x1",
        "ir2.gate1.hsigmoid1 = hsigmoid (ir2.gate1.conv2) 64@1x1",
        "ir2.gate1.mul1 = mul (ir2.hswish2 ir2.gate1.hsigmoid1) 64@8x8",
        "ir2.conv2 = conv 1x1 24 nobias (ir2.gate1.mul1) 24@8x8",
        "ir2.bn3 = bn (ir2.conv2) 24@8x8",
    ]
