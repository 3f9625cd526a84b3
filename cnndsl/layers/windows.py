"""What all layers that slide a window share: axes, pads, sizes, receptive fields, words."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from cnndsl.layers.arguments import Padding
from cnndsl.layers.base import MOST_VIEWS, ReceptiveAxes, ReceptiveAxis, ShapeError
from cnndsl.shape import LARGEST_PERIOD, Dim, Shape, at, same_padding, window_count, window_extent

Axis = tuple[str, Dim, int, int, tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Window:
    """A window over a map, explicit for every axis; pads are (before, after)."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    ceil: bool = False

    def axes(self, x: Shape) -> list[Axis]:
        """Name, size, kernel, stride, pads and dilation of each axis of x."""
        names = axis_names(x.rank)
        return list(
            zip(names, x.space, self.kernel, self.stride, self.pads, self.dilation, strict=True)
        )

    def slide(self, x: Shape) -> tuple[Dim, ...]:
        """Output sizes; raises where the window is larger than the padded map."""
        for name, n, k, _, (before, after), d in self.axes(x):
            extent = window_extent(k, d)
            if isinstance(n, int) and n + before + after < extent:
                padded = f" and {before + after} of padding" if before + after else ""
                raise ShapeError(
                    "window-too-large",
                    f"a window of {extent} doesn't fit into a {name} of {n}{padded}",
                    field="kernel",
                    help="use a smaller window, padding (`same`), or fewer strides before it",
                )
        return tuple(
            window_count(n, k, s, before, after, d, self.ceil)
            for _, n, k, s, (before, after), d in self.axes(x)
        )

    def receptive_field(self) -> ReceptiveAxes:
        """Each output sees d·(k−1)+1 inputs from −pad on, s further for every next one."""
        rows = zip(self.kernel, self.stride, self.pads, self.dilation, strict=True)
        return tuple(
            ReceptiveAxis(((-before, window_extent(k, d) - before - 1),), s)
            for k, s, (before, _), d in rows
        )

    def explain(self, x: Shape, output: Shape) -> list[str]:
        """`height: (227 − 11 + 2·0)/4 + 1 = 55`, a line an axis."""
        lines: list[str] = []
        left, right = ("⌈", "⌉") if self.ceil else ("⌊", "⌋")
        for (name, n, k, s, (before, after), d), m in zip(self.axes(x), output.space, strict=True):
            padding = f"2·{before}" if before == after else f"{before} + {after}"
            window = f"{k}" if d == 1 else f"({d}·({k} − 1) + 1)"
            exact = isinstance(n, int) and (n - window_extent(k, d) + before + after) % s == 0
            quotient = f"({n} − {window} + {padding})/{s}"
            lines.append(f"{name}: {quotient if exact else left + quotient + right} + 1 = {m}")
        return lines

    def attributes(self) -> dict[str, object]:
        """As ONNX's Conv and MaxPool take them: pads are all befores, then all afters."""
        befores, afters = zip(*self.pads, strict=True)
        return {
            "kernel_shape": self.kernel,
            "strides": self.stride,
            "pads": (*befores, *afters),
            "dilations": self.dilation,
        }


def resolve_window(
    x: Shape,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Padding,
    dilation: tuple[int, ...] = (1,),
    ceil: bool = False,
) -> Window:
    """Spread a layer's arguments over the axes of x and make its padding explicit."""
    kernel = broadcast(kernel, x, "kernel")
    stride = broadcast(stride, x, "stride")
    dilation = broadcast(dilation, x, "dilation")
    return Window(
        kernel, stride, _resolve_padding(padding, x, kernel, stride, dilation), dilation, ceil
    )


_KEYS = {
    "stride": "s",
    "padding": "p",
    "width": "p",
    "dilation": "d",
    "output_padding": "op",
    "size": "size=",
}


def broadcast(values: tuple[int, ...], x: Shape, field: str) -> tuple[int, ...]:
    """One value for every spatial axis of x; a single one holds for all."""
    if x.rank == 0:
        raise ShapeError(
            "needs-space",
            f"a map is needed here, but the input is the vector {x}",
            help="`reshape C@HxW` makes a map of a vector; a dense layer is `fc`",
        )
    if len(values) == 1:
        return values * x.rank
    if len(values) != x.rank:
        key = _KEYS.get(field, "k")
        equals = "=" if isinstance(values[0], float) else ""
        all_alike = f"write `{key}{equals}{values[0]}`"
        raise ShapeError(
            "wrong-axes",
            f"{len(values)} numbers are given, but {x} has {x.rank} spatial "
            f"{'axis' if x.rank == 1 else 'axes'}",
            field=field,
            help=all_alike if x.rank == 1 else f"{all_alike} for every axis, or {x.rank} numbers",
        )
    return values


def ratio(n: Dim, m: Dim, corners: bool = False) -> Fraction:
    """How many of n positions there are for each of m; between the first and the last `corners` if
    so. For symbolic sizes as on a large map.
    """
    far, less = LARGEST_PERIOD * LARGEST_PERIOD, int(corners)
    return Fraction(at(n, far) - less, max(at(m, far) - less, 1))


def sampled(step: Fraction, offset: Fraction = Fraction(0), both: bool = False) -> ReceptiveAxis:
    """Position i lies at step·i + offset among the inputs; it sees the one before, or `both`. The
    step is that of at most MOST_VIEWS positions, so it may be a near one.
    """
    step = max(step.limit_denominator(MOST_VIEWS), Fraction(1, MOST_VIEWS))
    places = [step * i + offset for i in range(step.denominator)]
    return ReceptiveAxis(
        tuple((floor(p), ceil(p) if both else floor(p)) for p in places), step.numerator
    )


def axis_names(rank: int) -> tuple[str, ...]:
    """What people call the spatial axes."""
    return {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}[rank]


def explicit_padding(
    padding: tuple[int, ...], x: Shape, field: str = "padding"
) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis: one number for all sides, one an axis, or both sides."""
    if len(padding) == 2 * x.rank:
        return tuple(zip(padding[: x.rank], padding[x.rank :], strict=True))
    return tuple((p, p) for p in broadcast(padding, x, field))


def _resolve_padding(
    padding: Padding,
    x: Shape,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[tuple[int, int], ...]:
    if isinstance(padding, tuple):
        return explicit_padding(padding, x)
    rows = zip(x.space, kernel, stride, dilation, strict=True)
    if padding == "half":
        return tuple(((k - 1) // 2 * d, (k - 1) // 2 * d) for _, k, _, d in rows)
    return tuple(_same(n, k, s, d) for n, k, s, d in rows)


def _same(n: Dim, k: int, s: int, d: int) -> tuple[int, int]:
    pads = same_padding(n, k, s, d)
    if pads is None:
        raise ShapeError(
            "symbolic-same",
            f"`same` with stride {s} pads by a number that depends on {n}, which isn't fixed",
            field="padding",
            help="`half` pads alike for every size",
        )
    return pads
