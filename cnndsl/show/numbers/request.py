"""What is asked for, as a case: the layer of a line or of a net, given numbers or made-up ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cnndsl.diagnostics import SpecError, UsageError, did_you_mean
from cnndsl.layers import LAYERS
from cnndsl.layers.base import Layer, ShapeError
from cnndsl.layers.merge import Merge
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
    shape_of,
    sizes,
)
from cnndsl.show.numbers.lesson import Array
from cnndsl.show.numbers.reading import read_array, readings
from cnndsl.source import Source
from cnndsl.specs import load

PROBED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
"""Channels that a line is tried on to find out what layer it is."""


@dataclass(frozen=True, slots=True)
class Request:
    """Numbers as they were typed, "" where none were: the input, the kernel, other parameters by
    name, the gradient that comes in; whether gradients are wanted; how many steps are shown; the
    other inputs of a layer of several.
    """

    input: str = ""
    kernel: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    upstream: str = ""
    gradient: bool = False
    steps: int = 4
    others: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that were typed."""
        return (self.input, *self.others) if self.input else ()


def of_line(line: str, request: Request) -> Case:
    """The layer of a line such as `conv 3x3 s1`. Raises SpecError, UsageError, OSError."""
    word, *rest = line.split() or [""]
    if word in LAYERS:
        check_worked(word)
    labels = tuple(filter(str.isidentifier, rest)) if _merges(word) else ()
    _check_count(request, 1 + len(labels), word)
    typed = [readings(read_array(text, "--input"), "--input") for text in request.inputs]
    step, shapes = _step(line, labels, _alike(typed) if typed else _probes(labels))
    check_worked(step.layer.word)
    if typed:
        arrays = [_shaped(some, shape) for some, shape in zip(typed, shapes, strict=True)]
        notes = ()
    else:
        shapes = _small(step.layer, shapes)
        step = _read(line, labels, shapes)
        arrays, notes = _made_up(step.layer, shapes)
    names = ("current", *labels)
    return _case(step.layer, " ".join(line.split()), arrays, names, request, notes)


