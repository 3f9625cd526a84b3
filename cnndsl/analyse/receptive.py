"""Receptive fields: what part of the input a value can depend on.

Along each axis a value sees `size` input positions; neighbouring values see `jump` positions
further; the first value's view begins at `start` (negative: in the padding). With a window of
extent e, step s and offset o on top of (size, jump, start):

    size' = size + (e − 1)·jump        jump' = jump·s        start' = start + o·jump

Behind layers that enlarge a map neighbours see the same inputs, or one more, or none, so that sizes
depend on the place: what each position sees is kept until it repeats, and the size is the largest.
Where branches meet, the union counts (Araujo, Norris, Sim 2019, Computing Receptive Fields of
Convolutional Neural Networks, distill.pub).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd, lcm

from cnndsl.layers.base import MOST_VIEWS, ReceptiveAxes, ReceptiveAxis
from cnndsl.network import Network, Step


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """One entry a spatial axis; `everything` where a value depends on the whole input."""

    axes: tuple[ReceptiveAxis, ...] = ()
    everything: bool = False

    def __str__(self) -> str:
        if self.everything:
            return "all"
        sizes = [str(axis.size) for axis in self.axes]
        return "x".join(sizes[:1] if len(set(sizes)) == 1 else sizes)


WHOLE = ReceptiveField(everything=True)


def receptive_fields(network: Network) -> dict[str, ReceptiveField]:
    """Every step's field, in positions of the input it comes from (the widest, of several)."""
    fields = {i.name: own_pixel(i.shape.rank) for i in network.inputs}
    for step in network.steps:
        read = step.inputs[: step.layer.reads]
        fields[step.name] = _field(network, step, [fields[name] for name in read])
    for name in [i.name for i in network.inputs]:
        del fields[name]
    return fields


def own_pixel(rank: int) -> ReceptiveField:
    """Of the values of an input: each sees itself alone."""
    return ReceptiveField((ReceptiveAxis(((0, 0),), 1),) * rank)


def _field(network: Network, step: Step, inputs: list[ReceptiveField]) -> ReceptiveField:
    below = union(inputs)
    if below.everything:
        return WHOLE
    receptive_field: ReceptiveAxes = step.layer.receptive_field(
        network.input_shapes(step), step.output
    )
    if receptive_field == "everything":
        return WHOLE
    if not receptive_field:
        return below
    if len(receptive_field) != len(below.axes):  # a map made of a vector has no places in the input
        return WHOLE
    pairs = list(zip(below.axes, receptive_field, strict=True))
    if pairs.count(pairs[0]) == len(pairs):  # square windows on square fields: once for all axes
        return ReceptiveField((_above(*pairs[0]),) * len(pairs))
    return ReceptiveField(tuple(_above(axis, one) for axis, one in pairs))


def _above(below: ReceptiveAxis, receptive_field: ReceptiveAxis) -> ReceptiveAxis:
    """What a layer sees of a map that sees `below`."""
    period = len(below.views)
    times = period // gcd(receptive_field.advance, period)
    count = len(receptive_field.views) * times
    kept = min(count, MOST_VIEWS)
    views = tuple(_seen(below, receptive_field.at(position)) for position in range(kept))
    return ReceptiveAxis(
        views, receptive_field.advance * times // period * below.advance * kept // count
    )


def _seen(below: ReceptiveAxis, view: tuple[int, int] | None) -> tuple[int, int] | None:
    """What all positions of a view see together: the ends tell, since views move on."""
    if view is None:
        return None
    first, last = view
    period = len(below.views)
    ends = (
        range(first, min(first + period, last + 1)),
        range(max(last - period + 1, first), last + 1),
    )
    return _hull([below.at(position) for positions in ends for position in positions])


def _hull(views: Iterable[tuple[int, int] | None]) -> tuple[int, int] | None:
    some = [view for view in views if view is not None]
    return (min(a for a, _ in some), max(b for _, b in some)) if some else None


def union(fields: Sequence[ReceptiveField]) -> ReceptiveField:
    """What any of several values of the same size can depend on."""
    if len(fields) == 1:
        return fields[0]
    if any(f.everything for f in fields):
        return WHOLE
    with_axes = [f for f in fields if f.axes]
    if not with_axes:
        return fields[0]
    rank = min(len(f.axes) for f in with_axes)
    return ReceptiveField(tuple(_joined([f.axes[i] for f in with_axes]) for i in range(rank)))


def _joined(axes: list[ReceptiveAxis]) -> ReceptiveAxis:
    kept = min(lcm(*(len(axis.views) for axis in axes)), MOST_VIEWS)
    views = tuple(_hull([axis.at(position) for axis in axes]) for position in range(kept))
    return ReceptiveAxis(views, round(kept * max(axis.step for axis in axes)))
