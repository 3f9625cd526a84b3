"""Names and paths of steps, labels, and one namespace without shadowing."""

import pytest

from cnndsl.elaborate.scope import LONGEST_NAME
from tests.support.specs import codes, errors, listing, names, network, with_input

NAMED = {
    "numbered per kind": ("conv 1x1 4\nrelu\nconv 1x1 4", "conv1 relu1 conv2"),
    "a relu renames no conv": ("conv 1x1 4 relu\nconv 1x1 4", "conv1 relu1 conv2"),
    "trailing words": ("conv 1x1 4 bn relu", "conv1 bn1 relu1"),
    "a chain": ("conv 1x1 4 -> relu -> pool 2x2", "conv1 relu1 pool1"),
    "a label": ("C1: conv 1x1 4", "C1"),
    "a label's scope": ("C1: conv 1x1 4 bn relu", "C1 C1.bn1 C1.relu1"),
    "a label doesn't count": ("C1: conv 1x1 4\nconv 1x1 4", "C1 conv1"),
    "a repeated label": ("x: conv 1x1 4 relu *2", "x.conv1 x.relu1 x.conv2 x.relu2"),
    "repeated once": ("x: conv 1x1 4 relu *1", "x x.relu1"),
    "a dotted label": ("a.b: relu\nrelu from a.b", "a.b relu1"),
    "a kind that ends in a digit": ("relu6\nrelu6", "relu6_1 relu6_2"),
    "the sixth relu": ("relu *6", "relu1 relu2 relu3 relu4 relu5 relu6_"),
    "a name that a label has taken": ("conv1: relu\nconv 1x1 4", "conv1 conv2"),
    "a block": ("def b(n): conv 1x1 n relu\nb 4\nb 4", "b1.conv1 b1.relu1 b2.conv1 b2.relu1"),
    "a labelled block": ("def b(n): conv 1x1 n relu\nx: b 4", "x.conv1 x.relu1"),
    "a block within a block": (
        "def a(): relu\ndef b(): a *2\nb",
        "b1.a1.relu1 b1.a2.relu1",
    ),
    "a label within a block": ("def b():\n    y: relu\n    tanh\nx: b", "x.y x.tanh1"),
    "a body opens no scope": ("residual:\n    relu\nrelu", "relu1 add1 relu2"),
    "a labelled body does": ("r: residual:\n    relu\nrelu", "r.relu1 r relu1"),
    "branches": ("concat:\n    | relu\n    | x: tanh", "relu1 x concat1"),
    "labelled branches": ("m: concat:\n    | relu\n    | x: tanh", "m.relu1 m.x m"),
    "words after a body": ("r: residual relu:\n    tanh", "r.tanh1 r r.relu1"),
    "a template": ("for i in 1 2:\n    P{i}: relu", "P1 P2"),
    "a template with two parts": ("for i, j in (1, 2):\n    P{i}_{2*j}x: relu", "P1_4x"),
    "a loop opens no scope": ("for i in 1 2:\n    relu", "relu1 relu2"),
    "a block with a short option's name": ("def s(): relu\ns\ns", "s_1.relu1 s_2.relu1"),
}


@pytest.mark.parametrize("body, expected", NAMED.values(), ids=NAMED)
def test_names(body: str, expected: str) -> None:
    assert names(network(with_input(body))) == expected.split()


FOUND = {
    "the line's end": ("C1: conv 1x1 4 relu\nfc 2\ntanh from C1", "C1.relu1"),
    "a step by its number": ("conv 1x1 4 relu\nfc 2\ntanh from conv1", "conv1"),
    "a step within a line": ("C1: conv 1x1 4 bn relu\nfc 2\ntanh from C1.bn1", "C1.bn1"),
    "a block's inside": ("def b():\n    y: relu\n    fc 2\nx: b\ntanh from x.y", "x.y"),
    "an unlabelled block's": ("def b(): relu\nb\nfc 2\ntanh from b1.relu1", "b1.relu1"),
    "an input": ("relu\ntanh from image", "image"),
    "by a template": ("P3: relu\nfc 2\nlet i = 2\ntanh from P{i+1}", "P3"),
    "by a block's parameter": ("e: relu\nfc 2\ndef f(x): tanh from x\nf e", "e"),
    "by a loop's variable": ("e: relu\nfc 2\nfor x in e:\n    tanh from x", "e"),
    "the nearest scope first": (
        "x: relu\ndef f():\n    x: elu\n    fc 2\n    tanh from x\na: f",
        "a.x",
    ),
    "outwards": ("x: relu\ndef f(): tanh from x\nfc 2\nf", "x"),
    "a label called like a block of the prelude": ("fire: relu\nfc 2\ntanh from fire", "fire"),
}


@pytest.mark.parametrize("body, expected", FOUND.values(), ids=FOUND)
def test_references(body: str, expected: str) -> None:
    last = network(with_input(body)).steps[-1]
    assert last.layer.word == "tanh" and last.inputs == (expected,)


