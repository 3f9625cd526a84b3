"""What is written and the tree that it makes, rule by rule."""

import pytest

from cnndsl.syntax import tree
from tests.syntax.nodes import (
    NOWHERE,
    binary,
    body,
    branches,
    call,
    conditional,
    items,
    keyed,
    line,
    name,
    number,
    op,
    option,
    parameter,
    read,
    shape,
    size,
    template,
    unary,
    value,
    word,
)

n, k, i, s, a, b, c = map(name, "nkisabc")
one, two, three = map(number, (1, 2, 3))


def only(text: str) -> tree.Statement:
    (statement,) = read(text).statements
    return statement


ARGUMENTS = {
    "5x5": size(5, 5),
    "3x3x3": size(3, 3, 3),
    "{k}x1": size(k, 1),
    "1x{2*n + 1}": size(1, binary(binary(two, "*", n), "+", one)),
    "64": value(64),
    "0.5": value(0.5),
    "1e-5": value(1e-5),
    "-1": value(unary("-", one)),
    "(64)": value(64),
    "(n)": value(n),
    "(4*n)": value(binary(number(4), "*", n)),
    "round8(C/4)": value(call("round8", binary(name("C"), "/", number(4)))),
    "f()": value(call("f")),
    "f(a, b,)": value(call("f", a, b)),
    "relu": word("relu"),
    "b1": word("b1"),
    "P{i}": word(template("P", i)),
    "stage{i}.conv{i+1}": word(template("stage", i, ".conv", binary(i, "+", one))),
    "stage1.conv2": word("stage1.conv2"),
    "s2": option("s", 2),
    "p1x2": option("p", 1, 2),
    "s1x2x2": option("s", 1, 2, 2),
    "op1": option("op", 1),
    "k3": option("k", 3),
    "3@224x224": shape(3, 224, 224),
    "3@16x112x112": shape(3, 16, 112, 112),
    "@128": shape(None, 128),
    "@{n}": shape(None, n),
    "1@HxW": shape(1, "H", "W"),
    "{c}@7x7": shape(c, 7, 7),
    "3@{2*n}xW": shape(3, binary(two, "*", n), "W"),
    "s=2": keyed("s", two),
    "s=-2": keyed("s", unary("-", two)),
    "s = n": keyed("s", n),
    "act=hswish": keyed("act", name("hswish")),
    "x=P{i}": keyed("x", template("P", i)),
    "alpha=1e-4": keyed("alpha", number(1e-4)),
    "first=(C//2)": keyed("first", binary(name("C"), "//", two)),
    "n=max(n, 8)": keyed("n", call("max", n, number(8))),
    "to=7x7": keyed("to", size(7, 7)),
    "shape=64@7x7": keyed("shape", shape(64, 7, 7)),
    "p=(3,2,3,2)": keyed("p", items(three, two, three, two)),
}


@pytest.mark.parametrize("text", ARGUMENTS)
def test_arguments(text: str) -> None:
    assert only(f"op {text}\n") == line(op("op", ARGUMENTS[text]))
    assert only(f"op bn {text} relu\n") == line(op("op", "bn", ARGUMENTS[text], "relu"))


EXPRESSIONS = {
    "a + b*c": binary(a, "+", binary(b, "*", c)),
    "(a + b)*c": binary(binary(a, "+", b), "*", c),
    "a - b - c": binary(binary(a, "-", b), "-", c),
    "a - (b - c)": binary(a, "-", binary(b, "-", c)),
    "a/b//c%n": binary(binary(binary(a, "/", b), "//", c), "%", n),
    "a**b**c": binary(a, "**", binary(b, "**", c)),
    "-a**-b": unary("-", binary(a, "**", unary("-", b))),
    "--a": unary("-", unary("-", a)),
    "a * b": binary(a, "*", b),
    "a *b": binary(a, "*", b),
    "a if b else c": conditional(a, b, c),
    "a if b else n if c else k": conditional(a, b, conditional(n, c, k)),
    "a or b and not c": binary(a, "or", binary(b, "and", unary("not", c))),
    "not a == b": unary("not", binary(a, "==", b)),
    "a <= b + 1": binary(a, "<=", binary(b, "+", one)),
    "a != b": binary(a, "!=", b),
    "f(a, 2) + 1": binary(call("f", a, two), "+", one),
    "mse(e1.conv, x)": call("mse", name("e1.conv"), name("x")),
    "f(a, k=2, b)": call("f", a, b, k=two),
    "f(k=(a + b), n=-1)": call("f", k=binary(a, "+", b), n=unary("-", one)),
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text: str) -> None:
    expected = EXPRESSIONS[text]
    assert only(f"let x = {text}\n") == tree.Let(name="x", value=expected, span=NOWHERE)
    assert only(f"loss {text}\n") == tree.Loss(expression=expected, span=NOWHERE)
    assert only(f"op key=({text})\n") == line(op("op", keyed("key", expected)))
    assert only(f"P{{{text}}}: op\n") == line("op", label=template("P", expected))


