"""What is asked for, as a case: the layer of a line or of a net, given numbers or made-up ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnndsl.diagnostics import SpecError, UsageError, did_you_mean
from cnndsl.layers import LAYERS
from cnndsl.layers.base import Layer, ShapeError
from cnndsl.layers.written import written
from cnndsl.network import Network, Step
from cnndsl.shape import Shape
from cnndsl.show.numbers import check_form, check_worked
from cnndsl.show.numbers.case import (
    MOST_IN_A_GRID,
    MOST_OPERATIONS,
    Case,
    check_size,
    fitted,
    made_up_input,
    made_up_parameter,
    sizes,
)
from cnndsl.show.numbers.lesson import Array
from cnndsl.show.numbers.reading import read_array, read_maps
from cnndsl.source import Source
from cnndsl.specs import load

PROBED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
"""Channels that a line is tried on to find out what layer it is."""


@dataclass(frozen=True, slots=True)
class Request:
    """Numbers as they were typed, "" where none were: the input, the kernel, other parameters by
    name, the gradient that comes in; whether gradients are wanted; how many steps are shown.
    """

    input: str = ""
    kernel: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    upstream: str = ""
    gradient: bool = False
    steps: int = 4


def of_line(line: str, request: Request) -> Case:
    """The layer of a line such as `conv 3x3 s1`. Raises SpecError, UsageError, OSError."""
    word = (line.split() or [""])[0]
    if word in LAYERS:
        check_worked(word)
    x = read_maps(request.input, "--input") if request.input else None
    step, shape = _step(line, x)
    check_worked(step.layer.word)
    _check_axes(shape)
    if x is None:
        shape = _small(step.layer, shape)
        step = _read(line, shape)
        x = made_up_input(step.layer, shape)
        notes = ("The input is made up; --input gives another.",)
    else:
        x, notes = x.reshape(sizes(shape)), ()
    return _case(step.layer, " ".join(line.split()), x, request, notes)


def of_layer(network: Network, step: Step, request: Request) -> Case:
    """A layer of a net, with as many channels as it has there. Raises UsageError, OSError."""
    check_worked(step.layer.word)
    shape = network.input_shapes(step)[0]
    _check_axes(shape)
    line, notes = written(step.layer, []), list[str]()
    if request.input:
        x = read_maps(request.input, "--input")
        if len(x) != shape.channels and x.size == shape.channels and not shape.rank:
            x = x.ravel()
        elif len(x) != shape.channels:
            raise UsageError(
                f"--input has {len(x)} channel{'s' * (len(x) > 1)}, and `{step.name}` takes "
                f"{shape.channels}; write them apart by `|`, or give the layer as a line"
            )
        x = x.reshape(len(x), *x.shape[3 - shape.rank :]) if shape.rank else x.ravel()
    else:
        if not shape.is_concrete or shape.area > MOST_IN_A_GRID // 2 or _is_much(step, shape):
            small = _small(step.layer, shape)
            notes.append(f"In the net its input is {shape}; a small one is made up here.")
        else:
            small = shape
            notes.append("The input is made up; --input gives another.")
        x = made_up_input(step.layer, small)
    return _case(step.layer, f"{step.name}: {line}", x, request, tuple(notes))


def _is_much(step: Step, shape: Shape) -> bool:
    """Whether its work at its place is more than is worked out."""
    return step.layer.cost((shape,), step.output).flops > MOST_OPERATIONS


def _case(layer: Layer, line: str, x: Array, request: Request, notes: tuple[str, ...]) -> Case:
    check_form(layer)
    shape = Shape(len(x), x.shape[1:])
    _check_axes(shape)
    try:
        check_size(layer, shape)
    except ShapeError as e:
        raise UsageError(f"`{line}` can't take {shape}: {e.message}") from None
    owned = {p.name: p for p in layer.parameters(shape)}
    typed = {name: (text, f"--parameter {name}") for name, text in request.parameters.items()}
    if request.kernel:
        typed["weight"] = (request.kernel, "--kernel")
    for name, (_, option) in typed.items():
        if name not in owned:
            what = "no weights" if option == "--kernel" else f"no parameter `{name}`"
            hint = did_you_mean(name, owned, f"it has {', '.join(owned) or 'none at all'}")
            raise UsageError(f"{option}: `{layer.word}` has {what}; {hint}")
    parameters = {
        name: fitted(read_array(*typed[name]), parameter.shape, typed[name][1], kernels=True)
        if name in typed
        else made_up_parameter(layer, parameter)
        for name, parameter in owned.items()
    }
    if "weight" in owned and owned["weight"].role == "weight" and "weight" not in typed:
        notes = (*notes, "The kernel is made up; --kernel gives another.")
    case = Case(layer, line, x, parameters, frozenset(typed), request.steps, None, notes)
    if not (request.gradient or request.upstream):
        return case
    dy = np.ones(sizes(case.output))
    if request.upstream:
        dy = fitted(read_array(request.upstream, "--upstream"), dy.shape, "--upstream")
    else:
        notes = (*notes, "The gradient that comes in is 1 everywhere; --upstream gives another.")
    return Case(layer, line, x, parameters, frozenset(typed), request.steps, dy, notes)


def _step(line: str, x: Array | None) -> tuple[Step, Shape]:
    """The one layer of a line, and the input that it was read on."""
    first: SpecError | None = None
    for shape in _probes() if x is None else _shapes(x):
        try:
            return _read(line, shape), shape
        except SpecError as e:
            first = first or e
    assert first is not None
    raise first


def _read(line: str, shape: Shape) -> Step:
    text = " ".join(line.split())
    network, _ = load(Source("the line", f"cnndsl 1\ninput x {shape}\n{text}\n"))
    if len(network.steps) != 1:
        raise UsageError(
            f"`{text[:60]}` is {len(network.steps)} layers, and one is worked through at a time; "
            f"of a spec --at names it"
        )
    return network.steps[0]


def _probes() -> Iterator[Shape]:
    for rank in (2, 1, 0, 3):
        for channels in PROBED:
            yield Shape(channels, (64,) * rank)


def _check_axes(shape: Shape) -> None:
    """Raise UsageError for maps that aren't rows and columns."""
    if shape.rank > 2:
        raise UsageError(f"numbers are shown in rows and columns, but {shape} has three axes")