WRONG = {
    # words of the language
    "relu: tanh": ["reserved-name relu"],
    "skip: tanh": ["reserved-name skip"],
    "C: tanh": ["reserved-name C"],
    "project: tanh": ["reserved-name project"],
    "min: tanh": ["reserved-name min"],
    "let relu = 3\ntanh": ["reserved-name relu"],
    "let C = 3\nfc C": ["reserved-name C", "no-channels-here C"],
    "let same = 3\ntanh": ["reserved-name same"],
    "same: tanh\nrelu from same\nconv 3x3 sme": ["unknown-word sme"],
    "def relu(): tanh\ntanh": ["reserved-name relu"],
    "def edge(): tanh\ntanh": ["reserved-name edge"],
    "def f(skip): tanh\ntanh": ["reserved-name skip"],
    "for add in 1 2:\n    relu": ["reserved-name add"],
    "let i = 3\ns{i}: relu": ["reserved-name s{i}"],
    "head concat train:\n    relu": ["reserved-name concat"],
    # taken
    "x: relu\nx: tanh": ["name-taken x"],
    "image: relu": ["name-taken image"],
    "conv 1x1 4\nconv1: relu": ["name-taken conv1"],
    "let n = 3\nlet n = 4\nrelu": ["name-taken n"],
    "let n = 3\nn: relu": ["name-taken n"],
    "x: relu\nlet x = 3": ["name-taken x"],
    "let image = 3\nrelu": ["name-taken image"],
    "def f(): relu\nf: relu": ["name-taken f"],
    "f: relu\ndef f(): relu": ["name-taken f"],
    "def f(): relu\nlet f = 3\nrelu": ["name-taken f"],
    "let f = 3\ndef f(): relu\nrelu": ["name-taken f"],
    "def f(): relu\ndef f(): tanh\nf": ["name-taken f"],
    "def f(n, n): relu\nf 1 2": ["name-taken n"],
    "let n = 3\ndef f(n): relu\nf 1": ["name-taken n"],
    "def f(n):\n    let n = 4\n    relu\nf 3": ["name-taken n"],
    "def f(n):\n    n: relu\nf 3": ["name-taken n"],
    "for n in 1 2:\n    let n = 3\n    relu": ["name-taken n"],
    "for n in 1 2:\n    for n in 3:\n        relu": ["name-taken n"],
    "for n, n in (1, 2):\n    relu": ["name-taken n"],
    "for i in 1 2:\n    x: relu": ["name-taken x"],
    "head x train:\n    fc 2\nx: relu": ["name-taken x"],
    "x: relu\nhead x train:\n    fc 2": ["name-taken x"],
}


@pytest.mark.parametrize("body, expected", WRONG.items(), ids=WRONG)
def test_names_that_cant_be(body: str, expected: list[str]) -> None:
    assert codes(with_input(body)) == expected


ALLOWED = {
    "a loop's let is seen in it alone": "for i in 1 2:\n    let n = i\n    fc n\nlet n = 3",
    "loops one after the other": "for n in 1 2:\n    fc n\nfor n in 3 4:\n    fc n",
    "parameters of two blocks": "def f(n): fc n\ndef g(n): fc n\nf 1\ng 2",
    "a loop's variable and a parameter": "def f(n): fc n\nfor n in 1 2:\n    f n",
    "a let of a body is seen in it alone": "residual:\n    let n = 3\n    conv 1x1 n\nlet n = 3",
    "a label's name in another scope": "def f():\n    x: relu\nf\nf\nx: relu",
    "one label of two that stand for either": "let n = 1\nx: relu if n\nx: tanh if not n",
    "a block of the prelude's name": "def fire(n): conv 1x1 n\nfire 8",
    "a parameter called like a label": "x: relu\ndef f(x): concat x\nf image",
}


@pytest.mark.parametrize("body", ALLOWED.values(), ids=ALLOWED)
def test_names_that_may_be(body: str) -> None:
    network(with_input(body))


def test_the_longest_name() -> None:
    label = "a" * LONGEST_NAME
    assert names(network(with_input(f"{label}: relu"))) == [label]
    (error,) = errors(with_input(f"{label}a: relu"))
    assert (error.code, f"more than {LONGEST_NAME}" in error.message) == ("name-too-long", True)


def test_the_longest_name_of_a_net() -> None:
    body = "\ninput x 3@8x8\nrelu"
    assert network(f"net {'a' * LONGEST_NAME}{body}").name == "a" * LONGEST_NAME
    (error,) = errors(f"net {'a' * (LONGEST_NAME + 1)}{body}")
    assert error.code == "name-too-long"


def test_scopes_count_in_a_names_length() -> None:
    half = "a" * (LONGEST_NAME // 2)
    body = f"def f():\n    {half}: relu\n{half}: f\n"
    assert codes(with_input(body)) == [f"name-too-long {half}"]


def test_a_label_names_the_first_step_and_the_last_value() -> None:
    assert listing(network(with_input("C5: conv 5x5 120 tanh\nfc 2"))) == [
        "C5 = conv 5x5 120 (image) 120@28x28",
        "C5.tanh1 = tanh (C5) 120@28x28",
        "fc1 = fc 2 (C5.tanh1) @2",
    ]
