"""Shapes, sizes that are known only by name, and the arithmetic of sliding windows.

A shape leaves the batch out: `3@224x224` is channels @ space, `@128` a vector. A size is an int or
`Symbolic`: a whole-number expression in one name, such as `H/2` for a halved height. Such
expressions are built from `+`, `*` and floor division by constants alone, so they stay affine on
each residue class of the name, and equality can be decided by looking at each class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd, lcm, prod

LARGEST_PERIOD = 4096  # residue classes looked at before two symbolic sizes count as different


@dataclass(frozen=True, slots=True)
class Symbolic:
    """`scale·base + offset`, where base is a name or a floor division."""

    base: str | Floor
    scale: int = 1
    offset: int = 0

    def __add__(self, other: int) -> Symbolic:
        return Symbolic(self.base, self.scale, self.offset + other)

    def __sub__(self, other: int) -> Symbolic:
        return self + -other

    def __mul__(self, factor: int) -> Dim:
        return Symbolic(self.base, self.scale * factor, self.offset * factor) if factor else 0

    def __floordiv__(self, divisor: int) -> Symbolic:
        """Floor division in a canonical form, so that equal values mostly look equal."""
        whole, rest = divmod(self.offset, divisor)
        if self.scale % divisor == 0:
            return Symbolic(self.base, self.scale // divisor, whole)
        if self.scale == 1 and isinstance(self.base, Floor):  # ⌊(⌊a/m⌋+b)/n⌋ = ⌊(a+bm)/(mn)⌋
            inner = self.base.inner + rest * self.base.divisor
            return (inner // (self.base.divisor * divisor)) + whole
        common = gcd(self.scale, divisor)
        inner = Symbolic(self.base, self.scale // common, rest // common)
        return Symbolic(Floor(inner, divisor // common), 1, whole)

    def at(self, value: int) -> int:
        """The size where the name stands for `value`."""
        base = self.base.at(value) if isinstance(self.base, Floor) else value
        return self.scale * base + self.offset

    @property
    def name(self) -> str:
        """The name it is made of."""
        return self.base if isinstance(self.base, str) else self.base.inner.name

    @property
    def period(self) -> int:
        """On values that differ by this much the expression is affine."""
        return 1 if isinstance(self.base, str) else self.base.divisor * self.base.inner.period

    def __str__(self) -> str:
        text = str(self.base)
        if self.scale != 1:
            text = f"{self.scale}*{text if text.isalnum() else f'({text})'}"
        return text if self.offset == 0 else f"{text}{self.offset:+d}"


@dataclass(frozen=True, slots=True)
class Floor:
    """⌊inner / divisor⌋."""

    inner: Symbolic
    divisor: int

    def at(self, value: int) -> int:
        """The size where the name stands for `value`."""
        return self.inner.at(value) // self.divisor

    def __str__(self) -> str:
        inner = str(self.inner)
        return f"{inner}//{self.divisor}" if inner.isalnum() else f"({inner})//{self.divisor}"


Dim = int | Symbolic


@dataclass(frozen=True, slots=True)
class Condition:
    """What a name must satisfy: its remainder by `modulus` is one of `residues`."""

    name: str
    modulus: int
    residues: frozenset[int]

    def holds(self, value: int) -> bool:
        """Whether the value satisfies it."""
        return value % self.modulus in self.residues

    def joined(self, other: Condition) -> Condition | None:
        """Both at once; None where no value satisfies both."""
        modulus = lcm(self.modulus, other.modulus)
        residues = frozenset(r for r in range(modulus) if self.holds(r) and other.holds(r))
        return Condition(self.name, modulus, residues) if residues else None

    def __str__(self) -> str:
        for divisor in range(2, self.modulus + 1):
            if self.modulus % divisor == 0 and len(self.residues) * divisor == self.modulus:
                remainders = {r % divisor for r in self.residues}
                if remainders == {0}:
                    return f"{self.name} must be divisible by {divisor}"
                if len(remainders) == 1:
                    return f"{self.name} must leave {remainders.pop()} when divided by {divisor}"
        *first, last = map(str, sorted(self.residues))
        listed = f"{', '.join(first)} or {last}" if len(first) < 8 else f"{', '.join(first[:8])}, …"
        return f"{self.name} must leave {listed} when divided by {self.modulus}"


def equality(a: Dim, b: Dim) -> bool | Condition:
    """Whether two sizes are always equal, never, or under a condition on the name."""
    if a == b:
        return True
    if isinstance(a, int) and isinstance(b, int):
        return False
    names = {d.name for d in (a, b) if isinstance(d, Symbolic)}
    period = lcm(*(d.period for d in (a, b) if isinstance(d, Symbolic)))
    if len(names) > 1 or period > LARGEST_PERIOD:
        return False

    def equal_on(residue: int) -> bool:  # two affine functions that agree twice are the same
        return all(at(a, v) == at(b, v) for v in (residue + 8 * period, residue + 9 * period))

    residues = frozenset(r for r in range(period) if equal_on(r))
    if len(residues) == period:
        return True
    return Condition(names.pop(), period, residues) if residues else False


def may_be_equal(a: Shape, b: Shape) -> bool:
    """Whether two shapes are equal, or are so for some sizes at least."""
    return (
        a.channels == b.channels
        and a.rank == b.rank
        and all(equality(m, n) is not False for m, n in zip(a.space, b.space, strict=True))
    )


def at(size: Dim, value: int) -> int:
    """The size where its name, if any, stands for `value`."""
    return size if isinstance(size, int) else size.at(value)


@dataclass(frozen=True, slots=True)
class Shape:
    """Channels and spatial sizes, the batch left out; a vector has no space."""

    channels: int
    space: tuple[Dim, ...] = ()

    @property
    def rank(self) -> int:
        """Number of spatial axes: 2 for an image, 0 for a vector."""
        return len(self.space)

    @property
    def is_concrete(self) -> bool:
        """Whether every size is a number."""
        return all(isinstance(d, int) for d in self.space)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The spatial sizes as numbers; ValueError where one is symbolic."""
        if not self.is_concrete:
            raise ValueError(f"{self} has no fixed size")
        return tuple(d for d in self.space if isinstance(d, int))

    @property
    def area(self) -> int:
        """Number of positions: height times width for an image, 1 for a vector."""
        return prod(self.sizes)

    @property
    def elements(self) -> int:
        """Number of values an example has."""
        return self.channels * self.area

    def with_channels(self, channels: int) -> Shape:
        """The same space with other channels."""
        return Shape(channels, self.space)

    def __iter__(self) -> Iterator[Dim]:
        yield self.channels
        yield from self.space

    def __str__(self) -> str:
        if not self.space:
            return f"@{self.channels}"
        return f"{self.channels}@" + "x".join(map(str, self.space))


