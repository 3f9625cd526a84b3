"""The imported net and the model that it was made of, run on the same random numbers.

Every operator has corners that a reader may get wrong, and a net that computes something else than
its model is worse than none. So both are run by ONNX Runtime, the model without optimisation, and
their outputs compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.emit import skeleton
from cnndsl.importing.draft import Array, Draft, Float, Source
from cnndsl.importing.reading import Model
from cnndsl.layers.base import ShapeError
from cnndsl.lower import lower
from cnndsl.lower.builder import GraphBuilder
from cnndsl.network import Network
from cnndsl.runtime.comparing import difference
from cnndsl.runtime.model import NUMPY_TYPES
from cnndsl.runtime.session import Session, open_session, run_session
from cnndsl.shape import Shape

EVEN, ODD = (224, 160, 32), (211, 147, 27)
"""Numbers for open heights, widths and depths: some that halve five times, some that don't."""

SCALES = (1.0, 30.0)
"""Random inputs are as large: nets take pictures from −1 to 1, or from 0 to 255."""

LAST_DIGITS, TRIES = (1 - 2**-22, 1, 1 + 2**-22), 8
"""Factors that change a float32 by a few of the steps between such numbers, and how often."""

BATCHES = (2, 1)  # two examples show whether they depend on each other; some models want one
MOST_MACS = 20 * 10**9  # of a net that is run more than once
MOST_NUMBERS = 1 << 28  # of one value, in all examples: a gigabyte


class _Undescribed(GraphBuilder):
    """For a graph that is run once, at the size that its inputs have."""

    def describe(self, step: object, value: object, producer: object) -> None:
        """Leave the shapes to ONNX Runtime."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`differs` says what differs, empty where nothing does; `skipped` why nothing was compared.
    `unsteady` models differ as much from themselves where their inputs change in the last digits.
    """

    differs: str = ""
    skipped: str = ""
    unsteady: bool = False


def verify(model: Model, draft: Draft, network: Network, values: Mapping[str, Float]) -> Verdict:
    """Compare what both compute.

    Sizes that the net leaves open are tried as even and as odd numbers, where the model takes them.
    """
    try:
        theirs = open_session(model.as_bytes(), optimise=False, trusted=True)  # once it was read
    except UsageError as e:
        return Verdict(skipped=str(e))
    proto = skeleton(lower(network, builder=_Undescribed), as_inputs=True)
    ours = open_session(proto.SerializeToString(), optimise=False, trusted=True)
    scales = SCALES[: 1 if _macs(network) > MOST_MACS else None]
    opened = any(not i.shape.is_concrete for i in network.inputs)
    for sizes in (EVEN, ODD) if opened else (EVEN,):
        for batch in BATCHES:
            try:
                _check_sizes(network, (batch, *sizes))
                feeds = _feeds(theirs, draft, (batch, *sizes), scales)
                differs = _compared(model, draft, network, (theirs, ours), values, feeds)
            except UsageError as e:
                if batch == BATCHES[-1] and sizes is EVEN:
                    return Verdict(skipped=str(e))
                continue  # the model itself wants another batch, or other sizes
            if differs:
                feeds = _feeds(theirs, draft, (batch, *sizes), scales)
                return Verdict(differs=differs, unsteady=_is_unsteady(model, theirs, feeds))
            break
    return Verdict()


def _check_sizes(network: Network, sizes: Sequence[int]) -> None:
    """Raise UsageError where a value is too large to be computed only for a comparison."""
    batch, *numbers = sizes
    shapes = {i.name: Shape(i.shape.channels, _space(i.shape, numbers)) for i in network.inputs}
    fixed = all(i.shape.is_concrete for i in network.inputs)
    for step in network.steps:
        try:
            known = step.output if fixed else None
            shape = known or step.layer.shape(*(shapes[name] for name in step.inputs))
        except ShapeError:
            return  # it doesn't take these sizes, as running it will say
        if batch * shape.elements > MOST_NUMBERS:
            raise UsageError(
                f"its value `{step.name}` would have {batch * shape.elements:,} numbers"
            )
        shapes[step.name] = shape


