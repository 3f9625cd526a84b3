"""The shape that an `input` line states."""

from __future__ import annotations

from cnndsl.elaborate.construction import MOST_ELEMENTS, Construction
from cnndsl.elaborate.context import Context, Unknown
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.shape import Dim, Shape, Symbolic
from cnndsl.syntax import tree

LARGEST_INPUT = 1 << 20  # along one axis


def input_shape(build: Construction, context: Context, literal: tree.ShapeLiteral) -> Shape:
    """The shape as written; raises Unknown after a reported error."""

    def fail(code: str, message: str, help: str = "") -> Unknown:
        build.error(context, literal.span, code, message, help)
        return Unknown()

    def dim(size: int | str | tree.Expression) -> Dim:
        if isinstance(size, str):
            if context.lookup(size) is not None:
                message = f"`{size}` is a number here, but a bare name in a shape is symbolic"
                raise fail("symbolic-variable", message, f"write `{{{size}}}` for its value")
            return Symbolic(size)
        evaluate = Evaluator(build, context)
        number = size if isinstance(size, int) else evaluate.integer(size, "a size")
        if not 0 < number <= LARGEST_INPUT:
            raise fail("bad-size", f"a size of {number:,} isn't between 1 and {LARGEST_INPUT:,}")
        return number

    space = tuple(dim(s) for s in literal.space)
    if literal.channels is None:
        channels, space = space[0], ()
    else:
        channels = dim(literal.channels)
    if not isinstance(channels, int):
        raise fail("symbolic-channels", "the number of channels can't be symbolic")
    if len(space) > 3:
        raise fail("bad-size", f"an input has at most 3 spatial axes, not {len(space)}")
    shape = Shape(channels, space)
    if shape.is_concrete and shape.elements > MOST_ELEMENTS:
        raise fail("too-large", f"an input of {shape.elements:,} values is over {MOST_ELEMENTS:,}")
    return shape
