"""Single tokens → nodes of the tree, and the rules for names and numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Protocol, cast

from cnndsl.diagnostics import Diagnostic
from cnndsl.source import Source, Span
from cnndsl.syntax import tree
from cnndsl.syntax.limits import MAX_DIGITS

KEYWORDS = frozenset({
    "cnndsl", "net", "input", "output", "loss", "use", "let", "def", "for", "in", "from", "if",
    "else", "and", "or", "not",
})  # fmt: skip

_KEYWORD_HELP = {
    "if": "a condition stands at the end of a line: `dropout 0.5 if deep`",
    "from": "`from x` stands at the end of a line, before its colon if it has one",
}

_OPTION = re.compile(r"(op|[skpdg])([0-9]+(?:x[0-9]+)*)")
_TEMPLATE_PART = re.compile(r"\{([^{}]*)\}|[^{}]+")
_SIZE_PART = re.compile(r"\{([^{}]*)\}|[0-9]+")
_SPACE_PART = r"(?:\{[^{}]*\}|[0-9]+|[A-Za-wyz_][A-Za-wyz0-9_]*)"
_SHAPE = re.compile(rf"([0-9]*|\{{[^{{}}]*\}})@({_SPACE_PART}(?:x{_SPACE_PART})*)")
_SHAPE_PART = re.compile(r"\{([^{}]*)\}|[0-9]+|[A-Za-wyz_][A-Za-wyz0-9_]*")


class Lexeme(Protocol):
    """A token: a string that knows where it was found."""

    @property
    def start_pos(self) -> int | None: ...
    @property
    def end_pos(self) -> int | None: ...


class Terminals:
    """Builds the leaves of one source's tree.

    `expression` parses the inside of a template, given its text and its offset in the grammar's
    text. What is wrong but needn't stop the parser is gathered in `diagnostics`.
    """

    def __init__(self, expression: Callable[[str, int], tree.Expression]):
        self.expression = expression
        self.begin(Source("", ""))

    def begin(self, source: Source, offset: int = 0) -> None:
        """Start on a source; the grammar's offset 0 is the source's `offset`."""
        self.source = source
        self.offset = offset
        self.diagnostics: list[Diagnostic] = []

    def report(self, code: str, message: str, span: Span, help: str = "") -> None:
        self.diagnostics.append(Diagnostic(code, message, span, help))

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, self.offset + start, self.offset + end)

    def place(self, token: Lexeme) -> Span:
        return self.span(cast(int, token.start_pos), cast(int, token.end_pos))

    # One method a terminal

    def NUMBER(self, token: Lexeme) -> tree.Number:
        text, span = str(token), self.place(token)
        if text.isdigit():
            return tree.Number(value=self._integer(text, span), span=span)
        value = float(text)
        if math.isinf(value):
            message = "this number is larger than any that is known"
            self.report("number-too-large", message, span, "write a smaller number")
        return tree.Number(value=value, span=span)

    def NAME(self, token: Lexeme) -> tree.Name:
        text, span = str(token), self.place(token)
        self._check_name(text, span)
        return tree.Name(id=text, span=span)

    def CALL(self, token: Lexeme) -> tree.Name:
        """`round8(`: the name before the parenthesis."""
        start = cast(int, token.start_pos)
        text = str(token)[:-1]
        span = self.span(start, start + len(text))
        self._check_name(text, span)
        return tree.Name(id=text, span=span)

    def TEMPLATE(self, token: Lexeme) -> tree.Template:
        parts = tuple(
            match[0] if match[1] is None else self._inner(token, match)
            for match in _TEMPLATE_PART.finditer(str(token))
        )
        return tree.Template(parts=parts, span=self.place(token))

    def SIZE(self, token: Lexeme) -> tree.Size:
        span = self.place(token)
        values = tuple(
            self._integer(match[0], span) if match[1] is None else self._inner(token, match)
            for match in _SIZE_PART.finditer(str(token))
        )
        return tree.Size(values=values, span=span)

    def OPTION(self, token: Lexeme) -> tree.Option:
        span = self.place(token)
        match = cast("re.Match[str]", _OPTION.fullmatch(str(token)))
        values = tuple(self._integer(number, span) for number in match[2].split("x"))
        return tree.Option(letters=match[1], values=values, span=span)

    def SHAPE(self, token: Lexeme) -> tree.ShapeLiteral:
        text, span = str(token), self.place(token)
        match = _SHAPE.fullmatch(text)
        if match is None or (not match[1] and len(_SHAPE_PART.findall(match[2])) > 1):
            self._bad_shape(text, span)
            return tree.ShapeLiteral(channels=None, space=(1,), span=span)
        entries = [
            self._inner(token, part)
            if part[1] is not None
            else (self._integer(part[0], span) if part[0].isdigit() else part[0])
            for part in _SHAPE_PART.finditer(text)
        ]
        channels = cast("int | tree.Expression", entries.pop(0)) if match[1] else None
        return tree.ShapeLiteral(channels=channels, space=tuple(entries), span=span)

    def STRING(self, token: Lexeme) -> tuple[str, Span]:
        return str(token)[1:-1], self.place(token)

    def LPAREN(self, token: Lexeme) -> Span:
        return self.place(token)

    RPAREN = CNNDSL = NET = INPUT = OUTPUT = LOSS = USE = LET = DEF = FOR = LPAREN

    # What they share

    def _inner(self, token: Lexeme, match: re.Match[str]) -> tree.Expression:
        """The expression between the braces of a token."""
        return self.expression(match[1], cast(int, token.start_pos) + match.start(1))

    def _integer(self, text: str, span: Span) -> int:
        if len(text) > MAX_DIGITS:
            message = f"this number has {len(text)} digits; at most {MAX_DIGITS} are read"
            self.report("number-too-large", message, span, "write a smaller number")
            return 1
        return int(text)

    def _check_name(self, text: str, span: Span) -> None:
        if text in KEYWORDS:
            message = f"`{text}` is a word of the language and can't be a name"
            help = _KEYWORD_HELP.get(text, "choose another name")
            self.report("reserved-name", message, span, help)
        elif _OPTION.fullmatch(text):
            message = f"`{text}` is a short option, like `s2` or `k3`, and can't be a name"
            help = f"choose another name, such as `{text[0].upper() + text[1:]}`"
            self.report("reserved-name", message, span, help)

    def plain(self, name: tree.Name) -> str:
        if "." in name.id:
            message = "only labels have dots in their names"
            self.report("dotted-name", message, name.span, f"write `{name.id.replace('.', '_')}`")
        return name.id

    def _bad_shape(self, text: str, span: Span) -> None:
        channels, _, space = text.partition("@")
        help = "a shape is written `3@224x224`, `@128` for a vector, `3@HxW` for any size"
        if re.fullmatch(r"[A-Za-z_][\w.]*", channels):
            help = f"a computed number of channels is written `{{{channels}}}@{space}`"
        self.report("bad-shape", f"`{text}` isn't a shape", span, help)