def window_extent(kernel: int, dilation: int) -> int:
    """Positions a dilated window spans: d·(k−1)+1."""
    return dilation * (kernel - 1) + 1


def window_count(
    size: Dim,
    kernel: int,
    stride: int,
    before: int,
    after: int,
    dilation: int = 1,
    ceil: bool = False,
) -> Dim:
    """Number of places a window takes: ⌊(n + p − d·(k−1) − 1)/s⌋ + 1.

    With `ceil` the division rounds up, and a last window that would start in the padding behind
    the map is dropped (as Caffe and PyTorch do). The result may be less than 1: the caller checks.
    """
    if ceil:
        after = ceil_padding(kernel, stride, after, dilation)
    return (size + (before + after - window_extent(kernel, dilation))) // stride + 1


def ceil_padding(kernel: int, stride: int, after: int, dilation: int = 1) -> int:
    """Padding behind the map with which rounding down counts the windows that `ceil` does.

    s−1 more make the division round up; with at most d·(k−1) no window starts behind the map.
    """
    return min(after + stride - 1, max(after, window_extent(kernel, dilation) - 1))


def same_padding(size: Dim, kernel: int, stride: int, dilation: int) -> tuple[int, int] | None:
    """Pads that give ⌈n/s⌉ places, the odd one last; None where they depend on a symbolic size."""
    extent = window_extent(kernel, dilation)
    if stride == 1:
        total = extent - 1
    elif isinstance(size, int):
        total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    else:
        return None
    return total // 2, total - total // 2
