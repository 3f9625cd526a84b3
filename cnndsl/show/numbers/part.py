"""A part of a large layer: some places of one of its channels, and what they see of the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from cnndsl.diagnostics import UsageError
from cnndsl.layers.merge import Merge
from cnndsl.layers.norms import LayerNorm
from cnndsl.layers.pool import AvgPool, Pooling
from cnndsl.layers.windows import Window
from cnndsl.shape import window_extent
from cnndsl.show.numbers.case import Case, Part
from cnndsl.show.numbers.functions import FUNCTIONS
from cnndsl.show.numbers.lesson import Array

WINDOWS, OUTPUTS, POINTS = 3, 4, 6
"""Places along an axis: of windows, of a `deconv`'s outputs, of what looks at one place alone."""

WHOLE = ("lrn", "softmax", "logsoftmax", "ln", "gn", "concat")
"""Layers that look at several channels at once, or put them together."""
BY_PLACE = ("lrn", "softmax", "logsoftmax")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Crop:
    """The places of an axis that are shown of the output and the input, and the border that the
    part has there.
    """

    output: Span
    input: Span
    pads: Span


def part_of(case: Case, at: Sequence[int] = (), channel: int | None = None, *, few: bool) -> Case:
    """The part at an output's place, by default in the middle, and at a channel, both from 0 on;
    `few` is whether not all places are to be shown. Raises UsageError where there is no such part.
    """
    whole, notes = case, list[str]()
    if channel is not None:
        case = _of_channel(case, channel)
        notes.append(
            f"Channel {channel + 1} of {whole.output.channels:,} is shown, {channel} for `cnndsl "
            f"look`, which counts from 0."
        )
    crops: list[_Crop] = []
    if at or few:
        _check_place(whole, at)
        case, crops = _of_places(case, at)
    if crops:
        shown, seen = [c.output for c in crops], [c.input for c in crops]
        notes.append(
            f"Of the output's {_sizes(whole.output.sizes)} {_told(shown)} are shown, and of the "
            f"input's {_sizes(whole.shape.sizes)} what they see: {_told(seen)}."
        )
    firsts = [(c.output[0], c.input[0]) for c in crops] or [(0, 0)] * case.shape.rank
    part = Part(
        whole.title,
        _place(whole.output.sizes, 1),
        _place(whole.shape.sizes, 1),
        _place([out for out, _ in firsts], 0),
        _place([into for _, into in firsts], 0),
        channel or 0,
    )
    return replace(case, part=part, notes=(*case.notes, *notes))


def shows_places(case: Case) -> bool:
    """Whether some places of a layer can be shown by themselves."""
    layer: Any = case.layer
    if not case.shape.rank or case.shape.rank > 2 or case.output.rank != case.shape.rank:
        return False
    if isinstance(layer, AvgPool):
        return not (layer.ceil and layer.countpad)
    if layer.word == "bn":
        return bool({"running_mean", "running_var"} & case.given)
    if isinstance(layer, LayerNorm):
        return not layer.all
    return hasattr(layer, "window") or isinstance(layer, Merge) or _looks_at_a_place(layer.word)


def _looks_at_a_place(word: str) -> bool:
    return word in FUNCTIONS or word in BY_PLACE


def _check_place(case: Case, at: Sequence[int]) -> None:
    sizes = case.output.sizes
    if not shows_places(case):
        raise UsageError(f"no place of `{case.layer.word}` on {case.shape} is shown by itself")
    if at and (len(at) != len(sizes) or any(n >= m for n, m in zip(at, sizes, strict=True))):
        given = ",".join(str(n + 1) for n in at)
        raise UsageError(
            f"--place {given} is none of the output's {_sizes(sizes)} places: write its "
            f"{'row and column' if len(sizes) == 2 else 'number'}, counted from 1"
        )


def _of_places(case: Case, at: Sequence[int]) -> tuple[Case, list[_Crop]]:
    layer: Any = case.layer
    if not hasattr(layer, "window"):
        return _of_points(case, at)
    pooling = isinstance(layer, Pooling)
    window = layer.rounded_down(case.shape) if pooling else layer.window(case.shape)
    crop = _stamped if layer.word == "deconv" else _windowed
    most = OUTPUTS if layer.word == "deconv" else WINDOWS if prod(window.kernel) > 1 else POINTS
    spans = _spans(case.output.sizes, at, most)
    crops = [
        crop(window, axis, size, span)
        for axis, (size, span) in enumerate(zip(case.shape.sizes, spans, strict=True))
    ]
    befores, afters = zip(*(c.pads for c in crops), strict=True)
    changed: dict[str, Any] = {"padding": (*befores, *(max(after, 0) for after in afters))}
    if layer.word == "deconv":
        changed["output_padding"] = tuple(max(-after, 0) for after in afters)
    elif pooling:
        changed["ceil"] = False
    x = case.x[(slice(None), *(slice(*c.input) for c in crops))]
    return replace(case, layer=layer.model_copy(update=changed), x=x), crops


