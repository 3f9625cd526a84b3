"""Syntax tree → source text in the canonical form: `cnndsl fmt`.

Four spaces a level, arguments in one order, `def`s of one line on one line, and a break before `->`
only where a line would have more than 100 columns, or where a comment ends it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field, replace

from cnndsl.syntax import tree
from cnndsl.syntax.build import VERSION
from cnndsl.syntax.inline import atom_text, expression_text, operation_text, shape_text
from cnndsl.syntax.layout import INDENT, WIDTH, Row, lay_out
from cnndsl.syntax.variables import variables


def write(file: tree.File) -> str:
    """The text of a spec, ending in a line end; `parse` reads the same tree from it.

    Only the order of arguments may differ, and `cnndsl 1` is added where it is missing. A tree that
    was built rather than parsed needs no true spans; it has neither comments nor blank lines then.
    """
    statements = file.statements
    if not any(isinstance(statement, tree.Version) for statement in statements):
        nowhere = replace(file.span, start=0, end=0)
        statements = (tree.Version(number=VERSION, span=nowhere), *statements)
    writer = _Writer(variables(file), [comment.span.start for comment in file.comments])
    return lay_out(list(writer.statements(statements, 0)), file)


@dataclass(slots=True)
class _Piece:
    """A part of a line that is never broken, with the offsets that it was written at."""

    text: str
    start: int
    end: int


@dataclass(slots=True)
class _Writer:
    """Turns statements into rows. `comments` are the offsets of all comments."""

    variables: Set[str]
    comments: list[int] = field(default_factory=list[int])

    def statements(self, statements: Iterable[tree.Statement], level: int) -> Iterator[Row]:
        for statement in statements:
            match statement:
                case tree.Line():
                    yield from self._line(statement, level)
                case tree.Def():
                    yield from self._definition(statement, level)
                case tree.For():
                    yield _row(statement, _for_text(statement), level)
                    yield from self.statements(statement.body.statements, level + 1)
                case _:
                    yield _row(statement, _simple_text(statement), level)

    def _definition(self, node: tree.Def, level: int) -> Iterator[Row]:
        head = f"def {node.name}({_parameters_text(node.parameters)}):"
        body = node.body.statements
        if len(body) == 1 and isinstance(body[0], tree.Line) and not _body(body[0]):
            pieces = self._pieces(body[0])
            text = " ".join([head, *(piece.text for piece in pieces)])
            start, end = node.span.start, pieces[-1].end
            if len(INDENT * level + text) <= WIDTH and not self._comment_between(start, end):
                yield Row(level, text, start, end)
                return
        yield _row(node, head, level)
        yield from self.statements(body, level + 1)

    def _line(self, line: tree.Line, level: int, lead: str = "") -> Iterator[Row]:
        pieces = self._pieces(line)
        body = _body(line)
        pieces[0].text = lead + pieces[0].text
        pieces[-1].text += ":" if body else ""
        row = Row(level, pieces[0].text, pieces[0].start, pieces[0].end)
        for piece in pieces[1:]:
            text = f"{row.text} {piece.text}"
            width = len(INDENT * row.indentation + text)
            if width > WIDTH or self._comment_between(row.end, piece.start):
                yield row
                row = Row(level, piece.text, piece.start, piece.end, continues=True)
            else:
                row.text, row.end = text, piece.end
        yield row
        match body:
            case tree.Sequence():
                yield from self.statements(body.statements, level + 1)
            case tree.Branches():
                yield from self._branches(body, level + 1)
            case None:
                pass

    def _branches(self, body: tree.Branches, level: int) -> Iterator[Row]:
        for branch in body.branches:
            if isinstance(branch, tree.BranchLoop):
                yield _row(branch, _for_text(branch), level)
                yield from self._branches(branch.body, level + 1)
                continue
            for index, part in enumerate(branch):
                yield from self._line(part, level, "-> " if index else "| ")

    def _pieces(self, line: tree.Line) -> list[_Piece]:
        """The ops of a line, each with its arrow; the label and what ends the line included."""
        pieces = [
            _Piece(f"-> {operation_text(operation, self.variables)}", *_offsets(operation))
            for operation in line.operations
        ]
        label = f"{expression_text(line.label)}: " if line.label else ""
        pieces[0].text = label + pieces[0].text.removeprefix("-> ")
        if line.label:
            pieces[0].start = line.label.span.start
        if line.source:
            pieces[-1].text += f" from {expression_text(line.source)}"
        if line.repeat:
            bare = isinstance(line.repeat, tree.Number | tree.Name)
            factor = expression_text(line.repeat, tight=True)
            pieces[-1].text += f" *{factor}" if bare else f" *({factor})"
        if line.condition:
            choice = isinstance(line.condition, tree.Conditional)
            condition = expression_text(line.condition, tight=choice)
            pieces[-1].text += f" if ({condition})" if choice else f" if {condition}"
        pieces[-1].end = max(pieces[-1].end, line.span.end)
        return pieces

    def _comment_between(self, start: int, end: int) -> bool:
        index = bisect_left(self.comments, start)
        return index < len(self.comments) and self.comments[index] < end


def _row(node: tree.Node, text: str, level: int) -> Row:
    return Row(level, text, *_offsets(node))


def _offsets(node: tree.Node) -> tuple[int, int]:
    return node.span.start, node.span.end


def _body(line: tree.Line) -> tree.Body | None:
    return line.operations[-1].body


def _simple_text(
    node: tree.Version | tree.Use | tree.Net | tree.Input | tree.Output | tree.Loss | tree.Let,
) -> str:
    match node:
        case tree.Version():
            return f"cnndsl {node.number}"
        case tree.Use():
            return f'use "{node.path}"'
        case tree.Net(parameters=()):
            return f"net {node.name}"
        case tree.Net():
            return f"net {node.name}({_parameters_text(node.parameters)})"
        case tree.Input():
            return f"input {node.name} {shape_text(node.shape)}"
        case tree.Output():
            return " ".join(["output", *map(expression_text, node.names)])
        case tree.Loss():
            return f"loss {expression_text(node.expression)}"
        case tree.Let():
            return f"let {node.name} = {expression_text(node.value)}"


def _parameters_text(parameters: Iterable[tree.Parameter]) -> str:
    return ", ".join(
        parameter.name
        if parameter.default is None
        else f"{parameter.name}={expression_text(parameter.default, tight=True)}"
        for parameter in parameters
    )


def _for_text(node: tree.Loop) -> str:
    names = ", ".join(variable.id for variable in node.variables)
    rows = (
        atom_text(row[0])
        if len(row) == 1
        else f"({', '.join(expression_text(value, tight=True) for value in row)})"
        for row in node.rows
    )
    return f"for {names} in {' '.join(rows)}:"
