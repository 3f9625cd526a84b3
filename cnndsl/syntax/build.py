"""Tokens and rules of the grammar → nodes of the tree.

A method a terminal (capitals) and a method a rule or alternative, called bottom up with what the
rule's parts became. grammars/cnn.lark says which parts those are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, cast

from cnndsl.diagnostics import Diagnostic
from cnndsl.source import Source, Span
from cnndsl.syntax import tree

KEYWORDS = frozenset(
    "cnndsl net input output loss use def let for in from if else and or not".split()
)
MAX_DIGITS = 15
VERSION = 1

_OPTION = re.compile(r"(op|[skpdg])([0-9]+(?:x[0-9]+)*)")
_TEMPLATE_PART = re.compile(r"\{([^{}]*)\}|[^{}]+")
_SIZE_PART = re.compile(r"\{([^{}]*)\}|[0-9]+")
_SPACE_PART = r"(?:\{[^{}]*\}|[0-9]+|[A-Za-wyz_][A-Za-wyz0-9_]*)"
_SHAPE = re.compile(rf"([0-9]*|\{{[^{{}}]*\}})@({_SPACE_PART}(?:x{_SPACE_PART})*)")
_SHAPE_PART = re.compile(r"\{([^{}]*)\}|[0-9]+|[A-Za-wyz_][A-Za-wyz0-9_]*")
_TOP_LEVEL = (tree.Version, tree.Use, tree.Net, tree.Input, tree.Output, tree.Loss)

Label = tree.Name | tree.Template
Tail = tuple[Literal["source", "repeat", "condition"], tree.Expression]
Chain = Sequence[tree.Operation | Tail]


class Lexeme(Protocol):
    """A token: a string that knows where it was found."""

    @property
    def start_pos(self) -> int | None: ...
    @property
    def end_pos(self) -> int | None: ...


class Builder:
    """Builds the tree of one source at a time.

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

    # Terminals

    def NUMBER(self, token: Lexeme) -> tree.Number:
        text, span = str(token), self.place(token)
        if text.isdigit():
            return tree.Number(value=self._integer(text, span), span=span)
        value = float(text)
        if math.isinf(value):
            self.report("number-too-large", "this number is larger than any that is known", span)
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

    # Statements

    def file(self, *statements: tree.Statement) -> tuple[tree.Statement, ...]:
        for statement in statements[1:]:
            if isinstance(statement, tree.Version):
                message, help = "the version isn't on the first line", "move this line to the top"
                self.report("misplaced-statement", message, statement.span, help)
        return statements

    def version(self, start: Span, number: tree.Number) -> tree.Version:
        if number.value != VERSION:
            message = f"version {number.value} of the language isn't known"
            self.report("unknown-version", message, number.span, f"write `cnndsl {VERSION}`")
        return tree.Version(number=int(min(number.value, VERSION)), span=start.to(number.span))

    def use(self, start: Span, path: tuple[str, Span]) -> tree.Use:
        return tree.Use(path=path[0], span=start.to(path[1]))

    def net(
        self,
        start: Span,
        name: tree.Name,
        parameters: tuple[tree.Parameter, ...] = (),
        end: Span | None = None,
    ) -> tree.Net:
        span = start.to(end or name.span)
        return tree.Net(name=self._plain(name), parameters=parameters, span=span)

    def input(self, start: Span, name: tree.Name, shape: tree.ShapeLiteral) -> tree.Input:
        return tree.Input(name=self._plain(name), shape=shape, span=start.to(shape.span))

    def output(self, start: Span, *names: Label) -> tree.Output:
        return tree.Output(names=names, span=start.to(names[-1].span))

    def loss(self, start: Span, expression: tree.Expression) -> tree.Loss:
        return tree.Loss(expression=expression, span=start.to(expression.span))

    def let(self, start: Span, name: tree.Name, value: tree.Expression) -> tree.Let:
        return tree.Let(name=self._plain(name), value=value, span=start.to(value.span))

    def definition(
        self,
        start: Span,
        name: tree.Name,
        parameters: tuple[tree.Parameter, ...],
        end: Span,
        body: tree.Sequence,
    ) -> tree.Def:
        return tree.Def(name=name.id, parameters=parameters, body=body, span=start.to(end))

    def single(self, line: tree.Line) -> tree.Sequence:
        return tree.Sequence(statements=(line,), span=line.span)

    def parameters(self, *parameters: tree.Parameter) -> tuple[tree.Parameter, ...]:
        return parameters

    def parameter(self, name: tree.Name, default: tree.Expression | None = None) -> tree.Parameter:
        span = name.span.to(default.span) if default else name.span
        return tree.Parameter(name=self._plain(name), default=default, span=span)

    def loop(
        self,
        start: Span,
        variables: tuple[tree.Name, ...],
        *rest: tuple[Span, tuple[tree.Expression, ...]] | tree.Sequence,
    ) -> tree.For:
        body = cast(tree.Sequence, rest[-1])
        rows = cast("Sequence[tuple[Span, tuple[tree.Expression, ...]]]", rest[:-1])
        for span, values in rows:
            if len(values) != len(variables):
                message = f"this row has {len(values)} values for {len(variables)} variables"
                names = ", ".join(variable.id for variable in variables)
                self.report("row-length", message, span, f"write one value each for {names}")
        return tree.For(
            variables=variables,
            rows=tuple(values for _, values in rows),
            body=body,
            span=start.to(rows[-1][0]),
        )

    def variables(self, *names: tree.Name) -> tuple[tree.Name, ...]:
        for name in names:
            self._plain(name)
        return names

    def row(self, *parts: tree.Expression | Span) -> tuple[Span, tuple[tree.Expression, ...]]:
        values = tuple(part for part in parts if not isinstance(part, Span))
        ends = [part if isinstance(part, Span) else part.span for part in parts]
        return ends[0].to(ends[-1]), values

    def sequence(self, *statements: tree.Statement) -> tree.Sequence:
        for statement in statements:
            if isinstance(statement, _TOP_LEVEL):
                message = "this line can't stand in an indented body"
                help = "move it to the top level"
                self.report("misplaced-statement", message, statement.span, help)
        span = statements[0].span.to(statements[-1].span)
        return tree.Sequence(statements=statements, span=span)

    # Lines

    def plain_line(self, chain: Chain, body: tree.Body | None = None) -> tree.Line:
        return self._line(None, chain, body)

    def labelled_line(self, label: Label, chain: Chain, body: tree.Body | None = None) -> tree.Line:
        return self._line(label, chain, body)

    def word_with_body(self, name: tree.Name, body: tree.Body) -> tree.Line:
        return self._line(None, (self.bare(name),), body)

    def labelled_word_with_body(self, label: Label, name: tree.Name, body: tree.Body) -> tree.Line:
        return self._line(label, (self.bare(name),), body)

    def lone(self, operation: tree.Operation) -> Chain:
        return (operation,)

    def longer(self, *items: tree.Operation | Tail) -> Chain:
        return items

    def bare(self, name: tree.Name) -> tree.Operation:
        return tree.Operation(name=name.id, span=name.span)

    def rich(self, name: tree.Name, *arguments: tree.Argument) -> tree.Operation:
        span = name.span.to(arguments[-1].span)
        return tree.Operation(name=name.id, arguments=arguments, span=span)

    def repeat(self, _star: Lexeme, *parts: tree.Expression | Span) -> Tail:
        return "repeat", next(part for part in parts if not isinstance(part, Span))

    def origin(self, name: Label) -> Tail:
        return "source", name

    def condition(self, expression: tree.Expression) -> Tail:
        return "condition", expression

    def block(self, sequence: tree.Sequence) -> tree.Sequence:
        return sequence

    def branches(self, *branches: tuple[tree.Line, ...]) -> tree.Branches:
        return tree.Branches(branches=branches, span=branches[0][0].span.to(branches[-1][-1].span))

    def branch(self, *lines: tree.Line) -> tuple[tree.Line, ...]:
        return lines

    # Arguments

    def word(self, name: Label) -> tree.Word:
        return tree.Word(name=name, span=name.span)

    def value(self, *parts: tree.Expression | Span) -> tree.Value:
        if len(parts) == 1:
            expression = cast(tree.Expression, parts[0])
            return tree.Value(expression=expression, span=expression.span)
        start, expression, end = cast("tuple[Span, tree.Expression, Span]", parts)
        return tree.Value(expression=expression, span=start.to(end))

    def keyed(
        self, key: tree.Name, *parts: tree.Expression | tree.Size | tree.TupleValue | Span
    ) -> tree.Keyed:
        value = next(part for part in parts if not isinstance(part, Span))
        last = parts[-1] if isinstance(parts[-1], Span) else parts[-1].span
        return tree.Keyed(key=self._plain(key), value=value, span=key.span.to(last))

    def tuple_value(self, *parts: tree.Expression | Span) -> tree.TupleValue:
        span, items = self.row(*parts)
        return tree.TupleValue(items=items, span=span)

    # Expressions

    def negative(self, minus: Lexeme, number: tree.Number) -> tree.Unary:
        return self.unary(minus, number)

    def unary(self, operator: Lexeme, operand: tree.Expression) -> tree.Unary:
        span = self.place(operator).to(operand.span)
        sign = cast('Literal["-", "not"]', str(operator))
        return tree.Unary(operator=sign, operand=operand, span=span)

    def binary(
        self, left: tree.Expression, operator: Lexeme, right: tree.Expression
    ) -> tree.Binary:
        sign = cast(tree.Operator, str(operator))
        return tree.Binary(operator=sign, left=left, right=right, span=left.span.to(right.span))

    def conditional(
        self, yes: tree.Expression, test: tree.Expression, no: tree.Expression
    ) -> tree.Conditional:
        return tree.Conditional(test=test, yes=yes, no=no, span=yes.span.to(no.span))

    def group(self, _start: Span, expression: tree.Expression, _end: Span) -> tree.Expression:
        return expression

    def call(self, name: tree.Name, *parts: tree.Expression | Span) -> tree.Call:
        arguments = cast("tuple[tree.Expression, ...]", parts[:-1])
        end = cast(Span, parts[-1])
        return tree.Call(function=name.id, arguments=arguments, span=name.span.to(end))

    # What the methods above share

    def _line(self, label: Label | None, chain: Chain, body: tree.Body | None) -> tree.Line:
        operations = [item for item in chain if isinstance(item, tree.Operation)]
        tails = [item for item in chain if not isinstance(item, tree.Operation)]
        first: tree.Node = label or operations[0]
        last = tails[-1][1].span if tails else operations[-1].span
        if body is not None:
            end = operations[-1]
            operations[-1] = tree.Operation(
                name=end.name, arguments=end.arguments, body=body, span=end.span
            )
        found = dict(tails)
        if len(found) < len(tails):
            message = "`from`, `*` and `if` can stand only once on a line"
            self.report("repeated-tail", message, first.span.to(last))
        return tree.Line(
            operations=tuple(operations),
            label=label,
            source=cast("Label | None", found.get("source")),
            repeat=found.get("repeat"),
            condition=found.get("condition"),
            span=first.span.to(last),
        )

    def _inner(self, token: Lexeme, match: re.Match[str]) -> tree.Expression:
        """The expression between the braces of a token."""
        return self.expression(match[1], cast(int, token.start_pos) + match.start(1))

    def _integer(self, text: str, span: Span) -> int:
        if len(text) > MAX_DIGITS:
            message = f"this number has {len(text)} digits; at most {MAX_DIGITS} are read"
            self.report("number-too-large", message, span)
            return 1
        return int(text)

    def _check_name(self, text: str, span: Span) -> None:
        if text in KEYWORDS:
            message = f"`{text}` is a word of the language and can't be a name"
            self.report("reserved-name", message, span, "choose another name")
        elif _OPTION.fullmatch(text):
            message = f"`{text}` is a short option, like `s2` or `k3`, and can't be a name"
            help = f"choose another name, such as `{text[0].upper() + text[1:]}`"
            self.report("reserved-name", message, span, help)

    def _plain(self, name: tree.Name) -> str:
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
