"""How a residual block's body and its skip come together."""

from __future__ import annotations

from typing import Any

from cnndsl.elaborate.arguments import Arguments
from cnndsl.elaborate.meanings import UNKNOWN, Value
from cnndsl.elaborate.scope import Scope, head_span
from cnndsl.elaborate.steps import add_step, equality_work
from cnndsl.layers.base import LAYERS, Layer
from cnndsl.shape import Dim, Shape, at, equality, may_be_equal, window_count
from cnndsl.source import Span
from cnndsl.syntax import tree

LARGEST_STRIDE = 64
SAMPLE_SIZES = (1009, 2520, 4099)  # of a symbolic size: no two strides suit all of them by chance


def join_residual(
    scope: Scope,
    operation: tree.Operation,
    read: Arguments,
    skip: Value,
    body: Value,
    own: str | None,
) -> Value:
    """The sum of body and skip, the skip brought to the body's shape as the option says.

    `project`: a 1x1 convolution with batch norm (He et al. 2015, option B). `pad`: every s-th
    pixel and channels of zeros (option A). `ifsame`: no skip where the shapes differ.
    """
    if skip.shape is None or body.shape is None:
        return UNKNOWN
    span, option, places = head_span(operation), read.values.get("option"), read.places
    scope.work(span, equality_work([skip.shape, body.shape]))
    if not may_be_equal(skip.shape, body.shape):
        if option == "ifsame":
            return body
        strides = _strides(skip.shape, body.shape)
        narrower = option == "pad" and body.shape.channels < skip.shape.channels
        if option is None or strides is None or narrower:
            _report(scope, operation, skip.shape, body.shape, strides is not None)
            return UNKNOWN
        fit = _project if option == "project" else _pad
        skip = fit(scope, places, skip, body.shape, strides)
    name = own or scope.fresh_name("add", span)
    return add_step(scope, name, _layer("add"), [body, skip], places)


def _project(
    scope: Scope, places: dict[str, Span], skip: Value, shape: Shape, strides: tuple[int, ...]
) -> Value:
    name = scope.fresh_name("project", places[""])
    kernel = (1,) * shape.rank
    conv = _layer("conv", kernel=kernel, filters=shape.channels, stride=strides, bias=False)
    norm = scope.within(name).fresh_name("bn", places[""])
    projected = add_step(scope, name, conv, [skip], places)
    return add_step(scope, norm, _layer("bn"), [projected], places)


def _pad(
    scope: Scope, places: dict[str, Span], skip: Value, shape: Shape, strides: tuple[int, ...]
) -> Value:
    if set(strides) != {1}:
        pool = _layer("pool", kernel=(1,) * shape.rank, stride=strides)
        skip = add_step(scope, scope.fresh_name("pool", places[""]), pool, [skip], places)
    if skip.shape is not None and skip.shape.channels != shape.channels:
        widen = _layer("widen", channels=shape.channels)
        skip = add_step(scope, scope.fresh_name("widen", places[""]), widen, [skip], places)
    return skip


def _layer(word: str, **fields: Any) -> Layer:
    return LAYERS[word](**fields)


def _strides(before: Shape, after: Shape) -> tuple[int, ...] | None:
    """The strides of a 1x1 window that turn one map's size into the other's; one if all are."""
    if before.rank != after.rank or before.rank == 0:
        return None
    strides: list[int] = []
    for n, m in zip(before.space, after.space, strict=True):
        stride = _stride(n, m)
        if stride is None:
            return None
        strides.append(stride)
    return tuple(strides[:1] if len(set(strides)) == 1 else strides)


def _stride(before: Dim, after: Dim) -> int | None:
    """The least stride, looked for among those that suit a few sizes at least."""
    for stride in range(1, LARGEST_STRIDE + 1):
        found = window_count(before, 1, stride, 0, 0)
        alike = all(at(found, size) == at(after, size) for size in SAMPLE_SIZES)
        if alike and equality(found, after) is True:
            return stride
    return None


def _report(
    scope: Scope, operation: tree.Operation, before: Shape, after: Shape, has_strides: bool
) -> None:
    message = f"the body turns {before} into {after}, so it can't be added to its input"
    help = "the body must keep the height and width, or divide them by a whole stride"
    if before.rank != after.rank:
        help = "the body must end with a map like its input's, or with a vector like its input"
    elif before.rank == 0:
        help = f"end the body with `fc {before.channels}`"
    elif has_strides:
        strided = _strided_operation(operation)
        undo = f", or drop `{strided[0]}` from line {strided[1]}" if strided else ""
        trailing = [a.span.text for a in operation.arguments if a.span.text != "pad"]
        words = " ".join(["residual project", *trailing])
        help = f"write `{words[:60]}:` to project the skip{undo}"
    scope.error(head_span(operation), "residual-shape-mismatch", message, help)


def _strided_operation(operation: tree.Operation) -> tuple[str, int] | None:
    """The stride written in the body, if there is just one place to point at."""
    body = operation.body
    if not isinstance(body, tree.Sequence):
        return None
    lines = [s for s in body.statements if isinstance(s, tree.Line)]
    strides = [
        (a.span.text, a.span.line)
        for line in lines
        for o in line.operations
        for a in o.arguments
        if isinstance(a, tree.Option) and a.letters == "s" and set(a.values) != {1}
    ]
    return strides[0] if len(strides) == 1 else None
