"""Receptive fields: what part of the input a value can depend on.

Along each axis a value sees `size` input positions; neighbouring values see `jump` positions
further; the first value's view begins at `start` (negative: in the padding). With a window of
extent e, step s and offset o on top of (size, jump, start):

    size' = size + (e − 1)·jump        jump' = jump·s        start' = start + o·jump

Where branches meet, the union counts (Araujo, Norris, Sim 2019, Computing Receptive Fields of
Convolutional Neural Networks, distill.pub).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cnndsl.layers.base import Reach, Sight
from cnndsl.network import Network, Step


@dataclass(frozen=True, slots=True)
class AxisField:
    """Along one axis, in input positions."""

    size: Fraction
    jump: Fraction
    start: Fraction


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """One entry a spatial axis; `everything` where a value depends on the whole input."""

    axes: tuple[AxisField, ...] = ()
    everything: bool = False

    def __str__(self) -> str:
        if self.everything:
            return "all"
        sizes = [str(round(float(a.size), 2)).removesuffix(".0") for a in self.axes]
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
    return ReceptiveField((AxisField(Fraction(1), Fraction(1), Fraction(0)),) * rank)


def _field(network: Network, step: Step, inputs: list[ReceptiveField]) -> ReceptiveField:
    below = union(inputs)
    if below.everything:
        return WHOLE
    reach: Sight = step.layer.reach(network.input_shapes(step), step.output)
    if reach == "everything":
        return WHOLE
    if not reach:
        return below
    if len(reach) != len(below.axes):  # a map made of a vector has no places in the input
        return WHOLE
    pairs = list(zip(below.axes, reach, strict=True))
    if pairs.count(pairs[0]) == len(pairs):  # square windows on square fields: once for all axes
        return ReceptiveField((_above(*pairs[0]),) * len(pairs))
    return ReceptiveField(tuple(_above(axis, one) for axis, one in pairs))


def _above(axis: AxisField, reach: Reach) -> AxisField:
    """What a window sees of a map that sees `axis`."""
    return AxisField(
        axis.size + (reach.size - 1) * axis.jump,
        axis.jump * reach.step,
        axis.start + reach.start * axis.jump,
    )


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
    return ReceptiveField(tuple(_hull([f.axes[i] for f in with_axes]) for i in range(rank)))


def _hull(axes: list[AxisField]) -> AxisField:
    start = min(a.start for a in axes)
    end = max(a.start + a.size for a in axes)
    return AxisField(end - start, max(a.jump for a in axes), start)
