"""The forms that are no layers: `skip`, `residual`, merges such as `concat:`, `head`, `reuse`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.binding import LayerBinder
from cnndsl.elaborate.context import UNKNOWN, Context, Unknown, Value, quote
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.elaborate.names import check_name
from cnndsl.elaborate.operations import WORK_OF_A_CALL, Operations
from cnndsl.elaborate.reader import head_span
from cnndsl.elaborate.residual import join_residual
from cnndsl.elaborate.sharing import Recorded, Sharing
from cnndsl.layers.base import LAYERS, Layer
from cnndsl.syntax import tree

RESIDUAL_WORDS = ("project", "pad", "ifsame")


def _only_branch(body: tree.Branches) -> bool:
    return len(body.branches) == 1 and not isinstance(body.branches[0], tree.BranchLoop)


class Forms(Operations):
    """Elaborates forms."""

    @abstractmethod
    def line(self, node: tree.Line, context: Context, value: Value) -> Value:
        """A branch's line."""

    @abstractmethod
    def rounds(self, node: tree.Loop, context: Context) -> Iterator[Context | None]:
        """What each row of a loop makes known; None after a reported error."""

    @abstractmethod
    def repeats(self, node: tree.Line, context: Context) -> int:
        """How often a line stands there; 0 where its condition leaves it out."""

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
        rest = LayerBinder(self.build, context, operation).form((), "for example `| skip`")
        if rest is None:
            return UNKNOWN
        return self.chain(tuple(rest.trailing), context, value, None)

    def _merge(
        self, operation: tree.Operation, context: Context, value: Value, own: str | None
    ) -> Value:
        """`concat:`, `add:` and the like with `| branch` lines; a branch left out isn't there."""
        example = f"without a body, `{operation.name} x` merges with the value `x`"
        rest = LayerBinder(self.build, context, operation).form((), example)
        body = operation.body
        if not isinstance(body, tree.Branches) or _only_branch(body):
            message = f"`{operation.name}:` needs two branches at least: lines that start with `|`"
            help = "start every branch with `|`; `| skip` is the input itself"
            self.build.error(context, head_span(operation), "missing-branches", message, help)
            rest = None
        if rest is None or not isinstance(body, tree.Branches):
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
            value = self.add_step(context, name, layer, ends, rest.places)
        else:
            value = ends[0]
        return self.chain(tuple(rest.trailing), context, value, None)

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
        rest = LayerBinder(self.build, context, operation).form(RESIDUAL_WORDS, example)
        if rest is not None and isinstance(body, tree.Branches):
            message = "the body of `residual:` is a sequence of lines, without `|`"
            help = "drop the `|`; branches that start with `|` are added by `add:`"
            self.build.error(context, head_span(operation), "unexpected-branches", message, help)
        if rest is None or isinstance(body, tree.Branches):
            self.build.forgotten.body(body)
            return UNKNOWN
        inner = self.deeper(context, operation.span)
        end = self.statements(body, inner, value)

        def step(name: str, layer: Layer, *inputs: Value) -> Value:
            return self.add_step(context, name, layer, list(inputs), rest.places)

        option = rest.values.get("option")
        value = join_residual(self.build, context, step, operation, option, value, end, own)
        return self.chain(tuple(rest.trailing), context, value, None)

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
        rest = LayerBinder(self.build, context, words).form((), help)
        label = Evaluator(self.build, context).text(first.name)
        recorded = self._recorded(context, label, first)
        path = own or self.build.fresh_name(context, "reuse", operation.span)
        if rest is None:
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
        return self.chain(tuple(rest.trailing), context, value, None)

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
