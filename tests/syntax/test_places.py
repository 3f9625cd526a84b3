"""Every node knows the stretch of text that it was read from."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from cnndsl.source import Span
from cnndsl.syntax import tree
from cnndsl.syntax.inline import number_text
from tests.syntax.nodes import read
from tests.syntax.strategies import SPECS


def nodes(node: Any) -> Iterator[tree.Node]:
    if isinstance(node, tuple):
        for item in node:
            yield from nodes(item)
    elif isinstance(node, tree.Node):
        yield node
        for each in fields(node):
            yield from nodes(getattr(node, each.name))


def spans(text: str, kind: type[tree.Node]) -> list[str]:
    return [node.span.text for node in nodes(read(text)) if isinstance(node, kind)]


TEXT = """\
cnndsl 1
use "a.cnn"
net Tiny(classes=10)  # c
input image 3@{2*n}xW
let x = (a + -b)*2 if not c else f(1, 2)
def two(n, s=2): conv 3x{n} (4*n) s=s relu *(n - 1)
for a, b in (1, n) (2, 3):
    P{a + 1}: conv p=(1,2) *a from e.x if b > 1
residual relu:
    bn -> mul:
        | gap
          -> relu
        | skip
loss mse(a, b, k=2)
output x P{i}
"""

PLACES = {
    tree.Version: ["cnndsl 1"],
    tree.Use: ['use "a.cnn"'],
    tree.Net: ["net Tiny(classes=10)"],
    tree.Input: ["input image 3@{2*n}xW"],
    tree.Let: ["let x = (a + -b)*2 if not c else f(1, 2)"],
    tree.Def: ["def two(n, s=2)"],
    tree.For: ["for a, b in (1, n) (2, 3)"],
    tree.Loss: ["loss mse(a, b, k=2)"],
    tree.Output: ["output x P{i}"],
    tree.Parameter: ["classes=10", "n", "s=2"],
    tree.Line: [
        "conv 3x{n} (4*n) s=s relu *(n - 1",  # a line ends with its last node
        "P{a + 1}: conv p=(1,2) *a from e.x if b > 1",
        "residual relu",
        "bn -> mul",
        "gap\n          -> relu",
        "skip",
    ],
    tree.Operation: [
        "conv 3x{n} (4*n) s=s relu", "conv p=(1,2)", "residual relu", "bn", "mul", "gap", "relu",
        "skip",
    ],
    tree.Size: ["3x{n}"],
    tree.ShapeLiteral: ["3@{2*n}xW"],
    tree.Value: ["(4*n)"],
    tree.Keyed: ["s=s", "p=(1,2)", "k=2"],
    tree.TupleValue: ["(1,2)"],
    tree.Word: ["relu", "relu"],
    tree.Template: ["P{a + 1}", "P{i}"],
    tree.Call: ["f(1, 2)", "mse(a, b, k=2)"],
    tree.Unary: ["-b", "not c"],
    tree.Conditional: ["(a + -b)*2 if not c else f(1, 2)"],
    tree.Binary: [
        "2*n", "(a + -b)*2", "(a + -b)", "4*n", "n - 1", "a + 1", "b > 1",
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", PLACES, ids=lambda kind: kind.__name__)
def test_places(kind: type[tree.Node]) -> None:
    assert sorted(spans(TEXT, kind)) == sorted(PLACES[kind])


@pytest.mark.parametrize("name", SPECS)
def test_places_in_the_zoo(name: str) -> None:
    file = read(SPECS[name])
    for node in nodes(file):
        match node:
            case tree.Name():
                assert node.span.text.strip("()") == node.id
            case tree.Number():
                assert number_text(float(node.span.text)) == number_text(float(node.value))
            case tree.Operation() | tree.Call():
                assert node.span.text.startswith(getattr(node, "name", None) or node.function)
            case _:
                assert isinstance(node.span, Span) and node.span.source is file.source
