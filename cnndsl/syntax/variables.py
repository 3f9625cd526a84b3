"""Which names of a file are variables, as far as the file alone tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cnndsl.syntax import tree


def variables(file: tree.File) -> frozenset[str]:
    """The names that stand for numbers somewhere: parameters, `let`, `for`, and `C`.

    A parameter whose default is a word, such as `act=hswish`, stands for a word.
    """
    return frozenset({"C", *_bound(file.statements)})


def _bound(statements: Iterable[tree.Statement]) -> Iterator[str]:
    for statement in statements:
        match statement:
            case tree.Net():
                yield from _numbers(statement.parameters)
            case tree.Def():
                yield from _numbers(statement.parameters)
                yield from _bound(statement.body.statements)
            case tree.For():
                yield from (name.id for name in statement.variables)
                yield from _bound(statement.body.statements)
            case tree.Let():
                yield statement.name
            case tree.Line():
                yield from _bound_in_body(statement.operations[-1].body)
            case _:
                pass


def _bound_in_body(body: tree.Body | None) -> Iterator[str]:
    match body:
        case tree.Sequence(statements=statements):
            yield from _bound(statements)
        case tree.Branches(branches=branches):
            for branch in branches:
                if isinstance(branch, tree.BranchLoop):
                    yield from (name.id for name in branch.variables)
                    yield from _bound_in_body(branch.body)
                else:
                    yield from _bound(branch)
        case None:
            pass


def _numbers(parameters: Iterable[tree.Parameter]) -> Iterator[str]:
    for parameter in parameters:
        if not isinstance(parameter.default, tree.Name | tree.Applied):
            yield parameter.name