def _of_points(case: Case, at: Sequence[int]) -> tuple[Case, list[_Crop]]:
    """Of layers that look at one place of each input; what is stretched stays whole."""
    spans = _spans(case.output.sizes, at, POINTS)

    def cut(values: Array) -> Array:
        sizes = zip(values.shape[1:], spans, strict=True)
        return values[(slice(None), *(slice(*span) if n > 1 else slice(1) for n, span in sizes))]

    crops = [_Crop(span, span, (0, 0)) for span in spans]
    return replace(case, x=cut(case.x), others=tuple(map(cut, case.others))), crops


def _spans(sizes: Sequence[int], at: Sequence[int], most: int) -> list[Span]:
    """From a place on, else in the middle."""
    starts = at or [max(n - most, 0) // 2 for n in sizes]
    return [(start, min(start + most, n)) for start, n in zip(starts, sizes, strict=True)]


def _windowed(window: Window, axis: int, size: int, span: Span) -> _Crop:
    """What windows see, and how far they reach over the map's ends."""
    stride, before = window.stride[axis], window.pads[axis][0]
    low = span[0] * stride - before
    high = (
        (span[1] - 1) * stride - before + window_extent(window.kernel[axis], window.dilation[axis])
    )
    return _Crop(span, (max(low, 0), min(high, size)), (max(-low, 0), max(high - size, 0)))


def _stamped(window: Window, axis: int, size: int, span: Span) -> _Crop:
    """The inputs whose stamps reach the outputs, and what of the stamps lies beside these."""
    stride, before = window.stride[axis], window.pads[axis][0]
    extent = window_extent(window.kernel[axis], window.dilation[axis])
    start, stop = span[0] + before, span[1] + before  # among all stamps
    first = min(max(-(-(start - extent + 1) // stride), 0), size - 1)
    last = max(min((stop - 1) // stride, size - 1), first)
    end = last * stride + extent
    if start < first * stride or stop - end >= stride:
        raise UsageError("no stamp reaches that place: choose another by --place")
    return _Crop(span, (first, last + 1), (start - first * stride, end - stop))


def _of_channel(case: Case, channel: int) -> Case:
    """With one channel of the output alone."""
    layer: Any = case.layer
    count, x, parameters = case.output.channels, case.x, case.parameters
    if channel >= count:
        raise UsageError(f"there is no channel {channel + 1}: the output has {count:,}, from 1 on")
    if (
        layer.word in WHOLE
        or getattr(layer, "all", False)
        or getattr(layer, "channels", False) is True
    ):
        raise UsageError(f"`{layer.word}` is shown with all of its channels: leave --channel out")
    one = slice(channel, channel + 1)
    match layer.word:
        case "fc":
            layer = layer.model_copy(update={"units": 1})
            parameters = {name: values[one] for name, values in parameters.items()}
        case "conv" | "deconv":
            inside = len(x) // layer.groups
            own = channel // (count // layer.groups) * inside
            x = x[own : own + inside]
            parameters = dict(_kernel(case, one, slice(own, own + inside)))
            layer = layer.model_copy(update={"filters": 1, "groups": 1})
        case _:
            x = _one(x, one)
            parameters = {name: _one(values, one) for name, values in parameters.items()}
    others = tuple(_one(other, one) for other in case.others)
    return replace(case, layer=layer, x=x, others=others, parameters=parameters)


def _kernel(case: Case, one: slice, inside: slice) -> Mapping[str, Array]:
    """The weights of one filter, which a `deconv` has behind those of its input's channels."""
    layer: Any = case.layer
    weight = case.parameters["weight"]
    if layer.word == "deconv":
        filter_ = one.start % weight.shape[1]
        weight = weight[inside, filter_ : filter_ + 1]
    else:
        weight = weight[one]
    bias = {"bias": case.parameters["bias"][one]} if "bias" in case.parameters else {}
    return {"weight": weight, **bias}


def _one(values: Array, one: slice) -> Array:
    """One channel; what is the same for all stays."""
    return values[one] if len(values) > 1 else values


def _place(numbers: Sequence[int], fill: int) -> tuple[int, int, int]:
    depth, row, column = (*(fill,) * (3 - len(numbers)), *numbers)
    return depth, row, column


def _told(spans: Sequence[Span]) -> str:
    """`rows 50 to 52 and columns 7 to 9`, counted from 1."""
    names = ("row", "column") if len(spans) == 2 else ("place",)
    return " and ".join(
        f"{name} {stop}" if stop - start == 1 else f"{name}s {start + 1} to {stop}"
        for name, (start, stop) in zip(names, spans, strict=True)
    )


def _sizes(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