def of_layer(network: Network, step: Step, request: Request) -> Case:
    """A layer of a net, with as many channels as it has there. Raises UsageError, OSError."""
    check_worked(step.layer.word)
    shapes = network.input_shapes(step)
    _check_count(request, len(shapes), step.name)
    labels = step.inputs[1:] if _merges(step.layer.word) else ()
    line, notes = written(step.layer, labels), tuple[str, ...]()
    if request.inputs:
        arrays = [
            _taken(readings(read_array(text, "--input"), "--input"), shape, step.name)
            for text, shape in zip(request.inputs, shapes, strict=True)
        ]
    else:
        much = step.layer.cost(shapes, step.output).flops > MOST_OPERATIONS
        open_ = any(not shape.is_concrete for shape in shapes)
        if open_ or much or any(shape.area > MOST_IN_A_GRID // 2 for shape in shapes):
            arrays, _ = _made_up(step.layer, _small(step.layer, shapes))
            listed = " and ".join(dict.fromkeys(map(str, shapes)))
            notes = (f"In the net its input is {listed}; a small one is made up here.",)
        else:
            arrays, notes = _made_up(step.layer, shapes)
    return _case(step.layer, f"{step.name}: {line}", arrays, step.inputs, request, notes)


def _alike(typed: list[list[Array]]) -> Iterator[list[Array]]:
    """The readings of several inputs that have as many axes each, those of the first in turn."""
    for x in typed[0]:
        yield [next((other for other in some if other.ndim == x.ndim), some[-1]) for some in typed]


def _merges(word: str) -> bool:
    return word in LAYERS and issubclass(LAYERS[word], Merge)


def _check_count(request: Request, count: int, name: str) -> None:
    if request.inputs and len(request.inputs) != count:
        each = "give each its --input" if count > 1 else "give it one --input"
        raise UsageError(
            f"`{name}` takes {count} input{'s' * (count > 1)}, and {len(request.inputs)} "
            f"{'are' if len(request.inputs) > 1 else 'is'} given; {each}"
        )


def _made_up(layer: Layer, shapes: tuple[Shape, ...]) -> tuple[list[Array], tuple[str, ...]]:
    arrays = [made_up_input(layer, shape, n) for n, shape in enumerate(shapes)]
    what = "The inputs are" if len(shapes) > 1 else "The input is"
    return arrays, (f"{what} made up; --input gives another.",)


def _shaped(some: list[Array], shape: Shape) -> Array:
    """The reading that has a shape."""
    return next(values for values in some if values.shape == sizes(shape))


def _taken(some: list[Array], shape: Shape, name: str) -> Array:
    """The reading that a layer of a net takes at its place. Raises UsageError."""
    if not shape.rank and some[-1].size == shape.channels:
        return some[-1].ravel()
    fitting = [values for values in some if values.ndim == shape.rank + 1]
    if found := next((values for values in fitting if len(values) == shape.channels), None):
        return found
    if not fitting or not shape.rank:
        given = "x".join(map(str, some[-1].shape))
        raise UsageError(f"--input is {given}, and `{name}` takes {shape}")
    count = len(fitting[0])
    raise UsageError(
        f"--input has {count} channel{'s' * (count > 1)}, and `{name}` takes {shape.channels}; "
        f"write them apart by `|`, or give the layer as a line"
    )


def _case(
    layer: Layer,
    line: str,
    inputs: list[Array],
    names: tuple[str, ...],
    request: Request,
    notes: tuple[str, ...],
) -> Case:
    check_form(layer)
    shapes = tuple(map(shape_of, inputs))
    try:
        check_size(layer, shapes)
    except ShapeError as e:
        raise UsageError(f"`{line}` can't take {shapes[0]}: {e.message}") from None
    owned = {p.name: p for p in layer.parameters(*shapes)}
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
    case = Case(
        layer,
        line,
        inputs[0],
        parameters,
        frozenset(typed),
        request.steps,
        others=tuple(inputs[1:]),
        names=names,
    )
    if not (request.gradient or request.upstream):
        return replace(case, notes=notes)
    dy = np.ones(sizes(case.output))
    if request.upstream:
        dy = fitted(read_array(request.upstream, "--upstream"), dy.shape, "--upstream")
    else:
        notes = (*notes, "The gradient that comes in is 1 everywhere; --upstream gives another.")
    return replace(case, upstream=dy, notes=notes)


def _step(
    line: str, labels: tuple[str, ...], tries: Iterable[Sequence[Shape | Array]]
) -> tuple[Step, tuple[Shape, ...]]:
    """The one layer of a line, and the inputs that it was read on: the first that it takes."""
    first: SpecError | None = None
    for inputs in tries:
        shapes = tuple(x if isinstance(x, Shape) else shape_of(x) for x in inputs)
        try:
            return _read(line, labels, shapes), shapes
        except SpecError as e:
            first = first or e
    assert first is not None
    raise first


def _read(line: str, labels: tuple[str, ...], shapes: tuple[Shape, ...]) -> Step:
    text = " ".join(line.split())
    named = zip(
        (*labels, "the_input"), (*shapes[1:], shapes[0]), strict=True
    )  # the last is current
    inputs = "".join(f"input {name} {shape}\n" for name, shape in named)
    network, _ = load(Source("the line", f"cnndsl 1\n{inputs}{text}\n"))
    if len(network.steps) != 1:
        raise UsageError(
            f"`{text[:60]}` is {len(network.steps)} layers, and one is worked through at a time; "
            f"of a spec --at names it"
        )
    return network.steps[0]


def _probes(labels: tuple[str, ...]) -> Iterator[tuple[Shape, ...]]:
    for rank in (2, 1, 0, 3):
        for channels in PROBED:
            yield (Shape(channels, (64,) * rank),) * (1 + len(labels))


def _small(layer: Layer, shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """Small inputs of as many axes and channels, on which something is to be seen."""
    word, shape = layer.word, shapes[0]
    given = shape
    vectors = ("softmax", "logsoftmax", "fc")
    if _merges(word):
        return tuple(_small_part(s) for s in shapes)
    if not shape.rank or (word in vectors and shape.channels == 1):
        return (Shape(max(shape.channels, 4)),)
    match word:
        case "conv" | "dwconv" | "filter" | "pool" | "avgpool":
            window = _window(layer, shape)
            space = tuple(
                max(d * (k - 1) + 1 + s - min(sum(p), s), 2 if shape.rank > 2 else 4)
                for k, s, d, p in zip(
                    window.kernel, window.stride, window.dilation, window.pads, strict=True
                )
            )
        case "deconv" | "upsample":
            space = (2,) * shape.rank
        case "gap" | "gmp":
            space = (2,) * shape.rank if shape.rank > 2 else (3,) * shape.rank
        case "lrn":
            given, space = Shape(max(shape.channels, 5)), (1, 1, 2)[-shape.rank :]
        case "bn" | "ln" | "inorm" | "gn":
            given, space = Shape(max(shape.channels, 2)), (2, 2, 3)[-shape.rank :]
        case "minmax":
            space = (2, 2, 3)[-shape.rank :]
        case _:
            given, space = Shape(max(shape.channels, 7)), ()
    return (Shape(given.channels, space),)


def _small_part(shape: Shape) -> Shape:
    """A small input of a merge: an axis of 1, which stretches, stays one."""
    space = (2, 2, 3)[3 - shape.rank :]
    return Shape(
        shape.channels if shape.rank else max(shape.channels, 4),
        tuple(1 if n == 1 else small for n, small in zip(shape.space, space, strict=True)),
    )


def _window(layer: Any, shape: Shape) -> Any:
    return layer.window(shape if shape.is_concrete else Shape(shape.channels, (64,) * shape.rank))
