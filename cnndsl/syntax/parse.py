"""Source text → syntax tree. The only door to Lark."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, cast

import lark
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.grammar import Rule
from lark.lark import PostLex
from lark.lexer import TerminalDef, Token

from cnndsl.diagnostics import Diagnostic, SpecError
from cnndsl.resources import grammar_text
from cnndsl.source import Source, Span
from cnndsl.syntax import tables, tree
from cnndsl.syntax.build import Builder
from cnndsl.syntax.characters import explain_characters
from cnndsl.syntax.explain import Failure, explain
from cnndsl.syntax.lines import Lines, LogicalLine, read_lines
from cnndsl.syntax.reading import UNREAD, Reading

MAX_ERRORS = 20
_WORD = re.compile(r"[A-Za-z_]\w*")

_LOCK = threading.RLock()  # the builder holds the source that is being parsed


def parse(source: Source) -> tree.File:
    """The tree of a spec.

    Raises SpecError with what is wrong with its form: the first 20 errors, each found on its own,
    in the order of the text. Nothing else is raised, whatever the text.
    """
    reading = read(source)
    if reading.errors or reading.file is None:
        raise SpecError(reading.errors)
    return reading.file


def read(source: Source) -> Reading:
    """The tree of a spec as far as it can be read; raises nothing, whatever the text."""
    lines = read_lines(source)
    with _LOCK:
        if not lines.diagnostics:
            result, found = _parser().file(lines, lines.text)
            if not found and not isinstance(result, Diagnostic):
                return Reading(_file(lines, result))
        else:
            result, found = lines.diagnostics[0], lines.diagnostics
        errors, faulty = _errors(lines, found)
        if isinstance(result, Diagnostic) and not errors:
            errors = [result]
        unread = frozenset(w for line in faulty for w in _WORD.findall(line.text))
        return Reading(_partly(lines, faulty), tuple(errors), unread)


def _partly(lines: Lines, faulty: list[LogicalLine]) -> tree.File | None:
    """The tree without the faulty lines; None where the others don't fit together either."""
    inside = [(line.start, line.end) for line in faulty]
    for error in lines.diagnostics:
        start = error.span.start if error.span else 0
        if not any(first <= start < last for first, last in inside):
            return None
    text = _without(lines, faulty)
    result = None if text is None else _parser().file(lines, text)[0]
    return None if result is None or isinstance(result, Diagnostic) else _file(lines, result)


def _file(lines: Lines, statements: tuple[tree.Statement, ...]) -> tree.File:
    span = Span(lines.source, 0, len(lines.source.text))
    comments = tuple(lines.comments)
    return tree.File(source=lines.source, statements=statements, comments=comments, span=span)


def _errors(lines: Lines, known: list[Diagnostic]) -> tuple[list[Diagnostic], list[LogicalLine]]:
    """What is known, and what is wrong with each line read on its own: so one hides no other.

    With it come the lines that have an error of their own.
    """
    found = {(error.span, error.code): error for error in known}
    faulty: list[LogicalLine] = []
    sound: set[str] = set()  # lines are often alike
    for line in lines.logical:
        if len(found) >= MAX_ERRORS:
            break
        if line.text in sound and not line.faulty:
            continue
        errors = [] if line.faulty else _parser().line_errors(lines, line)
        if not line.faulty and not errors:
            sound.add(line.text)
        found |= {(e.span, e.code): e for e in errors}
        if line.faulty or errors:
            faulty.append(line)
    return _in_order(found.values()), faulty


def _without(lines: Lines, faulty: list[LogicalLine]) -> str | None:
    """The text with an op in the place of each faulty line; None where one is too short for it."""
    text = lines.text
    columns = {line.start: _column(text, line.start) for line in lines.logical}
    following = dict(zip(columns, list(columns)[1:], strict=False))
    for line in faulty:
        below = columns.get(following.get(line.start, -1), 0)
        stand_in = "|" * line.is_branch + UNREAD
        end = ":" * (below > columns[line.start])
        width = line.end - line.start - len(end)
        if width < len(stand_in):
            return None
        text = text[: line.start] + stand_in.ljust(width) + end + text[line.end :]
    return text


def _column(text: str, offset: int) -> int:
    return offset - text.rfind("\n", 0, offset) - 1


