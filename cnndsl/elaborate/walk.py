"""Walks a spec's statements and adds the steps they mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cnndsl.elaborate.construction import MOST_STEPS
from cnndsl.elaborate.context import UNKNOWN, Context, Meaning, RowFrame, Unknown, Value, quote
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.elaborate.forms import Forms
from cnndsl.elaborate.names import check_name
from cnndsl.elaborate.sharing import Recorded
from cnndsl.source import Span
from cnndsl.syntax import tree


class Walker(Forms):
    """Elaborates statements in order; every method takes the current value and returns the next.

    Lets and loop variables are seen in the body that follows them alone.
    """

    def statements(self, body: tree.Sequence, context: Context, value: Value) -> Value:
        """A block's statements; its lets are seen below them alone."""
        context = replace(context, variables=dict(context.variables))
        for statement in body.statements:
            match statement:
                case tree.Line():
                    value = self.line(statement, context, value)
                case tree.For():
                    value = self.loop(statement, context, value)
                case tree.Let():
                    self.let(statement, context, context.variables)
                case _:
                    pass  # a line of the file's top level, which the parser reported
        return value

    def let(self, node: tree.Let, context: Context, variables: dict[str, Meaning]) -> None:
        """`let x = expr`."""
        start = node.span.start + node.span.text.index(node.name, 3)
        span = Span(node.span.source, start, start + len(node.name))
        if not check_name(self.build, context, node.name, span):
            return
        try:
            variables[node.name] = Evaluator(self.build, context).meaning(node.value)
        except Unknown:
            variables[node.name] = UNKNOWN

    def loop(self, node: tree.For, context: Context, value: Value) -> Value:
        """`for a, b in (64, 2) (128, 2):`."""
        for inner in self.rounds(node, context):
            value = UNKNOWN if inner is None else self.statements(node.body, inner, value)
        return value

    def rounds(self, node: tree.Loop, context: Context) -> Iterator[Context | None]:
        """What each row of a loop makes known; None after a reported error."""
        names = [v.id for v in node.variables]
        for i, v in enumerate(node.variables):
            if v.id in names[:i]:
                message = f"this `for` has two variables `{v.id}`"
                self.build.error(context, v.span, "name-taken", message, "choose another name")
                names = []
            elif not check_name(self.build, context, v.id, v.span):
                names = []
        if not names:
            self.build.forgotten.body(node.body)
            yield None
            return
        listed = ", ".join(names)
        around = self.deeper(context, node.span)
        for row in self._rows(node, context):
            span = row[0].span.to(row[-1].span)
            self.build.work(context, span)
            evaluate = Evaluator(self.build, context)
            try:
                meanings = {n: evaluate.meaning(e) for n, e in zip(names, row, strict=True)}
            except Unknown:
                self.build.forgotten.body(node.body)
                yield None
                continue
            first = row[0]
            text = f"{first.value}" if isinstance(first, tree.Number) else quote(span).strip("`")
            text = f"({quote(span).strip('`')})" if len(row) > 1 else text
            shown = f"for {listed} in {text}"
            yield replace(
                around,
                variables=context.variables | meanings,
                frames=(RowFrame(span.source, span.start, span.end, shown), *context.frames),
            )

    def _rows(self, node: tree.Loop, context: Context) -> Iterator[tuple[tree.Expression, ...]]:
        """The rows as written; `range(n)` and `range(a, b)` stand for the numbers counted."""
        for row in node.rows:
            match row:
                case (tree.Call(function="range") as call,):
                    try:
                        numbers = self._range(call, context)
                    except Unknown:
                        self.build.forgotten.body(node.body)
                        continue
                    for number in numbers:
                        yield (tree.Number(value=number, span=call.span),)
                case _:
                    yield row

    def _range(self, call: tree.Call, context: Context) -> range:
        if len(call.arguments) not in (1, 2):
            message = f"`range` takes 1 or 2 numbers, not {len(call.arguments)}"
            help = "`range(3)` counts 0 1 2, `range(1, 3)` counts 1 2"
            self.build.error(context, call.span, "wrong-arguments", message, help)
            raise Unknown
        evaluate = Evaluator(self.build, context)
        return range(*(evaluate.integer(a, "an end of a range") for a in call.arguments))

    # Lines

    def line(self, node: tree.Line, context: Context, value: Value) -> Value:
        """`[label:] op args -> op args [from x] [*k] [if cond]`."""
        try:
            return self._line(node, context, value)
        except Unknown:
            self.build.forgotten.numbering()
            self.build.forgotten.label(node.label)
            self.build.forgotten.body(node.operations[-1].body)
            return UNKNOWN

    def repeats(self, node: tree.Line, context: Context) -> int:
        """How often a line stands there; 0 where its condition leaves it out."""
        evaluate = Evaluator(self.build, context)
        if node.condition is not None and not evaluate.truth(node.condition):
            return 0
        if node.repeat is None:
            return 1
        repeats = evaluate.integer(node.repeat, "a number of repeats")
        if not 0 <= repeats <= MOST_STEPS:
            message = f"a line can be repeated 0 to {MOST_STEPS:,} times, not {repeats:,}"
            help = f"write a number from 0 to {MOST_STEPS:,} behind the `*`"
            self.build.error(context, node.repeat.span, "bad-repeat", message, help)
            raise Unknown
        return repeats

    def _line(self, node: tree.Line, context: Context, value: Value) -> Value:
        self.build.work(context, node.span)
        repeats = self.repeats(node, context)
        if repeats == 0:
            if node.label is not None:
                label = Evaluator(self.build, context).text(node.label)
                self.build.left_out[context.full(label)] = node.span
            return value
        label = self._label(node, context)
        if node.source is not None:
            value = self._source(node.source, context)
        first_step = len(self.build.steps)
        inner = context if label is None else context.within(context.full(label))
        for _ in range(repeats):
            own = context.full(label) if label is not None and repeats == 1 else None
            value = self.chain(node.operations, inner, value, own)
            if value.shape is None:
                break  # the same again would find the same errors
        if label is not None and node.label is not None:
            full = context.full(label)
            self.build.label(full, value, node.label.span)
            made = tuple(s.owner for s in self.build.steps[first_step:])
            self.recorded[full] = Recorded(node.operations, context, repeats, made)
        return value

    def _label(self, node: tree.Line, context: Context) -> str | None:
        """The line's label, if it has one that it may have."""
        if node.label is None:
            return None
        label = Evaluator(self.build, context).text(node.label)
        self.build.check_length(context, context.full(label), node.label.span)
        if not check_name(self.build, context, label, node.label.span, is_label=True):
            self.build.forgotten.label(node.label)
            return None
        return label

    def _source(self, name: tree.Name | tree.Template, context: Context) -> Value:
        """The value behind `from`."""
        evaluate = Evaluator(self.build, context)
        text = evaluate.text(name)
        found = evaluate.known(text)
        return found if isinstance(found, Value) else self.build.resolve(context, text, name.span)
