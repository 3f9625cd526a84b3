"""Numbers: expressions, functions, `let`, `for`, conditions and templates."""

import pytest

from tests.support.specs import codes, errors, listing, network, with_input

NUMBERS = {
    "1 + 2*3": 7,
    "(1 + 2)*3": 9,
    "7//2": 3,
    "7%4": 3,
    "8/2": 4,
    "2**10": 1024,
    "2**3**2": 512,
    "-2 + 5": 3,
    "10 - 2 - 3": 5,
    "1e2": 100,
    "n*2": 8,
    "C": 3,
    "C*n": 12,
    "16 if C == 3 else 8": 16,
    "16 if n < C else 8": 8,
    "16 if n > C and C > 2 else 8": 16,
    "16 if n < C or C > 2 else 8": 16,
    "16 if not n == C else 8": 16,
    "16 if n != C else 8": 16,
    "16 if C <= 3 else 8": 16,
    "16 if C >= 4 else 8": 8,
    "16 if 0 else 8 if 1 else 4": 8,
    "round8(20)": 24,
    "round8(19)": 24,
    "round8(11)": 16,
    "round8(10)": 16,
    "round8(1)": 8,
    "round8(C*5.4)": 16,
    "min(3, 5, 4)": 3,
    "max(3, 5)": 5,
    "floor(2.7)": 2,
    "ceil(2.1)": 3,
    "round(2.6)": 3,
    "int(2.9)": 2,
    "sqrt(16)": 4,
    "abs(2-5)": 3,
    "log2(8)": 3,
    "max(1, round8(C/4))": 8,
    "3*(act == relu) + 1": 4,
    "3*(act == tanh) + 1": 1,
}


@pytest.mark.parametrize("expression, value", NUMBERS.items(), ids=NUMBERS)
def test_numbers(expression: str, value: int) -> None:
    body = f"def f(n, act): fc ({expression})\nf 4 act=relu"
    assert str(network(with_input(body)).steps[-1].output) == f"@{value}"


def test_a_condition_looks_no_further_than_it_must() -> None:
    network(with_input("let n = 0\nrelu\ntanh if n and 1/n > 2\ntanh if not n or 1/n > 2"))


WRONG = {
    "1/0": ["division-by-zero 1/0"],
    "1//0": ["division-by-zero 1//0"],
    "1%0": ["division-by-zero 1%0"],
    "0**-1": ["division-by-zero 0**-1"],
    "sqrt(1-2)": ["no-such-number sqrt(1-2)"],
    "log2(0)": ["no-such-number log2(0)"],
    "(1-2)**0.5": ["no-such-number (1-2)**0.5"],
    "2**54": ["number-too-large 2**54"],
    "2**65": ["number-too-large 65"],
    "1e300*1e300": ["number-too-large 1e300"],
    "4*3e15": ["number-too-large 4*3e15"],
    "foo(3)": ["unknown-function foo(3)"],
    "min(3)": ["wrong-arguments min(3)"],
    "sqrt()": ["wrong-arguments sqrt()"],
    "nothing + 1": ["unknown-name nothing"],
    "relu + 1": ["not-a-number relu"],
    "image + 1": ["not-a-number image"],
    "k + 1": ["not-a-number k"],
    "1 if relu else 2": ["not-a-number relu"],
    "C{n}": ["unknown-name C{n}"],
    "C{0-n}": ["negative-part 0-n"],
    "C{n/3}": ["not-whole n/3"],
}


@pytest.mark.parametrize("expression, expected", WRONG.items(), ids=WRONG)
def test_what_has_no_value(expression: str, expected: list[str]) -> None:
    body = f"def f(n, k):\n    let x = {expression}\n    fc x\nf 4 3x3"
    assert codes(with_input(body)) == expected