def _in_order(errors: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The first errors by their places; of a name that can't be one, the place that comes first."""
    by_place = sorted(errors, key=lambda error: error.span.start if error.span else 0)
    names: set[str] = set()
    found: list[Diagnostic] = []
    for error in by_place:
        name = error.span.text if error.span and error.code == "reserved-name" else ""
        if not name or name not in names:
            found.append(error)
        names.add(name)
    return found[:MAX_ERRORS]


class _Parser:
    """Lark with our grammar, and the builder that it calls."""

    def __init__(self) -> None:
        self.builder = Builder(self._expression)
        self.lark = _lark(_Callbacks(self.builder))

    def file(
        self, lines: Lines, text: str
    ) -> tuple[tuple[tree.Statement, ...] | Diagnostic, list[Diagnostic]]:
        """The statements of a text, or where the grammar gave up; and what else is wrong."""
        self.builder.begin(lines.source)
        try:
            result = self._parse(text, "file")
        except UnexpectedInput as error:
            result = self._explain(error, text, 0)
        return result, self.builder.diagnostics

    def line_errors(self, lines: Lines, line: LogicalLine) -> list[Diagnostic]:
        """What is wrong with one line; a body stands in for its own, which has other lines."""
        prefix, body = ("_:\n ", "\n  _") if line.is_branch else ("", "\n _")
        self.builder.begin(lines.source, line.start - len(prefix))
        try:
            self._parse(f"{prefix}{line.text}{body if line.opens else ''}\n", "file")
        except UnexpectedInput as error:
            if not self.builder.diagnostics:  # else it follows from them
                self.builder.diagnostics.append(self._explain(error, line.text, line.start))
        return self.builder.diagnostics

    def _expression(self, text: str, offset: int) -> tree.Expression:
        """The inside of a template; `offset` is its place in the text that is being parsed."""
        builder, before = self.builder, self.builder.offset
        builder.offset += offset
        try:
            return self._parse(text, "expression")
        except UnexpectedInput as error:
            builder.diagnostics.append(self._explain(error, text, builder.offset))
            return tree.Number(value=1, span=builder.span(0, len(text)))
        finally:
            builder.offset = before

    def _parse(self, text: str, start: str) -> Any:
        # Lark's own type says Tree, but our callbacks return nodes.
        return cast(Any, self.lark).parse(text, start=start)

    def _explain(self, error: UnexpectedInput, line: str, start: int) -> Diagnostic:
        """The error, kept within the line that starts at an offset of the source."""
        source = self.builder.source
        end = start + len(line)
        offset = max(start, min(self.builder.offset + (error.pos_in_stream or 0), end))
        if not isinstance(error, UnexpectedToken):
            return explain_characters(source, offset, line[offset - start :])
        token = cast(Any, error).token
        length = len(token)
        if token.type in ("_NEWLINE", "$END"):
            offset, length = end, 1
        expected = frozenset(error.accepts or error.expected)
        return explain(Failure(source, offset, length, token.type, expected, line, start))


class _Indentation(PostLex):
    """Adds the tokens that open and close a body. The columns were checked before."""

    always_accept = ("_NEWLINE",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        columns = [0]
        for token in stream:
            yield token
            if token.type == "_NEWLINE":
                column = len(cast(str, token)) - 1
                if column > columns[-1]:
                    columns.append(column)
                    yield Token.new_borrow_pos("_INDENT", "", token)
                while column < columns[-1]:
                    columns.pop()
                    yield Token.new_borrow_pos("_DEDENT", "", token)


class _Callbacks:
    """What Lark calls for a terminal (with its token) and for a rule (with a list of parts)."""

    def __init__(self, builder: Builder):
        self._builder = builder

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._builder, name)
        if name.isupper():
            return method
        return lambda parts: method(*parts)  # pyright: ignore[reportUnknownLambdaType, reportUnknownVariableType]


def _lark(callbacks: _Callbacks) -> lark.Lark:
    """Lark with our grammar, from its kept tables where there are any."""
    settings: dict[str, Any] = {
        "parser": "lalr",
        "start": ["file", "expression"],
        "maybe_placeholders": False,
    }
    ours: dict[str, Any] = {"postlex": _Indentation(), "transformer": callbacks}
    key = (grammar_text(), lark.__version__, repr(settings))
    kept = tables.load(*key)
    if kept:
        return cast(Any, lark.Lark)._load_from_dict(kept["data"], kept["memo"], **ours)
    made = lark.Lark(grammar_text(), **settings, **ours)
    data, memo = cast(Any, made).memo_serialize([TerminalDef, Rule])
    data["options"] = {k: v for k, v in data["options"].items() if k not in ours}
    tables.save({"data": data, "memo": memo}, *key)
    return made


@cache
def _parser() -> _Parser:
    return _Parser()
