"""What is asked for, as a case: the layer of a line or of a net, given numbers or made-up ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cnndsl.diagnostics import SpecError, UsageError, did_you_mean
from cnndsl.layers import LAYERS
from cnndsl.layers.base import Layer, Parameter, ShapeError
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
    check_weights,
    fitted,
    made_up_input,
    made_up_parameter,
    shape_of,
    sizes,
)
from cnndsl.show.numbers.lesson import Array
from cnndsl.show.numbers.part import part_of, shows_places
from cnndsl.show.numbers.reading import MOST_NUMBERS, read_array, readings
from cnndsl.source import Source
from cnndsl.specs import load

CONSTANT = ("bn", "ln", "inorm", "gn", "softmax")
"""Layers that a constant leaves as they are, so that ones come back as zeros."""

PROBED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
"""Channels that a line is tried on to find out what layer it is."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a layer of a net has there: its `parameters` by their short names, and the `inputs` that
    it gets of a picture, none where there is no picture. `notes` say whose they are.
    """

    parameters: Mapping[str, Array] = field(default_factory=dict[str, Array])
    inputs: tuple[Array, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """Numbers as they were typed, "" where none were: the input, the kernel, other parameters by
    name, the gradient that comes in; whether gradients are wanted; how many steps are shown; the
    other inputs of a layer of several; the place and the channel of the output that are shown, both
    from 0 on.
    """

    input: str = ""
    kernel: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    upstream: str = ""
    gradient: bool = False
    steps: int = 4
    others: tuple[str, ...] = ()
    place: tuple[int, ...] = ()
    channel: int | None = None

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


def of_layer(
    network: Network, step: Step, request: Request, trained: Trained | None = None
) -> Case:
    """A layer of a net, with as many channels as it has there, and what is `trained` of it. Raises
    UsageError, OSError.
    """
    trained = trained or Trained()
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
    elif trained.inputs:
        arrays = list(trained.inputs)
    else:
        much = step.layer.cost(shapes, step.output).flops > MOST_OPERATIONS
        open_ = any(not shape.is_concrete for shape in shapes)
        large = much or any(shape.area > MOST_IN_A_GRID // 2 for shape in shapes)
        small = _small(step.layer, shapes) if open_ or large else shapes
        if small != shapes and _fits(trained, step.layer, small):
            arrays, _ = _made_up(step.layer, small)
            listed = " and ".join(dict.fromkeys(map(str, shapes)))
            notes = (f"In the net its input is {listed}; a small one is made up here.",)
        else:
            arrays, notes = _made_up(step.layer, shapes)
    name = f"{step.name}: {line}"
    notes = (*trained.notes, *notes)
    return _case(step.layer, name, arrays, step.inputs, request, notes, trained.parameters)


def _fits(trained: Trained, layer: Layer, shapes: tuple[Shape, ...]) -> bool:
    """Whether a layer's own parameters are those that it has on inputs of these shapes."""
    owned = {p.name: p.shape for p in layer.parameters(*shapes)}
    return all(owned.get(name) == values.shape for name, values in trained.parameters.items())


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
    if found := [values for values in fitting if len(values) == shape.channels]:
        return found[0]
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
    own: Mapping[str, Array] | None = None,
) -> Case:
    check_form(layer)
    shapes = tuple(map(shape_of, inputs))
    try:
        layer.shape(*shapes)
    except ShapeError as e:
        raise UsageError(f"`{line}` can't take {shapes[0]}: {e.message}") from None
    owned = {p.name: p for p in layer.parameters(*shapes)}
    own = own or {}
    if any(values.shape != owned[name].shape for name, values in own.items()):
        raise UsageError(
            f"the weights of `{line}` aren't those that it has on {shapes[0]}: give an --input of "
            f"the size that it has in the net"
        )
    if set(own) < set(owned):
        check_weights(layer, shapes)
    parameters = {**own, **_typed(layer, owned, request)}
    given = frozenset(parameters)
    parameters |= {
        name: made_up_parameter(layer, parameter)
        for name, parameter in owned.items()
        if name not in given
    }
    if "weight" in owned and owned["weight"].role == "weight" and "weight" not in given:
        notes = (*notes, "The kernel is made up; --kernel gives another.")
    case = Case(layer, line, inputs[0], parameters, given, request.steps, None, notes)
    case = _shown(replace(case, others=tuple(inputs[1:]), names=names), request)
    check_size(case.layer, case.shapes)
    if not (request.gradient or request.upstream):
        return case
    dy = np.ones(sizes(case.output))
    if request.upstream:
        dy = fitted(read_array(request.upstream, "--upstream"), dy.shape, "--upstream")
        return replace(case, upstream=dy)
    where = "1 everywhere" if case.part is None else "1 at what is shown and 0 elsewhere"
    if layer.word in CONSTANT:
        dy.flat[1:] = 0
        where = "1 at the first value and 0 elsewhere"
    note = f"The gradient that comes in is {where}; --upstream gives another."
    return replace(case, upstream=dy, notes=(*case.notes, note))


def _typed(layer: Layer, owned: Mapping[str, Parameter], request: Request) -> dict[str, Array]:
    """The parameters that were typed. Raises UsageError."""
    typed = {name: (text, f"--parameter {name}") for name, text in request.parameters.items()}
    if request.kernel:
        typed["weight"] = (request.kernel, "--kernel")
    for name, (_, option) in typed.items():
        if name not in owned:
            what = "no weights" if option == "--kernel" else f"no parameter `{name}`"
            hint = did_you_mean(name, owned, f"it has {', '.join(owned) or 'none at all'}")
            raise UsageError(f"{option}: `{layer.word}` has {what}; {hint}")
    found = {
        name: fitted(read_array(text, option), owned[name].shape, option, kernels=True)
        for name, (text, option) in typed.items()
    }
    if (found.get("running_var", np.zeros(1)) < 0).any():
        raise UsageError("--parameter running_var: a variance is 0 or more")
    return found


def _shown(case: Case, request: Request) -> Case:
    """The part that is asked for, or that there is room for. Raises UsageError."""
    channel = request.channel
    if channel is None and any(p.size > MOST_NUMBERS for p in case.parameters.values()):
        channel = 0
    if case.layer.word == "fc" and case.shape.area > MOST_IN_A_GRID:
        case = replace(case, x=case.x.ravel())
    work = case.layer.cost(case.shapes, case.output).flops
    shapes = (*case.shapes, case.output)
    large = work > MOST_OPERATIONS or any(
        s.area > MOST_IN_A_GRID or s.elements > MOST_NUMBERS for s in shapes
    )
    few = large and shows_places(case)
    if channel is not None or request.place or few:
        case = part_of(case, request.place, channel, few=few)
    parameters = {name: np.asarray(v, np.float64) for name, v in case.parameters.items()}
    return replace(case, x=np.asarray(case.x, np.float64), parameters=parameters)


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
