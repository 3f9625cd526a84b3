"""What one row of a report says: a layer, or a block folded into one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Protocol, cast, runtime_checkable

from cnndsl.analyse import Analysis, ReceptiveField, Row
from cnndsl.elaborate.scope import CallFrame
from cnndsl.layers.base import Layer
from cnndsl.layers.windows import Window
from cnndsl.shape import Shape
from cnndsl.show import words
from cnndsl.source import Source, Span


@runtime_checkable
class Windowed(Protocol):
    """A layer that slides a window."""

    def window(self, x: Shape) -> Window:
        """The window over x, explicit for every axis."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A row's figures; None where they depend on a size that isn't fixed.

    `op` is the layer's word, or `block`; `text` what the spec says; `layers` how many layers it
    stands for; `window` is that of a layer which slides one. Figures are as in `analyse.Row`, of a
    block the sums.
    """

    name: str
    op: str
    text: str
    line: int | None
    head: str | None
    layers: int
    inputs: tuple[str, ...]
    output: Shape
    window: Window | None
    weights: int
    biases: int
    norm: int
    statistics: int
    macs: int | None
    flops: int | None
    weight_bytes: int
    activation_bytes: int | None
    receptive_field: ReceptiveField | None
    shares: str | None = None

    @property
    def params(self) -> int:
        """All trained numbers of its own."""
        return self.weights + self.biases + self.norm

    @property
    def other_operations(self) -> int | None:
        """Everything but multiply-adds: bias, norm, activation, pooling, elementwise."""
        if self.flops is None or self.macs is None:
            return None
        return self.flops - 2 * self.macs


def slid_window(row: Row) -> Window | None:
    """The window of a layer that slides one, explicit for every axis."""
    layer = row.layer
    if not _slides(type(layer)):
        return None
    return cast(Windowed, layer).window(row.inputs[0])


@cache
def _slides(kind: type[Layer]) -> bool:
    """Looking at a protocol takes its time, so each kind of layer is looked at once."""
    return issubclass(kind, Windowed)


def entries(analysis: Analysis, depth: int | None = None) -> tuple[Entry, ...]:
    """A row for every layer, or for every block whose name has `depth` parts."""
    texts = words.lines(analysis.network)
    source = analysis.network.inputs[0].origin.span.source
    if depth is None:
        return tuple(_single(row, texts, source) for row in analysis.rows)
    frames = _Frames(analysis.rows)
    folded: list[Entry] = []
    for (prefix, _), group in groupby(analysis.rows, lambda r: (_prefix(r, depth), r.step.head)):
        rows = tuple(group)
        if len(rows) == 1:
            folded.append(_single(rows[0], texts, source))
        else:
            text = frames.call(prefix) or _chain(rows, texts)
            folded.append(_block(prefix, rows, text, source))
    return tuple(folded)


def _prefix(row: Row, depth: int) -> str:
    return ".".join(row.name.split(".")[:depth])


def _single(row: Row, texts: dict[str, str], source: Source) -> Entry:
    layer = row.layer
    return Entry(
        name=row.name,
        op=layer.word,
        text=texts[row.name],
        line=_line(row, source),
        head=row.step.head,
        layers=1,
        inputs=row.step.inputs,
        output=row.output,
        window=slid_window(row),
        weights=row.weights,
        biases=row.biases,
        norm=row.norm,
        statistics=row.statistics,
        macs=row.macs,
        flops=row.flops,
        weight_bytes=row.weight_bytes,
        activation_bytes=row.activation_bytes,
        receptive_field=row.receptive_field,
        shares=row.step.shares,
    )


def _block(name: str, rows: Sequence[Row], text: str, source: Source) -> Entry:
    inside = {row.name for row in rows}
    read = dict.fromkeys(i for row in rows for i in row.step.inputs if i not in inside)
    return Entry(
        name=name,
        op="block",
        text=text,
        line=_line(rows[0], source),
        head=rows[0].step.head,
        layers=len(rows),
        inputs=tuple(read),
        output=rows[-1].output,
        window=None,
        weights=sum(row.weights for row in rows),
        biases=sum(row.biases for row in rows),
        norm=sum(row.norm for row in rows),
        statistics=sum(row.statistics for row in rows),
        macs=total(row.macs for row in rows),
        flops=total(row.flops for row in rows),
        weight_bytes=sum(row.weight_bytes for row in rows),
        activation_bytes=total(row.activation_bytes for row in rows),
        receptive_field=rows[-1].receptive_field,
    )


def total(figures: Iterable[int | None]) -> int | None:
    """The sum; None where one of them is unknown."""
    result = 0
    for figure in figures:
        if figure is None:
            return None
        result += figure
    return result


def _line(row: Row, source: Source) -> int | None:
    """The line of the spec itself that the layer stands in, or the call that made it."""
    origin = row.step.origin
    return next((s.line for s in (origin.span, *origin.frames) if s.source is source), None)


def _chain(rows: Sequence[Row], texts: dict[str, str]) -> str:
    """`conv 5x5 120 -> tanh`, or how many layers there are where that would be long."""
    if len(rows) <= 3:
        return " -> ".join(texts[row.name] for row in rows)
    return f"{len(rows)} layers"


class _Frames:
    """Which calls all layers of a block came through, by the block's name."""

    def __init__(self, rows: Iterable[Row]):
        self._common: dict[str, tuple[Span, ...]] = {}
        for row in rows:
            outermost_first = row.step.origin.frames[::-1]
            parts = row.name.split(".")
            for depth in range(1, len(parts)):
                name = ".".join(parts[:depth])
                before = self._common.get(name, outermost_first)
                self._common[name] = _shared(before, outermost_first)

    def call(self, name: str) -> str | None:
        """The call that made the block, as it was written."""
        parts = name.split(".")
        calls: list[CallFrame] = []
        for depth in range(1, len(parts) + 1):
            common = self._common.get(".".join(parts[:depth]), ())
            found = [frame for frame in common if isinstance(frame, CallFrame)]
            calls = found[: len(calls) + 1] if depth < len(parts) else found[len(calls) :]
        return calls[0].said if calls else None


def _shared(a: tuple[Span, ...], b: tuple[Span, ...]) -> tuple[Span, ...]:
    count = 0
    while count < min(len(a), len(b)) and a[count] is b[count]:
        count += 1
    return a[:count]
