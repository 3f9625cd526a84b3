"""The syntax tree: what was written, and where, before anything is looked up.

Nodes compare by what they say; where they were written (`span`) doesn't count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cnndsl.source import Source, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Anything that was written somewhere."""

    span: Span = field(compare=False, repr=False)


# Expressions: `4*n`, `round8(C/r)`, `1 if first else s`


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Node):
    """`64`, `0.5`, `1e-5`; never negative (that is a Unary)."""

    value: int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    """A variable, label, option or layer word, possibly dotted: `n`, `relu`, `stage1.conv2`."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """`round8(C/r)`, `kl(mu, logvar, ramp=5)`."""

    function: str
    arguments: tuple[Expression, ...]
    settings: tuple[Keyed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Node):
    """`-x`, `not x`."""

    operator: Literal["-", "not"]
    operand: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied(Node):
    """A layer with its numbers, `leaky 0.1`, where a layer is a value."""

    layer: str
    numbers: tuple[Number, ...]


Operator = Literal[
    "or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "**"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Node):
    """`a + b`, `e != C`, `a and b`; comparisons don't chain."""

    operator: Operator
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional(Node):
    """`yes if test else no`."""

    test: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Template(Node):
    """A name with computed parts: `P{i}` is ("P", Name i).

    It begins with a letter, and what stands in its braces has none of its own.
    """

    parts: tuple[str | Expression, ...]


Expression = Number | Name | Applied | Call | Unary | Binary | Conditional | Template


# Arguments of an op


@dataclass(frozen=True, slots=True, kw_only=True)
class Size(Node):
    """`5x5`, `1x{k}`: two or more sizes, outermost axis first."""

    values: tuple[int | Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option(Node):
    """`s2`, `p1x2`, `op1`: letters and one or more numbers."""

    letters: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeLiteral(Node):
    """`3@224x224`, `@128` (no space), `1@HxW` (names are symbolic), `{c}@7x7`.

    `channels` is None only for `@128`, a vector, whose one number stands in `space`.
    """

    channels: int | Expression | None
    space: tuple[int | str | Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value(Node):
    """A positional number, or something computed: `64`, `(4*n)`, `round8(C/r)`, `-1`."""

    expression: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Node):
    """A bare name or template in argument position: option, layer, variable or label."""

    name: Name | Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed(Node):
    """`alpha=1e-4`, `p=(3,2,3,2)`, `act=hswish`, `to=7x7`, `shape=64@7x7`."""

    key: str
    value: Expression | Size | ShapeLiteral | TupleValue


@dataclass(frozen=True, slots=True, kw_only=True)
class TupleValue(Node):
    """`(3, 2, 3, 2)`: two or more values."""

    items: tuple[Expression, ...]


Argument = Size | Option | ShapeLiteral | Value | Word | Keyed


# Ops and lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Node):
    """One op with its arguments; with a body where it ends in `:`. Its span leaves the body out."""

    name: str
    arguments: tuple[Argument, ...] = ()
    body: Body | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Node):
    """`[label:] op args -> op args [from x] [*k] [if cond]`.

    Only the last operation may have a body. A continuation line (`-> …`) is part of the line it
    continues, unless that line has a body: then it is a line of its own whose first operation
    takes the value of the line above. The span leaves bodies out.
    """

    operations: tuple[Operation, ...]
    label: Name | Template | None = None
    source: Name | Template | None = None
    repeat: Expression | None = None
    condition: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branches(Node):
    """`| …` lines under a merge, such as `concat:`, and loops that make such branches.

    A branch is a tuple of lines: the `|` line, then lines that continue it (`-> …` after a body).
    """

    branches: tuple[tuple[Line, ...] | BranchLoop, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence(Node):
    """The indented statements under `residual:`, `head:`, `def` or `for`."""

    statements: tuple[Statement, ...]


Body = Branches | Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Node):
    """`for a, b in (64, 2) (128, 2):`; with one variable the rows may be bare values.

    The span is the head's.
    """

    variables: tuple[Name, ...]
    rows: tuple[tuple[Expression, ...], ...]
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchLoop(Loop):
    """A loop under a merge: each row makes branches."""

    body: Branches


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Node):
    """`n` or `s=2` between a def's or net's parentheses; a default may be a layer word."""

    name: str
    default: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Def(Node):
    """`def name(params): body`; a one-line body is a sequence of one. The span is the head's."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Let(Node):
    """`let x = expr`."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class For(Loop):
    """A loop among statements."""

    body: Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(Node):
    """`cnndsl 1`."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Use(Node):
    """`use "file.cnn"`."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Net(Node):
    """`net Name(classes=1000)`."""

    name: str
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(Node):
    """`input image 3@224x224`."""

    name: str
    shape: ShapeLiteral


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Node):
    """`output logits mask`."""

    names: tuple[Name | Template, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(Node):
    """`loss cross_entropy(logits) + 0.3*cross_entropy(aux1)`."""

    expression: Expression


Statement = Version | Use | Net | Input | Output | Loss | Def | Let | For | Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment(Node):
    """`# …`, its text without `#`, the blank behind it, and blanks at the end; `alone` where
    nothing else is on its line.
    """

    text: str
    alone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Node):
    """A whole spec. Comments don't take part in comparisons."""

    source: Source = field(compare=False, repr=False)
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