def test_the_numbers_of_a_limit_are_in_its_message() -> None:
    (error,) = errors(with_input("fc (2**60)"))
    assert "9,007,199,254,740,992" in error.message
    (error,) = errors(with_input("fc (1**65)"))
    assert "65 is more than 64" in error.message


LOOPS = {
    "rows of values": ("for n in 4 8:\n    fc n", "@4 @8"),
    "rows of several": ("for n, k in (4, 2) (8, 1):\n    fc n *k", "@4 @4 @8"),
    "computed rows": ("let w = 3\nfor n in w (2*w) max(w,9):\n    fc n", "@3 @6 @9"),
    "numbers counted": ("for i in range(1, 3) 7:\n    fc i", "@1 @2 @7"),
    "a computed count": ("let n = 3\nfor i in range(n):\n    fc (i+1)", "@1 @2 @3"),
    "layers": ("for act in relu tanh:\n    fc 3 act", "@3 @3 @3 @3"),
    "values of the net": ("a: fc 3\nb: fc 4\nfor x in a b:\n    tanh from x", "@3 @4 @3 @4"),
    "loops in loops": ("for a in 1 2:\n    for b in 3 4:\n        fc (10*a+b)", "@13 @14 @23 @24"),
    "lets of a body": ("for a in 1 2:\n    let b = a*a\n    fc b", "@1 @4"),
    "in a block": ("def f(n):\n    for a in 1 2:\n        fc (a*n)\nf 5", "@5 @10"),
    "a condition on the loop's variable": ("for a in 1 2 3:\n    fc a if a != 2", "@1 @3"),
    "labels by the loop's variable": (
        "for i in 1 2:\n    P{i}: fc i\nfor i in 2 1:\n    tanh from P{i}",
        "@1 @2 @2 @1",
    ),
    "lets at the top are seen in blocks": ("let n = 5\ndef f(): fc n\nf", "@5"),
    "lets below a block too": ("def f(): fc n\nlet n = 5\nf", "@5"),
}


@pytest.mark.parametrize("body, shapes", LOOPS.values(), ids=LOOPS)
def test_loops_and_lets(body: str, shapes: str) -> None:
    assert [str(s.output) for s in network(with_input(body)).steps] == shapes.split()


def test_a_size_may_be_computed() -> None:
    assert listing(network(with_input("let k = 5\nconv {k}x1 4 -> reshape 4@{32*28}x{1}"))) == [
        "conv1 = conv 5x1 4 (image) 4@28x32",
        "reshape1 = reshape 4@896x1 (conv1) 4@896x1",
    ]


OUT_OF_SIGHT = {
    "a loop's variable below it": "for n in 1 2:\n    fc n\nfc n",
    "a body's let below it": "residual:\n    let n = 3\n    conv 1x1 n\nfc n",
    "a loop's variable in a block": "def f(): fc n\nfor n in 1 2:\n    f",
    "a block's parameter outside": "def f(n): fc n\nf 3\nfc n",
}


@pytest.mark.parametrize("body", OUT_OF_SIGHT.values(), ids=OUT_OF_SIGHT)
def test_variables_end_with_their_body(body: str) -> None:
    assert codes(with_input(body)) == ["unknown-word n"]


def test_channels_have_no_meaning_outside_a_block() -> None:
    assert codes(with_input("fc C")) == ["no-channels-here C"]
    assert codes(with_input("fc (2*C)")) == ["no-channels-here C"]


def test_a_range_takes_one_or_two_numbers() -> None:
    (error,) = errors(with_input("for i in range(1, 2, 3):\n    fc i"))
    assert error.code == "wrong-arguments"
    (error,) = errors(with_input("for i in range(0.5):\n    fc i"))
    assert error.code == "not-whole"


def test_target_is_the_second_value_of_a_loss() -> None:
    (error,) = errors(with_input("y: conv 3x3 3 same\nloss l1(target, y)"))
    assert error.message == "`target` is the second value of `l1`"
    assert error.help == "write `l1(y, target)`"