def _compared(
    model: Model,
    draft: Draft,
    network: Network,
    sessions: tuple[Session, Session],
    values: Mapping[str, Float],
    inputs: Iterable[Mapping[str, Array]],
) -> str:
    """What differs between outputs for these inputs of the model; empty where nothing does.

    Raises UsageError where the model itself can't be run so.
    """
    theirs, ours = sessions
    for feeds in inputs:
        expected = run_session(theirs, [port.name for port in model.outputs], feeds)
        given = {
            mine.name: _turned(feeds[port.name].astype(np.float32), source)
            for mine, port, source in zip(network.inputs, model.inputs, draft.inputs, strict=True)
        }
        try:
            found = run_session(ours, [o.name for o in ours.get_outputs()], {**given, **values})
        except UsageError as e:
            return str(e)
        half = model.has_halves or any(a.dtype == np.float16 for a in expected.values())
        for name, made in zip(expected, found.values(), strict=True):
            made = _arranged(made, draft, name)
            differs = difference(expected[name], made, half)
            if differs:
                return f"output `{name}` {differs}"
            _note_axes(draft, name, expected[name].shape, made.shape)
    return ""


def _is_unsteady(model: Model, theirs: Session, inputs: Iterable[Mapping[str, Array]]) -> bool:
    """Whether what the model computes depends on how numbers are rounded, as where it divides by
    a difference of what is equal.
    """
    random = np.random.default_rng(0)
    names = [port.name for port in model.outputs]
    for feeds in inputs:
        plain = run_session(theirs, names, feeds)
        for _ in range(TRIES):
            nudged = {
                name: (array * random.choice(LAST_DIGITS, array.shape)).astype(array.dtype)
                for name, array in feeds.items()
            }
            again = run_session(theirs, names, nudged)
            if any(difference(plain[name], again[name], model.has_halves) for name in names):
                return True
    return False


def _note_axes(draft: Draft, name: str, theirs: Sequence[int], ours: Sequence[int]) -> None:
    """Tell once of an output that has more axes here, or fewer; they are of size 1."""
    start = f"the output `{name}` has the axes "
    if theirs != ours and not any(note.startswith(start) for note in draft.notes):
        first, second = ("x".join(map(str, shape)) or "none" for shape in (theirs, ours))
        draft.notes.append(f"{start}{first} in the model and {second} here")


def _feeds(
    session: Session, draft: Draft, sizes: Sequence[int], scales: Sequence[float]
) -> Iterator[dict[str, Array]]:
    """Random inputs of these sizes, the batch in front, and scales."""
    random = np.random.default_rng(0)
    ports = {port.name: port for port in session.get_inputs()}
    sources = dict(zip(ports, draft.inputs, strict=True))
    for scale in scales:
        yield {
            name: (scale * random.standard_normal(_shape(port.shape, sources[name], sizes))).astype(
                NUMPY_TYPES[port.type]
            )
            for name, port in ports.items()
        }


def _macs(network: Network) -> int:
    """Of an example; 0 where sizes are open."""
    if any(not i.shape.is_concrete for i in network.inputs):
        return 0
    steps = network.steps
    return sum(step.layer.cost(network.input_shapes(step), step.output).macs for step in steps)


def _shape(port: Sequence[int | str | None], source: Source, sizes: Sequence[int]) -> list[int]:
    """A shape for the model's input: fixed numbers, those of the net, and for what both leave open
    the given ones. Vectors and numbers without a batch have no open size.
    """
    batch, *numbers = sizes
    if len(port) < 2:
        return [n for n in port if isinstance(n, int)]
    ours = _space(source.output, numbers)
    example = [*ours, source.output.channels] if source.last else [source.output.channels, *ours]
    first = port[0]
    return [first if isinstance(first, int) and first > 0 else batch, *example]


def _space(shape: Shape, numbers: Sequence[int]) -> tuple[int, ...]:
    """A shape's sizes of the space, the numbers in the place of those that are open."""
    given = iter(numbers)
    return tuple(n if isinstance(n, int) else next(given) for n in shape.space)


def _turned(array: Array, source: Source) -> Array:
    if array.ndim < 2:
        return array.reshape(1, -1)
    return np.ascontiguousarray(np.moveaxis(array, -1, 1)) if source.last else array


def _arranged(made: Array, draft: Draft, name: str) -> Array:
    return np.moveaxis(made, 1, -1) if name in draft.last else made
