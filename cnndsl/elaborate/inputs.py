"""The shape that an `input` line states, or that was given for it."""

from __future__ import annotations

from cnndsl.elaborate.construction import MOST_ELEMENTS, Construction
from cnndsl.elaborate.context import Context, Unknown
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.shape import Dim, Shape, Symbolic
from cnndsl.source import Span
from cnndsl.syntax import tree

LARGEST_SIDE = 1 << 20
MOST_AXES = 3


def input_shape(build: Construction, context: Context, literal: tree.ShapeLiteral) -> Shape:
    """The shape as written; raises Unknown after a reported error."""

    def dim(size: int | str | tree.Expression) -> Dim:
        if isinstance(size, str):
            if context.lookup(size) is not None:
                message = f"`{size}` is a number here, but a bare name in a shape is symbolic"
                help = f"write `{{{size}}}` for its value, or another letter for any size"
                raise _fail(build, context, literal.span, "symbolic-variable", message, help)
            return Symbolic(size)
        return size if isinstance(size, int) else evaluate.integer(size, "a size")

    evaluate = Evaluator(build, context)
    space = tuple(dim(s) for s in literal.space)
    if literal.channels is None:
        channels, space = space[0], ()
    else:
        channels = dim(literal.channels)
    if not isinstance(channels, int):
        message = f"a vector has a fixed number of values, but `{channels}` is symbolic"
        help = "write the number, as in `@128`"
        raise _fail(build, context, literal.span, "symbolic-vector", message, help)
    return checked_shape(build, context, literal.span, Shape(channels, space))


def checked_shape(build: Construction, context: Context, span: Span, shape: Shape) -> Shape:
    """The shape of an input, if it is none that no net could take; else raises Unknown."""
    for size in shape:
        if isinstance(size, int) and not 0 < size <= LARGEST_SIDE:
            message = f"an input's sizes lie between 1 and {LARGEST_SIDE:,}, but one is {size:,}"
            help = "a shape is written `3@224x224`: channels, then height and width"
            raise _fail(build, context, span, "bad-input", message, help)
    if shape.rank > MOST_AXES:
        message = f"an input has at most {MOST_AXES} spatial axes, not {shape.rank}"
        help = "the batch and the channels are none of them: `3@16x112x112` is a clip"
        raise _fail(build, context, span, "bad-input", message, help)
    if shape.is_concrete and shape.elements > MOST_ELEMENTS:
        message = f"an input of {shape.elements:,} values is larger than {MOST_ELEMENTS:,}"
        help = "write a smaller shape"
        raise _fail(build, context, span, "too-large", message, help)
    return shape


def _fail(
    build: Construction, context: Context, span: Span, code: str, message: str, help: str
) -> Unknown:
    build.error(context, span, code, message, help)
    return Unknown()
