"""Rules of the grammar → nodes of the tree.

One method a rule or named alternative, called bottom up with what the rule's parts became;
grammars/cnn.lark says which parts those are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, cast

from cnndsl.source import Span
from cnndsl.syntax import tree
from cnndsl.syntax.explain import missing_parentheses
from cnndsl.syntax.terminals import Lexeme, Terminals

VERSION = 1

_TOP_LEVEL = (tree.Version, tree.Use, tree.Net, tree.Input, tree.Output, tree.Loss)

Label = tree.Name | tree.Template
Tail = tuple[Literal["source", "repeat", "condition"], tree.Expression]
Row = tuple[Span, tuple[tree.Expression, ...]]
Chain = Sequence[tree.Operation | Tail]


class Builder(Terminals):
    """Builds the tree of one source at a time."""

    # Statements

    def file(self, *statements: tree.Statement) -> tuple[tree.Statement, ...]:
        for statement in statements[1:]:
            if isinstance(statement, tree.Version):
                message, help = "the version isn't on the first line", "move this line to the top"
                self.report("misplaced-statement", message, statement.span, help)
        return statements

    def version(self, start: Span, number: tree.Number) -> tree.Version:
        if number.span.text != str(VERSION):
            message = f"version {number.span.text} of the language isn't known"
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
        return tree.Net(name=self.plain(name), parameters=parameters, span=span)

    def input(self, start: Span, name: tree.Name, shape: tree.ShapeLiteral) -> tree.Input:
        return tree.Input(name=self.plain(name), shape=shape, span=start.to(shape.span))

    def output(self, start: Span, *names: Label) -> tree.Output:
        return tree.Output(names=names, span=start.to(names[-1].span))

    def loss(self, start: Span, expression: tree.Expression) -> tree.Loss:
        return tree.Loss(expression=expression, span=start.to(expression.span))

    def let(self, start: Span, name: tree.Name, value: tree.Expression) -> tree.Let:
        return tree.Let(name=self.plain(name), value=value, span=start.to(value.span))

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
        return tree.Parameter(name=self.plain(name), default=default, span=span)

    def loop(
        self,
        start: Span,
        variables: tuple[tree.Name, ...],
        *rest: Row | tree.Sequence,
    ) -> tree.For:
        body = cast(tree.Sequence, rest[-1])
        rows, span = self._rows(start, variables, rest)
        return tree.For(variables=variables, rows=rows, body=body, span=span)

    def branch_loop(
        self,
        start: Span,
        variables: tuple[tree.Name, ...],
        *rest: Row | tree.Branches,
    ) -> tree.BranchLoop:
        body = cast(tree.Branches, rest[-1])
        rows, span = self._rows(start, variables, rest)
        return tree.BranchLoop(variables=variables, rows=rows, body=body, span=span)

    def _rows(
        self,
        start: Span,
        variables: tuple[tree.Name, ...],
        rest: Sequence[Row | tree.Body],
    ) -> tuple[tuple[tuple[tree.Expression, ...], ...], Span]:
        """A loop's rows, and the span of its head."""
        rows = cast("Sequence[Row]", rest[:-1])
        for span, values in rows:
            if len(values) != len(variables):
                count = f"{len(values)} value{'s' * (len(values) > 1)}"
                message = f"this row has {count} for {len(variables)} variables"
                names = ", ".join(variable.id for variable in variables)
                self.report("row-length", message, span, f"write one value each for {names}")
        return tuple(values for _, values in rows), start.to(rows[-1][0])

    def variables(self, *names: tree.Name) -> tuple[tree.Name, ...]:
        for name in names:
            self.plain(name)
        return names

    def row(self, *parts: tree.Expression | Span) -> Row:
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

    def repeat(self, star: Lexeme, *parts: tree.Expression | Span) -> Tail:
        self._check_apart(star)
        return "repeat", next(part for part in parts if not isinstance(part, Span))

    def origin(self, name: Label) -> Tail:
        return "source", name

    def condition(self, expression: tree.Expression) -> Tail:
        if isinstance(expression, tree.Binary) and self._looks_like_repeat(expression):
            message = "this `*` multiplies the condition"
            help = "to repeat the line, write `*` before `if`"
            self.report("repeat-after-if", message, expression.span, help)
        return "condition", expression

    def block(self, body: tree.Body) -> tree.Body:
        return body

    def branches(self, *branches: tuple[tree.Line, ...] | tree.BranchLoop) -> tree.Branches:
        first, last = branches[0], branches[-1]
        start = first.span if isinstance(first, tree.BranchLoop) else first[0].span
        end = last.body.span if isinstance(last, tree.BranchLoop) else last[-1].span
        return tree.Branches(branches=branches, span=start.to(end))

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
        return tree.Keyed(key=self.plain(key), value=value, span=key.span.to(last))

    def tuple_value(self, *parts: tree.Expression | Span) -> tree.TupleValue:
        span, items = self.row(*parts)
        return tree.TupleValue(items=items, span=span)

    # Expressions

    def negative(self, minus: Lexeme, number: tree.Number) -> tree.Unary:
        self._check_apart(minus)
        return self.unary(minus, number)

    def applied(self, name: tree.Name, *numbers: tree.Number) -> tree.Applied:
        span = name.span.to(numbers[-1].span)
        return tree.Applied(layer=self.plain(name), numbers=numbers, span=span)

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

    def group(self, start: Span, expression: tree.Expression, end: Span) -> tree.Expression:
        return replace(expression, span=start.to(end))

    def call(self, name: tree.Name, *parts: tree.Expression | tree.Keyed | Span) -> tree.Call:
        settings = tuple(part for part in parts if isinstance(part, tree.Keyed))
        arguments = tuple(part for part in parts[:-1] if not isinstance(part, tree.Keyed))
        return tree.Call(
            function=name.id,
            arguments=cast("tuple[tree.Expression, ...]", arguments),
            settings=settings,
            span=name.span.to(cast(Span, parts[-1])),
        )

    # What the methods above share

    def _line(self, label: Label | None, chain: Chain, body: tree.Body | None) -> tree.Line:
        operations = [item for item in chain if isinstance(item, tree.Operation)]
        tails = [item for item in chain if not isinstance(item, tree.Operation)]
        first: tree.Node = label or operations[0]
        last = tails[-1][1].span if tails else operations[-1].span
        if body is not None:
            operations[-1] = replace(operations[-1], body=body)
        found = dict(tails)
        if len(found) < len(tails):
            message = "`from`, `*` and `if` can stand only once on a line"
            help = "leave one of the two out; `*6` is twice `*3`"
            self.report("repeated-tail", message, first.span.to(last), help)
        return tree.Line(
            operations=tuple(operations),
            label=label,
            source=cast("Label | None", found.get("source")),
            repeat=found.get("repeat"),
            condition=found.get("condition"),
            span=first.span.to(last),
        )

    def _looks_like_repeat(self, product: tree.Binary) -> bool:
        """Whether it ends in ` *2`, which repeats a line where it stands before `if`."""
        between = self.source.text[product.left.span.end : product.right.span.start + 1]
        return product.operator == "*" and re.search(r"\s\*\S", between) is not None

    def _check_apart(self, sign: Lexeme) -> None:
        """`conv 1x1 4*n` and `fc n-1` don't mean what they say: computing needs parentheses."""
        span = self.place(sign)
        text = self.source.text
        if text[span.start - 1] not in " \t\n=" or text[span.end] in " \t":
            self.diagnostics.append(missing_parentheses(self.source, span.start, span.end))
