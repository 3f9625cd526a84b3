"""Source text → syntax tree. The only door to Lark."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.lark import PostLex
from lark.lexer import Token

from cnndsl.diagnostics import Diagnostic, SpecError
from cnndsl.resources import grammar_text
from cnndsl.source import Source, Span
from cnndsl.syntax import tree
from cnndsl.syntax.build import Builder
from cnndsl.syntax.lines import read_lines

_LOCK = threading.RLock()  # the builder holds the source that is being parsed


def parse(source: Source) -> tree.File:
    """The tree of a spec.

    Raises SpecError with everything that is wrong with its form, in the order of the text.
    """
    lines = read_lines(source)
    if lines.diagnostics:
        raise SpecError(lines.diagnostics)
    with _LOCK:
        parser = _parser()
        parser.builder.begin(source)
        try:
            statements = parser.lark.parse(lines.text, start="file")
        except UnexpectedInput as error:
            raise SpecError([_explain(error, source)]) from None
        if parser.builder.diagnostics:
            raise SpecError(parser.builder.diagnostics)
    return tree.File(
        source=source,
        statements=statements,
        comments=tuple(lines.comments),
        span=Span(source, 0, len(source.text)),
    )


def _explain(error: UnexpectedInput, source: Source) -> Diagnostic:
    offset = error.pos_in_stream or 0
    if isinstance(error, UnexpectedToken):
        return Diagnostic(
            "unexpected-token",
            "unexpected",
            Span(source, offset, offset + len(error.token)),
            str(error.expected),
        )
    return Diagnostic(
        "unexpected-character", "unexpected", Span(source, offset, offset + 1), str(error.allowed)
    )


class Indentation(PostLex):
    """Adds the tokens that open and close a body. The lines were checked before."""

    always_accept = ("_NEWLINE",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        columns = [0]
        for token in stream:
            yield token
            if token.type == "_NEWLINE":
                column = len(token) - 1
                if column > columns[-1]:
                    columns.append(column)
                    yield Token.new_borrow_pos("_INDENT", "", token)
                while column < columns[-1]:
                    columns.pop()
                    yield Token.new_borrow_pos("_DEDENT", "", token)


class _Callbacks:
    """What Lark calls for a terminal (with its token) or a rule (with the list of its parts)."""

    def __init__(self, builder: Builder):
        self.builder = builder

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.builder, name)
        if name.isupper():
            return method
        return lambda parts: method(*parts)  # pyright: ignore


class _Parser:
    def __init__(self):
        self.builder = Builder(self.expression)
        self.lark = Lark(
            grammar_text(),
            parser="lalr",
            start=["file", "expression"],
            postlex=Indentation(),
            maybe_placeholders=False,
            transformer=_Callbacks(self.builder),
        )

    def expression(self, text: str, offset: int) -> tree.Expression:
        before = self.builder.offset
        self.builder.offset += offset
        try:
            return self.lark.parse(text, start="expression")
        finally:
            self.builder.offset = before


@cache
def _parser() -> _Parser:
    return _Parser()