conv = op("conv", size(3, 3), value(64))
LINES = {
    "conv 3x3 64": line(conv),
    "C1: conv 3x3 64": line(conv, label=name("C1")),
    "C1 :conv   3x3  64 ": line(conv, label=name("C1")),
    "P{i}: pool": line("pool", label=template("P", i)),
    "stage1.conv2: relu": line("relu", label=name("stage1.conv2")),
    "conv 3x3 64 -> relu->pool": line(conv, "relu", "pool"),
    "conv 3x3 64 *2": line(conv, repeat=two),
    "conv 3x3 64 *k": line(conv, repeat=k),
    "conv 3x3 64 *(k-1)": line(conv, repeat=binary(k, "-", one)),
    "conv 3x3 64 if a != b": line(conv, condition=binary(a, "!=", b)),
    "conv 3x3 64 if a*b": line(conv, condition=binary(a, "*", b)),
    "relu from P{i}": line("relu", source=template("P", i)),
    "x: relu -> conv 3x3 64 from e1.relu *2 if a": line(
        "relu", conv, label=name("x"), source=name("e1.relu"), repeat=two, condition=a
    ),
    "relu *2 from a if b": line("relu", source=a, repeat=two, condition=b),
    "relu if b from a": line("relu", source=a, condition=b),
}


@pytest.mark.parametrize("text", LINES)
def test_lines(text: str) -> None:
    assert only(f"{text}\n") == LINES[text]
    assert only(f"{text.replace('->', chr(10) + '   ->')}") == LINES[text]
    assert only(f"def f(): {text}\n") == tree.Def(
        name="f", parameters=(), body=body(LINES[text]), span=NOWHERE
    )


BODIES = {
    "residual:\n    relu\n": line(op("residual", body=body("relu"))),
    "residual 64 relu:\n  relu\n  bn\n": line(
        op("residual", value(64), "relu", body=body("relu", "bn"))
    ),
    "C3: concat:\n    | bn\n    | relu\n": line(
        op("concat", body=branches("bn", "relu")), label=name("C3")
    ),
    "P{i}: residual pad:\n    bn\n": line(
        op("residual", "pad", body=body("bn")), label=template("P", i)
    ),
    "bn -> residual:\n    bn\n": line("bn", op("residual", body=body("bn"))),
    "residual *2:\n    bn\n": line(op("residual", body=body("bn")), repeat=two),
    "residual from a if b:\n    bn\n": line(op("residual", body=body("bn")), source=a, condition=b),
    "head aux1 train:\n    bn\n": line(op("head", "aux1", "train", body=body("bn"))),
    "add:\n    | skip\n    | x: bn -> relu *2\n": line(
        op("add", body=branches("skip", line("bn", "relu", label=name("x"), repeat=two)))
    ),
    "add:\n    | bn -> mul:\n        | bn\n        | skip\n    | skip\n": line(
        op("add", body=branches(line("bn", op("mul", body=branches("bn", "skip"))), "skip"))
    ),
    "def f(): add:\n    | bn\n": tree.Def(
        name="f",
        parameters=(),
        body=body(line(op("add", body=branches("bn")))),
        span=NOWHERE,
    ),
}


@pytest.mark.parametrize("text", BODIES)
def test_bodies(text: str) -> None:
    assert only(text) == BODIES[text]


STATEMENTS = {
    "cnndsl 1": tree.Version(number=1, span=NOWHERE),
    'use "a/b#c.cnn"': tree.Use(path="a/b#c.cnn", span=NOWHERE),
    "net Tiny": tree.Net(name="Tiny", span=NOWHERE),
    "net Tiny()": tree.Net(name="Tiny", span=NOWHERE),
    "net Tiny(classes=10, z=2*3)": tree.Net(
        name="Tiny",
        parameters=(
            parameter("classes", number(10)),
            parameter("z", binary(two, "*", three)),
        ),
        span=NOWHERE,
    ),
    "input image 3@224x224": tree.Input(name="image", shape=shape(3, 224, 224), span=NOWHERE),
    "output a P{i} x.y": tree.Output(names=(a, template("P", i), name("x.y")), span=NOWHERE),
    "let x = 2": tree.Let(name="x", value=two, span=NOWHERE),
    "loss mse(a, b)": tree.Loss(expression=call("mse", a, b), span=NOWHERE),
    "def f(n, act=relu,):\n    bn": tree.Def(
        name="f",
        parameters=(parameter("n"), parameter("act", name("relu"))),
        body=body("bn"),
        span=NOWHERE,
    ),
    "for n in 64 k -1 f(2) (2*3) P{i}:\n    bn": tree.For(
        variables=(n,),
        rows=(
            (number(64),),
            (k,),
            (unary("-", one),),
            (call("f", two),),
            (binary(two, "*", three),),
            (template("P", i),),
        ),
        body=body("bn"),
        span=NOWHERE,
    ),
    "for a, b in (1, relu) (-2, 2*n):\n    bn": tree.For(
        variables=(a, b),
        rows=((one, name("relu")), (unary("-", two), binary(two, "*", n))),
        body=body("bn"),
        span=NOWHERE,
    ),
}


@pytest.mark.parametrize("text", STATEMENTS)
def test_statements(text: str) -> None:
    assert only(text) == STATEMENTS[text]
