"""Short names for nodes of the tree, so that a test shows tree and text on a few lines."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

from cnndsl.source import Source, Span
from cnndsl.syntax import tree
from cnndsl.syntax.inline import ordered
from cnndsl.syntax.parse import parse
from cnndsl.syntax.variables import variables

SOURCE = Source("built.cnn", "")
NOWHERE = Span(SOURCE, 0, 0)


def read(text: str) -> tree.File:
    return parse(Source("test.cnn", text))


def number(value: float) -> tree.Number:
    return tree.Number(value=value, span=NOWHERE)


def name(id: str) -> tree.Name:
    return tree.Name(id=id, span=NOWHERE)


def template(*parts: str | tree.Expression) -> tree.Template:
    return tree.Template(parts=parts, span=NOWHERE)


def call(function: str, *arguments: tree.Expression, **settings: tree.Expression) -> tree.Call:
    keys = tuple(keyed(key, value) for key, value in settings.items())
    return tree.Call(function=function, arguments=arguments, settings=keys, span=NOWHERE)


def unary(operator: Any, operand: tree.Expression) -> tree.Unary:
    return tree.Unary(operator=operator, operand=operand, span=NOWHERE)


def binary(left: tree.Expression, operator: Any, right: tree.Expression) -> tree.Binary:
    return tree.Binary(operator=operator, left=left, right=right, span=NOWHERE)


def conditional(
    yes: tree.Expression, test: tree.Expression, no: tree.Expression
) -> tree.Conditional:
    return tree.Conditional(test=test, yes=yes, no=no, span=NOWHERE)


def size(*values: int | tree.Expression) -> tree.Size:
    return tree.Size(values=values, span=NOWHERE)


def option(letters: str, *values: int) -> tree.Option:
    return tree.Option(letters=letters, values=values, span=NOWHERE)


def shape(
    channels: int | tree.Expression | None, *space: int | str | tree.Expression
) -> tree.ShapeLiteral:
    return tree.ShapeLiteral(channels=channels, space=space, span=NOWHERE)


def value(expression: tree.Expression | float) -> tree.Value:
    inner = number(expression) if isinstance(expression, int | float) else expression
    return tree.Value(expression=inner, span=NOWHERE)


def word(text: str | tree.Template) -> tree.Word:
    return tree.Word(name=name(text) if isinstance(text, str) else text, span=NOWHERE)


def keyed(key: str, value: Any) -> tree.Keyed:
    return tree.Keyed(key=key, value=value, span=NOWHERE)


def items(*values: tree.Expression) -> tree.TupleValue:
    return tree.TupleValue(items=values, span=NOWHERE)


def op(name: str, *arguments: tree.Argument | str, body: tree.Body | None = None) -> tree.Operation:
    """Strings stand for words."""
    nodes = tuple(word(a) if isinstance(a, str) else a for a in arguments)
    return tree.Operation(name=name, arguments=nodes, body=body, span=NOWHERE)


def line(*operations: tree.Operation | str, **rest: Any) -> tree.Line:
    """Strings stand for ops without arguments."""
    nodes = tuple(op(o) if isinstance(o, str) else o for o in operations)
    return tree.Line(operations=nodes, span=NOWHERE, **rest)


def body(*statements: tree.Statement | str) -> tree.Sequence:
    nodes = tuple(line(s) if isinstance(s, str) else s for s in statements)
    return tree.Sequence(statements=nodes, span=NOWHERE)


def branches(
    *lines: tree.Line | str | tuple[tree.Line, ...] | tree.BranchLoop,
) -> tree.Branches:
    nodes = (line(b) if isinstance(b, str) else b for b in lines)
    return tree.Branches(
        branches=tuple((b,) if isinstance(b, tree.Line) else b for b in nodes), span=NOWHERE
    )


def parameter(name: str, default: tree.Expression | None = None) -> tree.Parameter:
    return tree.Parameter(name=name, default=default, span=NOWHERE)


def file(*statements: tree.Statement) -> tree.File:
    return tree.File(source=SOURCE, statements=statements, span=NOWHERE)


def canonical(file: tree.File) -> tree.File:
    """The same tree with every op's arguments in the formatter's order, and with a version."""
    known = variables(file)

    def walk(node: Any) -> Any:
        if isinstance(node, tuple):
            return tuple(walk(item) for item in node)
        if not is_dataclass(node) or not isinstance(node, tree.Node):
            return node
        changes = {f.name: walk(getattr(node, f.name)) for f in fields(node)}
        node = replace(node, **changes)
        if isinstance(node, tree.Operation):
            node = replace(node, arguments=ordered(node, known))
        return node

    result: tree.File = walk(file)
    if not any(isinstance(s, tree.Version) for s in result.statements):
        version = tree.Version(number=1, span=NOWHERE)
        result = replace(result, statements=(version, *result.statements))
    return result
