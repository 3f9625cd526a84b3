"""The network under construction: steps, names, findings, and the limits of hostile specs."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.diagnostics import Diagnostic, SpecError, did_you_mean
from cnndsl.elaborate.context import Context, Unknown, Value
from cnndsl.elaborate.forgotten import Forgotten
from cnndsl.elaborate.symbols import equality_work, joined, too_complex
from cnndsl.layers.base import LAYERS, Layer, Parameter, ShapeError
from cnndsl.network import Origin, Step
from cnndsl.shape import Condition, Shape
from cnndsl.source import Span

MOST_STEPS = 20_000
MOST_WORK = 300_000  # lines, ops and parts of expressions, unrolled
MOST_ELEMENTS = 1 << 40  # of one value or one parameter
MOST_FINDINGS = 50
LONGEST_NAME = 200  # scopes included
SHORT_OPTIONS = ("s", "k", "p", "d", "g", "op")  # a block may be called so, but its steps not


class Construction:
    """Collects steps and diagnostics; every limit on how much there may be is enforced here."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.by_name: dict[str, Step] = {}
        self.values: dict[str, Value] = {}  # inputs and steps, by name
        self.labels: dict[str, Value] = {}  # inputs, ends of lines and heads, by full label
        self.places: dict[str, Span] = {}  # of the labels
        self.left_out: dict[str, Span] = {}  # labels of lines that `if` or `*0` left out
        self.heads: dict[str, str] = {}
        self.conditions: dict[str, Condition] = {}
        self.errors: list[Diagnostic] = []
        self.forgotten = Forgotten()
        self._counters: dict[tuple[str, str], int] = {}
        self._reported: set[tuple[str, int, int]] = set()
        self._work = 0

    # Findings

    def error(self, context: Context, span: Span, code: str, message: str, help: str = "") -> None:
        """Report an error; the same one of the same place (in a loop, a block) only once."""
        key = (code, id(span.source), span.start)
        if key in self._reported:
            return
        self._reported.add(key)
        self.add_errors([Diagnostic(code, message, span, help, "error", context.frames)])

    def has_error(self, code: str, span: Span) -> bool:
        """Whether this was reported of this place: then there is no need to explain it again."""
        return (code, id(span.source), span.start) in self._reported

    def add_errors(self, errors: Sequence[Diagnostic]) -> None:
        """Add errors as they are; the first 50 of them stop everything."""
        self.errors.extend(errors)
        if len(self.errors) >= MOST_FINDINGS:
            raise SpecError(self.errors[:MOST_FINDINGS])

    def stop(self, context: Context, span: Span, code: str, message: str, help: str = "") -> None:
        """Report an error after which nothing more can be said."""
        self.errors.append(Diagnostic(code, message, span, help, "error", context.frames))
        raise SpecError(self.errors)

    def work(self, context: Context, span: Span, amount: int = 1) -> None:
        """Bound the time that loops, blocks that call each other, and large expressions take."""
        self._work += amount
        if self._work > MOST_WORK:
            message = f"unrolling the net takes more than {MOST_WORK:,} lines and computations"
            help = "check the repeats and loops that lead here"
            self.stop(context, span, "too-much-to-unroll", message, help)

    # Names

    def fresh_name(self, context: Context, kind: str, span: Span) -> str:
        """`conv3`: numbered per kind within the scope, so that one kind doesn't rename another."""
        key = (context.path, kind)
        separator = "_" if kind[-1].isdigit() or kind in SHORT_OPTIONS else ""  # relu6_1, s_2
        while True:
            self._counters[key] = number = self._counters.get(key, 0) + 1
            last = f"{kind}{separator}{number}"
            name = context.full(f"{last}_" if last in LAYERS else last)  # relu6_ is the sixth relu
            if name not in self.values and name not in self.labels:
                self.check_length(context, name, span)
                return name

    def check_length(self, context: Context, name: str, span: Span) -> None:
        """Bound a full name; raises Unknown after reporting it."""
        if len(name) > LONGEST_NAME:
            message = f"the name `{name[:20]}…` has {len(name):,} letters, more than {LONGEST_NAME}"
            help = "use shorter labels, or fewer blocks in one another"
            self.error(context, span, "name-too-long", message, help)
            raise Unknown

    def find(self, context: Context, name: str) -> Value | None:
        """The labelled value or step of that name, looked for from the scope outwards."""
        path = context.path
        while True:
            full = f"{path}.{name}" if path else name
            found = self.labels.get(full) or self.values.get(full)
            if found or not path:
                return found
            path = path.rpartition(".")[0]

    def resolve(self, context: Context, name: str, span: Span) -> Value:
        """As `find`; raises Unknown where there is no such name, after reporting it."""
        found = self.find(context, name)
        if found is not None:
            return found
        if not self.has_error("unknown-value", span) and not self._is_forgotten(context, name):
            message, help = f"there is no value `{name}` above", ""
            if context.full(name) in self.left_out:
                line = self.left_out[context.full(name)].line
                help = f"line {line}, which has this label, is left out by its `if` or `*0`"
            last = next(reversed(self.values), "conv1")
            help = help or self.suggest(
                name,
                "a value is called like its label, or like the layer that makes it, as "
                f"`{last}` is",
            )
            self.error(context, span, "unknown-value", message, help)
        raise Unknown

    def suggest(self, name: str, otherwise: str = "") -> str:
        """A help sentence: the value that was probably meant, or `otherwise`."""
        for label in self.labels:
            if label.endswith(f".{name}"):
                return f"did you mean `{label}`?"
        return did_you_mean(name, (*self.labels, *self.values), otherwise)

    def _is_forgotten(self, context: Context, name: str) -> bool:
        """Whether an earlier error is why the name doesn't exist."""
        while True:
            found = self.find(context, name)
            if (found and found.shape is None) or self.forgotten.covers(name):
                return True
            name, dot, _ = name.rpartition(".")
            if not dot:
                return False

    def label(self, full: str, value: Value, span: Span) -> None:
        """Let a label stand for a value."""
        self.labels[full] = value
        self.places[full] = span

    # Steps

    def add(
        self,
        context: Context,
        name: str,
        layer: Layer,
        inputs: Sequence[Value],
        places: dict[str, Span],
        shares: str | None = None,
    ) -> Value:
        """Add a step; its shape is inferred, or unknown after an error here or before."""
        if len(self.steps) >= MOST_STEPS:
            message = f"the net has more than {MOST_STEPS:,} layers"
            help = "check the repeats and loops that lead here"
            self.stop(context, places[""], "too-many-layers", message, help)
        shape = self._shape(context, layer, inputs, places)
        if shape is not None and not self._may_read(context, inputs, places[""]):
            shape = None
        value = self.values[name] = Value(name, shape)
        if shape is not None:
            if shares and not self._parameters(layer, [v.shape for v in inputs if v.shape]):
                shares = None
            step = Step(
                name=name,
                layer=layer,
                inputs=tuple(v.name for v in inputs),
                output=shape,
                origin=Origin(places[""], context.frames),
                shares=shares,
                head=context.head,
            )
            self.steps.append(step)
            self.by_name[name] = step
        return value

    def _shape(
        self, context: Context, layer: Layer, inputs: Sequence[Value], places: dict[str, Span]
    ) -> Shape | None:
        shapes = [v.shape for v in inputs if v.shape is not None]
        if len(shapes) < len(inputs):
            return None
        self.work(context, places[""], equality_work(shapes))
        try:
            shape = layer.shape(*shapes)
            for condition in layer.conditions(*shapes):
                before = self.conditions.get(condition.name)
                self.conditions[condition.name] = joined(before, condition)
            if too_complex(shape):
                text = str(shape)
                size = text if len(text) <= 60 else f"{text[:59]}…"
                message = f"the size of `{size}` is too complex to follow"
                help = "give the input a fixed size"
                raise ShapeError("symbolic-too-complex", message, help=help)
        except ShapeError as e:
            span = places.get(e.field) or places[""]
            self.error(context, span, e.code, str(e), e.help)
            return None
        self._check_size(context, shape, layer, shapes, places[""])
        return shape

    def _may_read(self, context: Context, inputs: Sequence[Value], span: Span) -> bool:
        """What inference runs can't need what exists in training alone."""
        for value in inputs if context.head is None else ():
            step = self.by_name.get(value.name)
            if step is not None and step.head is not None:
                self.head_needed(context, step.name, step.head, span)
                return False
        return True

    def head_needed(self, context: Context, name: str, head: str, span: Span) -> None:
        """Report that inference would need a value or weights of a training-only head."""
        message = f"`{name}` belongs to the head `{head}`, which exists in training alone"
        help = "take a value from outside the head; only `loss` may name what is in it"
        self.error(context, span, "head-needed", message, help)

    def may_share(
        self, context: Context, layer: Layer, inputs: Sequence[Value], shares: str, span: Span
    ) -> bool:
        """Whether a step's weights suit another of the same kind; reports why not."""
        owner = self.by_name[shares]
        if owner.head is not None and context.head is None:
            self.head_needed(context, shares, owner.head, span)
            return False
        if owner.layer.word != layer.word:
            message = f"the line makes `{layer.word}` here, but made `{owner.layer.word}` before"
            help = "a line whose weights are shared must have the same layers on every input"
            self.error(context, span, "reuse-mismatch", message, help)
            return False
        shapes = [v.shape for v in inputs if v.shape is not None]
        known = [s for s in (self.values[n].shape for n in owner.inputs) if s is not None]
        if len(shapes) < len(inputs) or self._parameters(owner.layer, known) == self._parameters(
            layer, shapes
        ):
            return True
        listed = " and ".join(str(s) for s in shapes)
        message = f"the weights of `{shares}` don't fit an input of {listed}"
        help = f"they were made for {' and '.join(str(s) for s in known)}"
        self.error(context, span, "reuse-mismatch", message, help)
        return False

    def _parameters(self, layer: Layer, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        try:
            return layer.parameters(*shapes)
        except ShapeError:
            return ()

    def _check_size(
        self, context: Context, shape: Shape, layer: Layer, inputs: Sequence[Shape], span: Span
    ) -> None:
        largest = max((p.size for p in layer.parameters(*inputs)), default=0)
        if shape.is_concrete:
            largest = max(largest, shape.elements)
        if largest > MOST_ELEMENTS:
            message = f"this makes a tensor of {largest:,} values, more than {MOST_ELEMENTS:,}"
            help = "check the sizes and numbers of filters that lead here"
            self.stop(context, span, "too-large", message, help)
