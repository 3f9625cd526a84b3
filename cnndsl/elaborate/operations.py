"""What an op on a line means: a layer, a block, or a form such as `residual:` or `concat:`."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from cnndsl.elaborate.binding import LayerBinder
from cnndsl.elaborate.calls import CallBinder, call_frame
from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import (
    UNKNOWN,
    Context,
    Definition,
    LayerWord,
    Size,
    Unknown,
    Value,
    quote,
)
from cnndsl.elaborate.expressions import FORMS, MERGES, Evaluator
from cnndsl.elaborate.reader import head_span
from cnndsl.elaborate.sharing import Recorded, Sharing
from cnndsl.elaborate.synonyms import suggestion
from cnndsl.layers.base import LAYERS, Layer
from cnndsl.source import Span
from cnndsl.syntax import tree
from cnndsl.syntax.reading import UNREAD

WORK_OF_A_CALL = 5  # of a block, or of `reuse`, beside its lines
MOST_BODIES = 32  # of blocks, loops, branches and all else, in one another


class Operations:
    """Elaborates ops; every method takes the current value and returns the next.

    A value whose shape is None follows from an error that was reported: it passes through silently.
    """

    def __init__(self, build: Construction):
        self.build = build
        self.recorded: dict[str, Recorded] = {}
        self.sharing: list[Sharing] = []  # the `reuse`s around, outermost first

    @abstractmethod
    def statements(self, body: tree.Sequence, context: Context, value: Value) -> Value:
        """A body's statements."""

    @abstractmethod
    def form(
        self, operation: tree.Operation, context: Context, value: Value, own: str | None
    ) -> Value:
        """`residual:`, `concat:`, `head:`, `reuse`, `skip`."""

    def chain(
        self,
        operations: tuple[tree.Operation, ...],
        context: Context,
        value: Value,
        own: str | None,
    ) -> Value:
        """Ops one after the other; the first step takes the name `own`, if there is one."""
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
        self.build.work(context, operation.span)
        unread = operation.name == UNREAD and self.build.forgotten.lines
        if unread or operation.name in self.build.forgotten.blocks:
            self.build.forgotten.numbering()
            self.build.forgotten.body(operation.body)
            return UNKNOWN
        meaning = Evaluator(self.build, context).known(operation.name)
        if isinstance(meaning, Value | Size | int | float):
            self._not_a_layer(operation, context, meaning)
            return UNKNOWN
        if isinstance(meaning, LayerWord) and meaning.name != operation.name:
            arguments = (*meaning.arguments(head_span(operation)), *operation.arguments)
            operation = replace(operation, name=meaning.name, arguments=arguments)
        name = operation.name
        if name in FORMS and (operation.body or name not in MERGES):
            return self.form(operation, context, value, own)
        if name in LAYERS:
            return self._layer(operation, LAYERS[name], context, value, own, following)
        definition = context.file.definition(name)
        if definition is not None:
            return self.call(operation, definition, context, value, own)
        self._unknown_layer(operation, context)
        return UNKNOWN

    def deeper(self, context: Context, span: Span) -> Context:
        """The context within one more body."""
        return replace(context, depth=self.depth_within(context, span))

    def depth_within(self, context: Context, span: Span) -> int:
        """The depth within one more body; bounds how many may be in one another."""
        if context.depth >= MOST_BODIES:
            message = f"blocks, loops and bodies are nested more than {MOST_BODIES} deep here"
            help = "write fewer of them in one another"
            self.build.stop(context, span, "nested-too-deep", message, help)
        return context.depth + 1

    def add_step(
        self,
        context: Context,
        name: str,
        layer: Layer,
        inputs: list[Value],
        places: dict[str, Span],
    ) -> Value:
        """Add a step, which within a `reuse` takes its weights from the repeated line's."""
        shares = None
        for sharing in self.sharing:
            shares = sharing.next()
        if shares is not None:
            self.sharing[-1].check(layer, inputs, shares)
        return self.build.add(context, name, layer, inputs, places, shares)

    def _layer(
        self,
        operation: tree.Operation,
        kind: type[Layer],
        context: Context,
        value: Value,
        own: str | None,
        following: tree.Operation | None,
    ) -> Value:
        bound = None
        if operation.body is None:
            bound = LayerBinder(self.build, context, operation).layer(kind, following)
        else:
            self._unexpected_body(operation, context)
        name = own or self.build.fresh_name(context, kind.word, operation.span)
        if bound is None:
            self.build.values[name] = UNKNOWN
            return UNKNOWN
        layer, rest = bound
        inputs = [*([value] if kind.takes_current else []), *rest.references]
        if layer.word == "unpool":
            inputs.append(self._pool_input(inputs[1], context, rest.reference_spans[0]))
        value = self.add_step(context, name, layer, inputs, rest.places)
        return self.chain(tuple(rest.trailing), context, value, None)

    def _pool_input(self, pooled: Value, context: Context, span: Span) -> Value:
        """What the pool named by an `unpool` took in: the size to go back to."""
        if pooled.shape is None:
            return pooled
        step = self.build.by_name.get(pooled.name)
        if step is not None and step.layer.word == "pool":
            return self.build.values[step.inputs[0]]
        what = "an input" if step is None else f"made by `{step.layer.word}`"
        message = f"`unpool` takes the label of a pool, but {quote(span)} is {what}"
        help = "a label names the end of its line: write `P1: pool 2x2 s2` alone, then `unpool P1`"
        self.build.error(context, span, "not-a-pool", message, help)
        return UNKNOWN

    # Blocks

    def call(
        self,
        operation: tree.Operation,
        definition: Definition,
        context: Context,
        value: Value,
        own: str | None,
    ) -> Value:
        """A block's body with the parameters that a line gives it."""
        self._check_recursion(operation, definition, context)
        path = own or self.build.fresh_name(context, operation.name, operation.span)
        bound = None
        if definition.broken:
            self.build.forgotten.body(operation.body)
        elif operation.body is None:
            bound = CallBinder(self.build, context, operation).call(definition)
        else:
            self._unexpected_body(operation, context)
        if bound is None:
            self.build.values[path] = UNKNOWN
            return UNKNOWN
        given, rest = bound
        depth = self.depth_within(context, operation.span)
        self.build.work(context, operation.span, WORK_OF_A_CALL)
        inner = Context(
            file=definition.file,
            variables={},
            entry=value,
            path=path,
            frames=(call_frame(operation, definition, given), *context.frames),
            head=context.head,
            inside=(*context.inside, definition),
            depth=depth,
        )
        for parameter in definition.node.parameters:
            if parameter.name in given:
                inner.variables[parameter.name] = given[parameter.name]
            elif parameter.default is not None:
                try:
                    default = Evaluator(self.build, inner).meaning(parameter.default)
                except Unknown:
                    default = UNKNOWN
                inner.variables[parameter.name] = default
        value = self.statements(definition.node.body, inner, value)
        return self.chain(tuple(rest.trailing), context, value, None)

    def _check_recursion(
        self, operation: tree.Operation, definition: Definition, context: Context
    ) -> None:
        if not any(block is definition for block in context.inside):
            return
        names = [block.node.name for block in context.inside]
        between = names[len(names) - names[::-1].index(definition.node.name) :]
        way = f" by way of `{between[0]}`" if between else ""
        message = f"the block `{definition.node.name}` calls itself{way}, which never ends"
        help = "repeat a line by `*k`, or lines by `for`"
        self.build.stop(context, head_span(operation), "recursive-block", message, help)

    # What isn't allowed

    def _not_a_layer(
        self, operation: tree.Operation, context: Context, meaning: Value | Size | int | float
    ) -> None:
        name = operation.name
        if isinstance(meaning, Value):
            message, help = (
                f"`{name}` is a value, not a layer",
                f"`relu from {name}` goes on from it",
            )
        else:
            kind = "a size" if isinstance(meaning, Size) else "a number"
            message, help = f"`{name}` is {kind}, not a layer", "start the line with a layer"
        self.build.error(context, head_span(operation), "not-a-layer", message, help)
        self.build.forgotten.numbering()
        self.build.forgotten.body(operation.body)

    def _unexpected_body(self, operation: tree.Operation, context: Context) -> None:
        message = f"{quote(head_span(operation))} takes no indented body"
        help = "drop the colon, and indent the lines below like this one"
        self.build.error(context, head_span(operation), "unexpected-body", message, help)
        self.build.forgotten.body(operation.body)

    def _unknown_layer(self, operation: tree.Operation, context: Context) -> None:
        name, file = operation.name, context.file
        if self.build.has_error("unknown-layer", operation.span):
            return
        if name in file.below and self.build.forgotten.covers(name):
            return  # said of another line
        made_here = self.build.forgotten.covers(name)
        self.build.forgotten.numbering()
        self.build.forgotten.body(operation.body)
        if made_here:
            return
        message = f"there is no layer `{name}`"
        if name in file.below:
            message += f" yet: the block is defined in line {file.below[name].line}, further down"
            help = "move its `def` above this line"
            self.build.forgotten.name(name)
        else:
            help = suggestion(name, (*LAYERS, *FORMS, *file.definition_names()))
            if file.incomplete and not help:
                return  # it may be in the file that couldn't be read
        help = help or "`cnndsl explain layers` lists them; blocks of your own begin with `def`"
        self.build.error(context, head_span(operation), "unknown-layer", message, help)
