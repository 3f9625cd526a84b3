"""What an op on a line means: a layer, a block, or a form such as `residual:` or `concat:`."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.binding import Binder, head_span
from cnndsl.elaborate.calls import CallBinder
from cnndsl.elaborate.construction import MOST_CALLS, Construction
from cnndsl.elaborate.context import Context, Definition, Unknown, Value
from cnndsl.elaborate.expressions import FORMS, Evaluator
from cnndsl.elaborate.names import check_name
from cnndsl.elaborate.residual import join_residual
from cnndsl.layers.base import LAYERS, Layer
from cnndsl.source import Span
from cnndsl.syntax import tree

MERGES = ("concat", "add", "mul")


@dataclass(slots=True)
class Recorded:
    """A labelled line, as `reuse` repeats it."""

    line: tree.Line
    context: Context
    steps: list[str]


class Operations:
    """Elaborates ops; every method takes the current value and returns the next.

    A value whose shape is None follows from an error that was reported: it passes through silently.
    """

    def __init__(self, build: Construction):
        self.build = build
        self.recorded: dict[str, Recorded] = {}
        self._sharing: list[str] | None = None  # steps whose weights a `reuse` still hands out

    @abstractmethod
    def statements(self, body: tree.Sequence, context: Context, value: Value) -> Value:
        """A body's statements."""

    @abstractmethod
    def line(self, node: tree.Line, context: Context, value: Value) -> Value:
        """A branch's line."""

    def chain(
        self,
        operations: tuple[tree.Operation, ...],
        context: Context,
        value: Value,
        own: str | None,
    ) -> Value:
        for i, operation in enumerate(operations):
            following = operations[i + 1] if i + 1 < len(operations) else None
            value = self.operation(operation, context, value, own, following)
            own = None
        return value

    def operation(
        self,
        operation: tree.Operation,
        context: Context,
        value: Value,
        own: str | None = None,
        following: tree.Operation | None = None,
    ) -> Value:
        """One op with its trailing words; `own` is the name that its step takes from a label."""
        self.build.count_operation(context, operation.span)
        name = operation.name
        meaning = Evaluator(self.build, context).known(name)
        if isinstance(meaning, Value | int | float):
            kind = "a value" if isinstance(meaning, Value) else "a number"
            message = f"`{name}` is {kind}, not a layer"
            help = f"`… from {name}` takes it as the input of a layer"
            self.build.error(context, head_span(operation), "not-a-layer", message, help)
            return Value("?", None)
        name = getattr(meaning, "name", name)
        if name != operation.name:
            operation = replace(operation, name=name)
        if name in FORMS and (operation.body or name not in MERGES):
            return self._form(operation, context, value, own)
        if name in LAYERS:
            return self._layer(operation, LAYERS[name], context, value, own, following)
        definition = context.file.definition(name)
        if definition is not None:
            return self._call(operation, definition, context, value, own)
        candidates = (*LAYERS, *FORMS, *context.file.definition_names())
        help = did_you_mean(name, candidates, "`cnndsl explain layers` lists them")
        self.build.error(
            context, head_span(operation), "unknown-layer", f"there is no layer `{name}`", help
        )
        return Value("?", None)

    def _layer(
        self,
        operation: tree.Operation,
        kind: type[Layer],
        context: Context,
        value: Value,
        own: str | None,
        following: tree.Operation | None,
    ) -> Value:
        if operation.body is not None:
            message = f"`{operation.name}` takes no indented body"
            self.build.error(context, head_span(operation), "unexpected-body", message)
            return Value("?", None)
        binder = Binder(self.build, context, operation)
        bound = binder.layer(kind, following)
        if bound is None:
            return Value("?", None)
        layer, rest = bound
        inputs = [*([value] if kind.takes_current else []), *rest.references]
        if layer.word == "unpool":
            inputs.append(self._pool_input(inputs[1], context, rest.places[""]))
        name = own or self.build.fresh_name(context, layer.word)
        value = self._add(context, name, layer, inputs, rest.places)
        return self.chain(tuple(rest.trailing), context, value, None)

    def _add(
        self,
        context: Context,
        name: str,
        layer: Layer,
        inputs: list[Value],
        places: dict[str, Span],
    ) -> Value:
        if self._sharing is None:
            return self.build.add(context, name, layer, inputs, places)
        if not self._sharing:
            message = "the line takes more steps here than where its weights come from"
            self.build.error(context, places[""], "reuse-mismatch", message)
            raise Unknown
        return self.build.add(context, name, layer, inputs, places, self._sharing.pop(0))

    def _pool_input(self, pooled: Value, context: Context, span: Span) -> Value:
        """What the pool named by an `unpool` took in: the size to go back to."""
        if pooled.shape is None:
            return pooled
        for step in reversed(self.build.steps):
            if step.name == pooled.name:
                if step.layer.word == "pool":
                    return self.build.values[step.inputs[0]]
                break
        message = f"`unpool` takes the label of a pool, and `{pooled.name}` isn't one"
        help = "label the pool alone: `P1: pool 2x2 s2`, then `unpool P1`"
        self.build.error(context, span, "not-a-pool", message, help)
        return Value("?", None)

    # Blocks and forms

    def _call(
        self,
        operation: tree.Operation,
        definition: Definition,
        context: Context,
        value: Value,
        own: str | None,
    ) -> Value:
        bound = CallBinder(self.build, context, operation).call(definition)
        if bound is None:
            return Value("?", None)
        given, rest = bound
        span = head_span(operation)
        if len(context.inside) >= MOST_CALLS or context.inside.count(operation.name) > 2:
            self.build.stop(
                context,
                span,
                "recursion",
                f"blocks are nested {len(context.inside)} deep here, `{operation.name}` in itself",
                f"a block can't call itself; the limit is {MOST_CALLS} blocks in one another",
            )
        if operation.body is not None:
            message = f"the block `{operation.name}` takes no indented body"
            self.build.error(context, span, "unexpected-body", message)
            return Value("?", None)
        inner = Context(
            file=definition.file,
            variables={},
            entry=value,
            path=own or self.build.fresh_name(context, operation.name),
            frames=(operation.span, *context.frames),
            head=context.head,
            inside=(*context.inside, operation.name),
        )
        evaluate = Evaluator(self.build, inner)
        for parameter in definition.node.parameters:
            if parameter.name in given:
                inner.variables[parameter.name] = given[parameter.name]
            elif parameter.default is not None:
                inner.variables[parameter.name] = evaluate.meaning(parameter.default)
        value = self.statements(definition.node.body, inner, value)
        return self.chain(tuple(rest.trailing), context, value, None)

    def _form(
        self, operation: tree.Operation, context: Context, value: Value, own: str | None
    ) -> Value:
        match operation.name:
            case "skip":
                return self._skip(operation, context, value)
            case "residual":
                return self._residual(operation, context, value, own)
            case "head":
                return self._head(operation, context, value)
            case "reuse":
                return self._reuse(operation, context, value, own)
            case _:
                return self._merge(operation, context, value, own)

    def _skip(self, operation: tree.Operation, context: Context, value: Value) -> Value:
        rest = Binder(self.build, context, operation).form(())
        if rest is None:
            return Value("?", None)
        return self.chain(tuple(rest.trailing), context, value, None)

    def _merge(
        self, operation: tree.Operation, context: Context, value: Value, own: str | None
    ) -> Value:
        """`concat:`, `add:`, `mul:` with `| branch` lines."""
        rest = Binder(self.build, context, operation).form(())
        if rest is None or not isinstance(operation.body, tree.Branches):
            if rest is not None:
                message = f"the body of `{operation.name}:` is made of `| …` lines"
                help = "start every branch with `|`; `| skip` is the input itself"
                self.build.error(context, head_span(operation), "missing-branches", message, help)
            return Value("?", None)
        ends: list[Value] = []
        for branch in operation.body.branches:
            end = value
            for line in branch:
                end = self.line(line, context, end)
            ends.append(end)
        if len(ends) < 2:
            message = f"`{operation.name}:` merges two branches or more, not {len(ends)}"
            self.build.error(context, head_span(operation), "missing-branches", message)
            return Value("?", None)
        layer = LAYERS[operation.name]()
        name = own or self.build.fresh_name(context, operation.name)
        value = self._add(context, name, layer, ends, rest.places)
        return self.chain(tuple(rest.trailing), context, value, None)

    def _residual(
        self, operation: tree.Operation, context: Context, value: Value, own: str | None
    ) -> Value:
        if operation.body is None:
            definition = context.file.definition("basicblock")
            assert definition is not None, "the prelude defines basicblock"
            return self._call(operation, definition, context, value, own)
        rest = Binder(self.build, context, operation).form(("project", "pad", "ifsame"))
        if rest is None:
            return Value("?", None)
        if isinstance(operation.body, tree.Branches):
            message = "the body of `residual:` is a sequence of lines, without `|`"
            help = "`add:` adds branches that start with `|`"
            self.build.error(context, head_span(operation), "unexpected-branches", message, help)
            return Value("?", None)
        body = self.statements(operation.body, context, value)

        def step(name: str, layer: Layer, *inputs: Value) -> Value:
            return self._add(context, name, layer, list(inputs), rest.places)

        value = join_residual(
            self.build, context, step, operation, rest.values.get(""), value, body, own
        )
        return self.chain(tuple(rest.trailing), context, value, None)

    def _head(self, operation: tree.Operation, context: Context, value: Value) -> Value:
        """`head name train:`: a side chain; the line below goes on from the line above."""
        words = [a.name for a in operation.arguments if isinstance(a, tree.Word)]
        texts = [Evaluator(self.build, context).text(w) for w in words]
        named = [t for t in texts if t != "train"]
        form = len(words) == len(operation.arguments) and len(named) == 1 and len(texts) == 2
        if not form or not isinstance(operation.body, tree.Sequence):
            message = "a head is written `head name train:` with an indented body"
            self.build.error(context, operation.span, "bad-head", message)
            return value
        name = named[0]
        span = words[texts.index(name)].span
        if not check_name(self.build, context, name, span, is_label=True):
            return value
        full = context.full(name)
        inner = replace(context.within(full), head=full)
        end = self.statements(operation.body, inner, value)
        self.build.labels[full] = end
        self.build.heads[full] = end.name
        return value

    def _reuse(
        self, operation: tree.Operation, context: Context, value: Value, own: str | None
    ) -> Value:
        """`reuse a`: the line labelled `a` once more, with its weights."""
        words = [a for a in operation.arguments if isinstance(a, tree.Word)]
        if len(words) != len(operation.arguments) or not words:
            message = "`reuse` takes the label of a line above, and nothing else"
            self.build.error(context, operation.span, "bad-reuse", message)
            return Value("?", None)
        label = Evaluator(self.build, context).text(words[0].name)
        recorded = self._find_recorded(context, label)
        if recorded is None:
            help = did_you_mean(label, self.recorded, "label the line whose weights are shared")
            message = f"no line above has the label `{label}`"
            self.build.error(context, words[0].span, "unknown-value", message, help)
            return Value("?", None)
        path = own or self.build.fresh_name(context, "reuse")
        inner = replace(
            recorded.context,
            path=path,
            frames=(operation.span, *context.frames),
            head=context.head,
            inside=(*context.inside, "reuse"),
        )
        if len(inner.inside) > MOST_CALLS:
            self.build.stop(context, operation.span, "recursion", "`reuse` is nested too deep")
        outer, self._sharing = self._sharing, list(recorded.steps)
        value = self.chain(recorded.line.operations, inner, value, path)
        self._sharing = outer
        rest = tuple(
            tree.Operation(name=Evaluator(self.build, context).text(w.name), span=w.span)
            for w in words[1:]
        )
        return self.chain(rest, context, value, None)

    def _find_recorded(self, context: Context, label: str) -> Recorded | None:
        path = context.path
        while True:
            full = f"{path}.{label}" if path else label
            if full in self.recorded or not path:
                return self.recorded.get(full)
            path = path.rpartition(".")[0]