def _shapes(x: Array) -> list[Shape]:
    """What given numbers may be: a map; in one row one of one axis, or a vector."""
    channels, rows, columns = x.shape
    shapes = [Shape(channels, (rows, columns))]
    if rows == 1:
        shapes.insert(0, Shape(channels, (columns,)))
        if channels == 1:
            shapes.insert(0, Shape(columns))
    return shapes


def _small(layer: Layer, shape: Shape) -> Shape:
    """A small input of as many axes and channels, on which something is to be seen."""
    word, given = layer.word, shape
    vectors = ("softmax", "logsoftmax", "fc")
    if not shape.rank or (word in vectors and shape.channels == 1):
        return Shape(max(shape.channels, 4))
    match word:
        case "conv" | "dwconv" | "filter" | "pool" | "avgpool":
            window = _window(layer, shape)
            space = tuple(
                max(d * (k - 1) + 1 + s - min(sum(p), s), 4)
                for k, s, d, p in zip(
                    window.kernel, window.stride, window.dilation, window.pads, strict=True
                )
            )
        case "deconv" | "upsample":
            space = (2,) * shape.rank
        case "gap" | "gmp":
            space = (3,) * shape.rank
        case "lrn":
            given, space = Shape(max(shape.channels, 5)), (1, 2)[-shape.rank :]
        case "bn" | "ln" | "inorm" | "gn":
            given, space = Shape(max(shape.channels, 2)), (2, 3)[-shape.rank :]
        case _:
            given, space = Shape(max(shape.channels, 7)), ()
    return Shape(given.channels, space)


def _window(layer: Any, shape: Shape) -> Any:
    return layer.window(shape if shape.is_concrete else Shape(shape.channels, (64,) * shape.rank))
