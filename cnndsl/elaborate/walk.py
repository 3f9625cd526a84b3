"""Walks a spec's statements and adds the steps they mean."""

from __future__ import annotations

from dataclasses import replace

from cnndsl.elaborate.construction import MOST_STEPS
from cnndsl.elaborate.context import Context, Meaning, Unknown, Value
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.elaborate.names import check_name
from cnndsl.elaborate.operations import Operations, Recorded
from cnndsl.source import Span
from cnndsl.syntax import tree

MERGES = ("concat", "add", "mul")


class Walker(Operations):
    """Elaborates statements in order; every method takes the current value and returns the next.

    Lets and loop variables are seen in the body that follows them alone.
    """

    def statements(self, body: tree.Sequence, context: Context, value: Value) -> Value:
        """A block's statements; its lets are seen below them alone."""
        context = replace(context, variables=dict(context.variables))
        for statement in body.statements:
            value = self.statement(statement, context, value)
        return value

    def statement(self, node: tree.Statement, context: Context, value: Value) -> Value:
        """One statement within a block."""
        match node:
            case tree.Line():
                return self.line(node, context, value)
            case tree.For():
                return self.loop(node, context, value)
            case tree.Let():
                self.let(node, context, context.variables)
            case _:
                word = node.span.text.split(maxsplit=1)[0]
                message = f"`{word}` belongs to the top of a file, not into a block"
                self.build.error(context, node.span, "misplaced-statement", message)
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
            variables[node.name] = Value("?", None)

    def loop(self, node: tree.For, context: Context, value: Value) -> Value:
        """`for a, b in (64, 2) (128, 2):`."""
        names = [v.id for v in node.variables]
        if not all(check_name(self.build, context, v.id, v.span) for v in node.variables):
            return replace(value, shape=None)
        for row in node.rows:
            frame = row[0].span.to(row[-1].span)
            self.build.count_operation(context, frame)
            if len(row) != len(names):
                self.build.error(
                    context,
                    frame,
                    "wrong-row",
                    f"{len(names)} variables can't take {len(row)} values",
                    f"every row needs {len(names)} values, as `({', '.join(names)})`",
                )
                return replace(value, shape=None)
            evaluate = Evaluator(self.build, context)
            try:
                meanings = {n: evaluate.meaning(e) for n, e in zip(names, row, strict=True)}
            except Unknown:
                value = replace(value, shape=None)
                continue
            inner = replace(
                context,
                variables=context.variables | meanings,
                frames=(frame, *context.frames),
            )
            value = self.statements(node.body, inner, value)
        return value

    # Lines

    def line(self, node: tree.Line, context: Context, value: Value) -> Value:
        """`[label:] op args -> op args [from x] [*k] [if cond]`."""
        try:
            return self._line(node, context, value)
        except Unknown:
            self._forget_label(node, context)
            return Value("?", None)

    def _line(self, node: tree.Line, context: Context, value: Value) -> Value:
        evaluate = Evaluator(self.build, context)
        if node.condition is not None and not evaluate.truth(node.condition):
            return value
        repeats = 1
        if node.repeat is not None:
            repeats = evaluate.integer(node.repeat, "a number of repeats")
            if not 0 <= repeats <= MOST_STEPS:
                message = f"a line can be repeated 0 to {MOST_STEPS:,} times, not {repeats:,}"
                self.build.error(context, node.repeat.span, "bad-repeat", message)
                raise Unknown
        if node.source is not None:
            name = evaluate.text(node.source)
            found = evaluate.known(name)
            if not isinstance(found, Value):
                found = self.build.resolve(context, name, node.source.span)
            value = found or Value("?", None)
        label = None
        if node.label is not None:
            label = evaluate.text(node.label)
            if not check_name(self.build, context, label, node.label.span, is_label=True):
                label = None
        first_step = len(self.build.steps)
        inner = context.within(context.full(label)) if label else context
        for _ in range(repeats):
            own = context.full(label) if label and repeats == 1 else None
            value = self.chain(node.operations, inner, value, own)
        if label:
            full = context.full(label)
            self.build.labels[full] = value
            made = [s.owner for s in self.build.steps[first_step:]]
            self.recorded[full] = Recorded(node, context, made)
        return value

    def _forget_label(self, node: tree.Line, context: Context) -> None:
        """A line that failed still names a value, so that its uses stay silent."""
        if isinstance(node.label, tree.Name):
            self.build.labels.setdefault(context.full(node.label.id), Value("?", None))
