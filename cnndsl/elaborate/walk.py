"""Walks a spec's statements and adds the steps they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.arguments import Arguments
from cnndsl.elaborate.construction import MOST_STEPS, Construction
from cnndsl.elaborate.context import (
    UNKNOWN,
    CallFrame,
    Context,
    Definition,
    LayerWord,
    Meaning,
    RowFrame,
    Size,
    Unknown,
    Value,
    head_span,
    quote,
)
from cnndsl.elaborate.expressions import FORMS, MERGES, Evaluator
from cnndsl.elaborate.names import check_name
from cnndsl.elaborate.residual import join_residual
from cnndsl.elaborate.sharing import Recorded, Sharing
from cnndsl.elaborate.synonyms import suggestion
from cnndsl.layers.base import LAYERS, Layer
from cnndsl.source import Span
from cnndsl.syntax import tree
from cnndsl.syntax.reading import UNREAD

WORK_OF_A_CALL = 5  # of a block, or of `reuse`, beside its lines
MOST_BODIES = 32  # of blocks, loops, branches and all else, in one another
RESIDUAL_WORDS = ("project", "pad", "ifsame")


class Walker:
    """Elaborates statements in order; every method takes the current value and returns the next.

    A value whose shape is None follows from an error that was reported: it passes through silently.
    Lets and loop variables are seen in the body that follows them alone.
    """

    def __init__(self, build: Construction):
        self.build = build
        self.recorded: dict[str, Recorded] = {}
        self.sharing: list[Sharing] = []  # the `reuse`s around, outermost first

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

    # Ops

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
        read, layer = Arguments(self.build, context, operation), None
        if operation.body is None:
            layer = read.layer(kind, following)
        else:
            self._unexpected_body(operation, context)
        name = own or self.build.fresh_name(context, kind.word, operation.span)
        if layer is None:
            self.build.values[name] = UNKNOWN
            return UNKNOWN
        inputs = [*([value] if kind.takes_current else []), *read.references]
        if layer.word == "unpool":
            inputs.append(self._pool_input(inputs[1], context, read.reference_spans[0]))
        value = self.add_step(context, name, layer, inputs, read.places)
        return self.chain(tuple(read.trailing), context, value, None)

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
        read, given = Arguments(self.build, context, operation), None
        if definition.broken:
            self.build.forgotten.body(operation.body)
        elif operation.body is None:
            given = read.call(definition)
        else:
            self._unexpected_body(operation, context)
        if given is None:
            self.build.values[path] = UNKNOWN
            return UNKNOWN
        depth = self.depth_within(context, operation.span)
        self.build.work(context, operation.span, WORK_OF_A_CALL)
        inner = Context(
            file=definition.file,
            variables={},
            entry=value,
            path=path,
            frames=(_call_frame(operation, definition, given), *context.frames),
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
        return self.chain(tuple(read.trailing), context, value, None)

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

    # Forms

    def form(
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
        if operation.body is not None:
            self._unexpected_body(operation, context)
            return UNKNOWN
        read = Arguments(self.build, context, operation)
        if not read.form((), "for example `| skip`"):
            return UNKNOWN
        return self.chain(tuple(read.trailing), context, value, None)

    def _merge(
        self, operation: tree.Operation, context: Context, value: Value, own: str | None
    ) -> Value:
        """`concat:`, `add:` and the like with `| branch` lines; a branch left out isn't there."""
        example = f"without a body, `{operation.name} x` merges with the value `x`"
        read = Arguments(self.build, context, operation)
        good = read.form((), example)
        body = operation.body
        if not isinstance(body, tree.Branches) or _only_branch(body):
            message = f"`{operation.name}:` needs two branches at least: lines that start with `|`"
            help = "start every branch with `|`; `| skip` is the input itself"
            self.build.error(context, head_span(operation), "missing-branches", message, help)
            good = False
        if not good or not isinstance(body, tree.Branches):
            self.build.forgotten.body(body)
            return UNKNOWN
        inner = self.deeper(context, operation.span)
        ends = list(self._ends(body, inner, value))
        if not ends:
            message = f"every branch of `{operation.name}:` is left out by its `if` or its `*`"
            help = "`| skip` is the input itself"
            self.build.error(context, head_span(operation), "missing-branches", message, help)
            return UNKNOWN
        if len(ends) > 1:
            layer = LAYERS[operation.name]()
            name = own or self.build.fresh_name(context, operation.name, operation.span)
            value = self.add_step(context, name, layer, ends, read.places)
        else:
            value = ends[0]
        return self.chain(tuple(read.trailing), context, value, None)

    def _ends(self, body: tree.Branches, context: Context, value: Value) -> Iterator[Value]:
        """What the branches end in that aren't left out; each row of a loop makes its own."""
        for branch in body.branches:
            if isinstance(branch, tree.BranchLoop):
                for inner in self.rounds(branch, context):
                    if inner is None:
                        yield UNKNOWN
                    else:
                        yield from self._ends(branch.body, inner, value)
            elif self._is_taken(branch[0], context):
                yield self._branch(branch, context, value)

    def _branch(self, branch: tuple[tree.Line, ...], context: Context, value: Value) -> Value:
        for line in branch:
            value = self.line(line, context, value)
        return value

    def _is_taken(self, line: tree.Line, context: Context) -> bool:
        try:
            return self.repeats(line, context) > 0
        except Unknown:
            return True

    def _residual(
        self, operation: tree.Operation, context: Context, value: Value, own: str | None
    ) -> Value:
        body = operation.body
        if body is None:
            definition = context.file.definition("basicblock")
            assert definition is not None, "the prelude defines basicblock"
            return self.call(operation, definition, context, value, own)
        example = "for example `residual project relu:`"
        read = Arguments(self.build, context, operation)
        good = read.form(RESIDUAL_WORDS, example)
        if good and isinstance(body, tree.Branches):
            message = "the body of `residual:` is a sequence of lines, without `|`"
            help = "drop the `|`; branches that start with `|` are added by `add:`"
            self.build.error(context, head_span(operation), "unexpected-branches", message, help)
        if not good or isinstance(body, tree.Branches):
            self.build.forgotten.body(body)
            return UNKNOWN
        inner = self.deeper(context, operation.span)
        end = self.statements(body, inner, value)

        def step(name: str, layer: Layer, *inputs: Value) -> Value:
            return self.add_step(context, name, layer, list(inputs), read.places)

        option = read.values.get("option")
        value = join_residual(self.build, context, step, operation, option, value, end, own)
        return self.chain(tuple(read.trailing), context, value, None)

    def _head(self, operation: tree.Operation, context: Context, value: Value) -> Value:
        """`head name train:`: a side chain; the line below goes on from the line above."""
        words = [a.name for a in operation.arguments if isinstance(a, tree.Word)]
        named = [w for w in words if w.span.text != "train"]
        form = len(words) == len(operation.arguments) == 2 and len(named) == 1
        if not form or not isinstance(operation.body, tree.Sequence):
            message = "a head has a name, the word `train` and an indented body, and nothing else"
            help = f"write `head {named[0].span.text[:40] if named else 'aux'} train:`"
            self.build.error(context, operation.span, "bad-head", message, help)
            self.build.forgotten.head(operation)
            self.build.forgotten.body(operation.body)
            return value
        name, span = Evaluator(self.build, context).text(named[0]), named[0].span
        full = context.full(name)
        if not check_name(self.build, context, name, span, is_label=True):
            self.build.forgotten.body(operation.body)
            return value
        self.build.check_length(context, full, span)
        inner = replace(self.deeper(context, operation.span).within(full), head=full)
        end = self.statements(operation.body, inner, value)
        self.build.label(full, end, span)
        self.build.heads[full] = end.name
        return value

    def _reuse(
        self, operation: tree.Operation, context: Context, value: Value, own: str | None
    ) -> Value:
        """`reuse a`: the line labelled `a` once more, with its weights."""
        if operation.body is not None:
            self._unexpected_body(operation, context)
            return UNKNOWN
        first = operation.arguments[0] if operation.arguments else None
        if not isinstance(first, tree.Word):
            message = "`reuse` needs the label of the line whose weights are shared"
            help = "label that line, `a: conv …`, and write `reuse a`"
            self.build.error(context, operation.span, "missing-argument", message, help)
            return UNKNOWN
        self.build.work(context, operation.span, WORK_OF_A_CALL)
        words = replace(operation, arguments=operation.arguments[1:])
        help = "`reuse` takes one label, and the arguments of the line that has it"
        read = Arguments(self.build, context, words)
        good = read.form((), help)
        label = Evaluator(self.build, context).text(first.name)
        recorded = self._recorded(context, label, first)
        path = own or self.build.fresh_name(context, "reuse", operation.span)
        if not good:
            return UNKNOWN
        inner = replace(
            recorded.context,
            path=path,
            frames=(operation.span, *context.frames),
            head=context.head,
            inside=context.inside,
            depth=self.depth_within(context, operation.span),
        )
        sharing = Sharing(self.build, context, operation.span, label, recorded.steps)
        self.sharing.append(sharing)
        findings = len(self.build.errors)
        try:
            for _ in range(recorded.repeats):
                first_own = path if recorded.repeats == 1 else None
                value = self.chain(recorded.operations, inner, value, first_own)
        finally:
            self.sharing.pop()
        if len(self.build.errors) == findings and value.shape is not None:
            sharing.finish()
        return self.chain(tuple(read.trailing), context, value, None)

    def _recorded(self, context: Context, label: str, word: tree.Word) -> Recorded:
        """The labelled line of that name; raises Unknown after a reported error."""
        path = context.path
        while True:
            found = self.recorded.get(f"{path}.{label}" if path else label)
            if found is not None:
                return found
            if not path:
                break
            path = path.rpartition(".")[0]
        value = self.build.find(context, label)
        if value is None and not self.build.forgotten.covers(label):
            help = did_you_mean(label, self.recorded, "label the line whose weights are shared")
            message = f"no line above has the label `{label}`"
            self.build.error(context, word.span, "unknown-value", message, help)
        elif value is not None and value.shape is not None:
            message = f"{quote(word.span)} is no label of a line, so there is nothing to repeat"
            help = "label the line whose weights are shared: `a: conv …`, then `reuse a`"
            self.build.error(context, word.span, "not-a-label", message, help)
        raise Unknown

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


