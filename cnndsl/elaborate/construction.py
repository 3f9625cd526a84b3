"""The network under construction: steps, names, findings, and the limits of hostile specs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnndsl.diagnostics import Diagnostic, SpecError, did_you_mean
from cnndsl.elaborate.context import Context, Value
from cnndsl.layers.base import LAYERS, Layer, ShapeError
from cnndsl.network import Origin, Step
from cnndsl.shape import Condition, Shape
from cnndsl.source import Span

MOST_STEPS = 20_000
MOST_OPERATIONS = 100_000  # elaborated, whether or not they make a step
MOST_CALLS = 64  # blocks within blocks
MOST_ELEMENTS = 1 << 40  # of one value or one parameter
MOST_FINDINGS = 50
LONGEST_NAME = 200


class Construction:
    """Collects steps and diagnostics; every limit is enforced here."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.values: dict[str, Value] = {}  # inputs and steps, by name
        self.labels: dict[str, Value] = {}  # line ends, by full label
        self.heads: dict[str, str] = {}
        self.conditions: dict[str, Condition] = {}
        self.warnings: list[Diagnostic] = []
        self.errors: list[Diagnostic] = []
        self._counters: dict[tuple[str, str], int] = {}
        self._reported: set[tuple[str, int, int]] = set()
        self._operations = 0

    # Findings

    def error(self, context: Context, span: Span, code: str, message: str, help: str = "") -> None:
        """Report an error; the same one of the same place (in a loop, a block) only once."""
        key = (code, id(span.source), span.start)
        if key in self._reported:
            return
        self._reported.add(key)
        self.errors.append(Diagnostic(code, message, span, help, "error", context.frames))
        if len(self.errors) >= MOST_FINDINGS:
            raise SpecError(self.errors)

    def warn(self, context: Context, span: Span, code: str, message: str, help: str) -> None:
        """Report something that is allowed but probably not meant."""
        key = (code, id(span.source), span.start)
        if key not in self._reported and len(self.warnings) < MOST_FINDINGS:
            self._reported.add(key)
            self.warnings.append(Diagnostic(code, message, span, help, "warning", context.frames))

    def stop(self, context: Context, span: Span, code: str, message: str, help: str = "") -> None:
        """Report an error after which nothing more can be said."""
        self.errors.append(Diagnostic(code, message, span, help, "error", context.frames))
        raise SpecError(self.errors)

    def count_operation(self, context: Context, span: Span) -> None:
        """Bound the work of loops and blocks that call each other."""
        self._operations += 1
        if self._operations > MOST_OPERATIONS or len(self.steps) > MOST_STEPS:
            limit = f"{MOST_STEPS:,} layers" if len(self.steps) > MOST_STEPS else ""
            self.stop(
                context,
                span,
                "too-many-layers",
                f"the net has more than {limit or f'{MOST_OPERATIONS:,} lines when unrolled'}",
                "check the repeats and loops that lead here",
            )

    # Names

    def fresh_name(self, context: Context, kind: str) -> str:
        """`conv3`: numbered per kind within the scope, so that one kind doesn't rename another."""
        key = (context.path, kind)
        separator = "_" if kind[-1].isdigit() else ""  # relu6_1
        while True:
            self._counters[key] = number = self._counters.get(key, 0) + 1
            last = f"{kind}{separator}{number}"
            name = context.full(f"{last}_" if last in LAYERS else last)  # relu6_ is the sixth relu
            if name not in self.values and name not in self.labels:
                return name

    def find(self, context: Context, name: str) -> Value | None:
        """The labelled value or step of that name, looked for from the scope outwards."""
        path = context.path
        while True:
            full = f"{path}.{name}" if path else name
            found = self.labels.get(full) or self.values.get(full)
            if found or not path:
                return found
            path = path.rpartition(".")[0]

    def resolve(self, context: Context, name: str, span: Span) -> Value | None:
        """As `find`, reporting a name that doesn't exist."""
        found = self.find(context, name)
        if found is None:
            help = did_you_mean(
                name,
                (*self.labels, *self.values),
                "a value is called like its label, or like the layer that makes it: `conv1`",
            )
            self.error(context, span, "unknown-value", f"there is no value `{name}` above", help)
        return found

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
        shape = self._shape(context, layer, inputs, places)
        if shape is not None and shares is not None:
            shares = self._shared(context, layer, inputs, shares, places[""])
        value = self.values[name] = Value(name, shape)
        if shape is not None:
            self.steps.append(
                Step(
                    name=name,
                    layer=layer,
                    inputs=tuple(v.name for v in inputs),
                    output=shape,
                    origin=Origin(places[""], context.frames),
                    shares=shares,
                    head=context.head,
                )
            )
        return value

    def _shape(
        self,
        context: Context,
        layer: Layer,
        inputs: Iterable[Value],
        places: dict[str, Span],
    ) -> Shape | None:
        shapes = [v.shape for v in inputs if v.shape is not None]
        if len(shapes) < len(list(inputs)):
            return None
        try:
            shape = layer.shape(*shapes)
            for condition in layer.conditions(*shapes):
                self._require(condition, context, places[""])
        except ShapeError as e:
            span = places.get(e.field) or places[""]
            self.error(context, span, e.code, str(e), e.help)
            return None
        self._check_size(context, shape, layer, shapes, places[""])
        return shape

    def _shared(
        self,
        context: Context,
        layer: Layer,
        inputs: Sequence[Value],
        shares: str,
        span: Span,
    ) -> str | None:
        """The step whose weights are shared, which must fit; None where there are no weights."""
        owner = next(s for s in self.steps if s.name == shares)
        shapes = [v.shape for v in inputs if v.shape is not None]
        theirs = [self.values[n].shape for n in owner.inputs]
        known = [s for s in theirs if s is not None]
        parameters = layer.parameters(*shapes)
        if owner.layer.parameters(*known) != parameters:
            listed = " and ".join(str(s) for s in shapes)
            message = f"the weights of `{shares}` don't fit an input of {listed}"
            help = f"it took {' and '.join(str(s) for s in known)}"
            self.error(context, span, "reuse-mismatch", message, help)
        return shares if parameters else None

    def _require(self, condition: Condition, context: Context, span: Span) -> None:
        before = self.conditions.get(condition.name)
        joined = before.joined(condition) if before else condition
        if joined is None:
            raise ShapeError(
                "impossible-size",
                f"{condition}, but from above: {before}",
                help="no size satisfies both: pad with `same` or crop",
            )
        self.conditions[condition.name] = joined

    def _check_size(
        self,
        context: Context,
        shape: Shape,
        layer: Layer,
        inputs: Sequence[Shape],
        span: Span,
    ) -> None:
        largest = max(
            (p.size for p in layer.parameters(*inputs)),
            default=0,
        )
        if shape.is_concrete:
            largest = max(largest, shape.elements)
        if largest > MOST_ELEMENTS:
            self.stop(
                context,
                span,
                "too-large",
                f"a tensor of {largest:,} values is made here; the limit is {MOST_ELEMENTS:,}",
                "check the sizes and numbers of filters that lead here",
            )
