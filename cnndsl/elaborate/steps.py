"""A further step of the network: its shape, how large it may be, and whose weights it takes."""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm

from cnndsl.elaborate.meanings import UnknownError, Value
from cnndsl.elaborate.scope import Scope
from cnndsl.layers.base import Layer, Parameter, ShapeError
from cnndsl.network import Origin, Step
from cnndsl.shape import LARGEST_PERIOD, Condition, Dim, Shape, Symbolic
from cnndsl.source import Span

MOST_STEPS = 20_000
MOST_ELEMENTS = 1 << 40  # of one value or one parameter
LARGEST_MODULUS = 1 << 16
LARGEST_DIVISOR = 1 << 20  # an input's side has no more pixels
LARGEST_FACTOR = 1 << 40
WORK_A_RESIDUE = 8  # beside reading a line


def add_step(
    scope: Scope, name: str, layer: Layer, inputs: Sequence[Value], places: dict[str, Span]
) -> Value:
    """Add a step; its shape is inferred, or unknown after an error here or before.

    `places` are those of the arguments, "" of the op itself. Within a `reuse` the step takes its
    weights from the repeated line's; raises UnknownError where it can't.
    """
    build, span = scope.build, places[""]
    shares = None
    for sharing in scope.sharing:
        shares = sharing.next()
    if shares is not None and not _may_share(scope, layer, inputs, shares):
        scope.sharing[-1].broken = True
        raise UnknownError
    if len(build.steps) >= MOST_STEPS:
        message = f"the net has more than {MOST_STEPS:,} layers"
        scope.stop(span, "too-many-layers", message, "check the repeats and loops that lead here")
    shape = _shape(scope, layer, inputs, places)
    if shape is not None and not _may_read(scope, inputs, span):
        shape = None
    value = build.values[name] = Value(name, shape)
    if shape is not None:
        if shares and not _parameters(layer, inputs):
            shares = None
        step = Step(
            name=name,
            layer=layer,
            inputs=tuple(v.name for v in inputs),
            output=shape,
            origin=Origin(span, scope.frames),
            shares=shares,
            head=scope.head,
        )
        build.steps.append(step)
        build.by_name[name] = step
    return value


def _shape(
    scope: Scope, layer: Layer, inputs: Sequence[Value], places: dict[str, Span]
) -> Shape | None:
    shapes = [v.shape for v in inputs if v.shape is not None]
    if len(shapes) < len(inputs):
        return None
    scope.work(places[""], equality_work(shapes))
    try:
        shape = layer.shape(*shapes)
        conditions = scope.build.conditions
        for condition in layer.conditions(*shapes):
            conditions[condition.name] = joined(conditions.get(condition.name), condition)
        if _too_complex(shape):
            text = str(shape)
            size = text if len(text) <= 60 else f"{text[:59]}…"
            message = f"the size of `{size}` is too complex to follow"
            raise ShapeError("symbolic-too-complex", message, help="give the input a fixed size")
    except ShapeError as e:
        scope.error(places.get(e.field) or places[""], e.code, str(e), e.help)
        return None
    largest = max((p.size for p in layer.parameters(*shapes)), default=0)
    if shape.is_concrete:
        largest = max(largest, shape.elements)
    if largest > MOST_ELEMENTS:
        message = f"this makes a tensor of {largest:,} values, more than {MOST_ELEMENTS:,}"
        help = "check the sizes and numbers of filters that lead here"
        scope.stop(places[""], "too-large", message, help)
    return shape


def _may_read(scope: Scope, inputs: Sequence[Value], span: Span) -> bool:
    """What inference runs can't need what exists in training alone."""
    for value in inputs if scope.head is None else ():
        step = scope.build.by_name.get(value.name)
        if step is not None and step.head is not None:
            report_head_needed(scope, step.name, step.head, span)
            return False
    return True


def report_head_needed(scope: Scope, name: str, head: str, span: Span) -> None:
    """Report that inference would need a value or weights of a training-only head."""
    message = f"`{name}` belongs to the head `{head}`, which exists in training alone"
    help = "take a value from outside the head; only `loss` may name what is in it"
    scope.error(span, "head-needed", message, help)


def _may_share(scope: Scope, layer: Layer, inputs: Sequence[Value], shares: str) -> bool:
    """Whether a step's weights suit another of the same kind; reports why not."""
    sharing, owner = scope.sharing[-1], scope.build.by_name[shares]
    scope, span = sharing.scope, sharing.span
    if owner.head is not None and scope.head is None:
        report_head_needed(scope, shares, owner.head, span)
        return False
    if owner.layer.word != layer.word:
        message = f"the line makes `{layer.word}` here, but made `{owner.layer.word}` before"
        help = "a line whose weights are shared must have the same layers on every input"
        scope.error(span, "reuse-mismatch", message, help)
        return False
    of_owner = [scope.build.values[name] for name in owner.inputs]
    unknown = any(v.shape is None for v in inputs)
    if unknown or _parameters(owner.layer, of_owner) == _parameters(layer, inputs):
        return True
    message = f"the weights of `{shares}` don't fit an input of {_listed(inputs)}"
    scope.error(span, "reuse-mismatch", message, f"they were made for {_listed(of_owner)}")
    return False


def _listed(values: Sequence[Value]) -> str:
    return " and ".join(str(v.shape) for v in values)


def _parameters(layer: Layer, inputs: Sequence[Value]) -> tuple[Parameter, ...]:
    try:
        return layer.parameters(*(v.shape for v in inputs if v.shape is not None))
    except ShapeError:
        return ()


def equality_work(shapes: Sequence[Shape]) -> int:
    """What it takes to find out whether the shapes' sizes are equal."""
    if all(x.space == shapes[0].space for x in shapes):
        return 0
    axes = zip(*(x.space for x in shapes), strict=False)  # ranks may differ: that is soon found out
    periods = (lcm(*map(_period, sizes)) for sizes in axes)
    return WORK_A_RESIDUE * sum(min(period, LARGEST_PERIOD) for period in periods)


def _period(size: Dim) -> int:
    return size.period if isinstance(size, Symbolic) else 1


def _too_complex(shape: Shape) -> bool:
    """Whether a size has been divided or multiplied so often that no input could need it."""
    return any(
        d.period > LARGEST_DIVISOR or max(d.scale, abs(d.offset)) > LARGEST_FACTOR
        for d in shape.space
        if isinstance(d, Symbolic)
    )


def joined(before: Condition | None, condition: Condition) -> Condition:
    """Both at once; raises ShapeError where no size satisfies both."""
    if before is None or before == condition:
        return condition
    if lcm(before.modulus, condition.modulus) > LARGEST_MODULUS:
        message = f"what {condition.name} must satisfy here and above is too complex to follow"
        raise ShapeError("symbolic-too-complex", message, help="give the input a fixed size")
    both = before.joined(condition)
    if both is None:
        message = f"{condition} here, but from above: {before}"
        help = "no size satisfies both: pad with `half` or `p1`, or `crop`"
        raise ShapeError("impossible-size", message, help=help)
    return both