def _call_frame(
    operation: tree.Operation, definition: Definition, given: Mapping[str, Meaning]
) -> CallFrame:
    """The call as it was written, or with values in the place of names and what is computed."""
    span = operation.span
    said = " ".join(span.text.split())
    if not all(map(_is_plain, operation.arguments)):
        names = [parameter.name for parameter in definition.node.parameters]
        words = [
            _shown(value)
            if name == positional and not isinstance(value, LayerWord)
            else f"{name}={_shown(value)}"
            for (name, value), positional in zip(given.items(), names, strict=False)
        ]
        said = " ".join([operation.name, *words])
    return CallFrame(span.source, span.start, span.end, said)


def _is_plain(argument: tree.Argument) -> bool:
    match argument:
        case tree.Value(expression=value) | tree.Keyed(value=value):
            return isinstance(value, tree.Number)
        case tree.Option():
            return True
        case _:
            return False


def _shown(meaning: Meaning) -> str:
    match meaning:
        case int() | float():
            return f"{meaning:.6g}" if isinstance(meaning, float) else str(meaning)
        case Size():
            return "x".join(map(str, meaning.values))
        case LayerWord():
            return f"({meaning.text})" if meaning.numbers else meaning.name
        case _:
            return meaning.name or "…"


def _only_branch(body: tree.Branches) -> bool:
    return len(body.branches) == 1 and not isinstance(body.branches[0], tree.BranchLoop)
