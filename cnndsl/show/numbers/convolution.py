"""Convolutions window by window, transposed ones stamp by stamp, and the gradients of both."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from cnndsl.layers.conv import Conv, DepthwiseConv
from cnndsl.layers.deconv import Deconv
from cnndsl.layers.filter import Filter
from cnndsl.show.numbers.case import Case
from cnndsl.show.numbers.lesson import (
    MOST_CHANNELS,
    Array,
    Equation,
    Lesson,
    Mark,
    Role,
    Section,
    equation,
    grid,
    maps,
    more,
    number,
    place,
    total,
)
from cnndsl.show.numbers.sliding import Place, Slider, places, slide, stamp, taps

Lines = list[str | Equation]


def convolution(case: Case) -> Lesson:
    """`conv`, `dwconv` and `filter`."""
    layer: Any = case.layer
    slider, groups = Slider.of(layer.window(case.shape)), _groups(case)
    w, bias = _kernel(case, slider), case.parameters.get("bias")
    padded = slider.padded(case.map)
    y = slide(padded, w, slider, groups)
    if bias is not None:
        y = y + bias.reshape(-1, 1, 1)
    sections = [
        Section("Input and kernel", (*_input(case, slider), *_kernels(w, "kernel"))),
        Section(_at_each_place(slider), tuple(_windows(case, padded, w, y, slider, bias))),
        Section("Output", tuple(maps(y, role="result"))),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.coming_in
        whole = (padded.shape[1], padded.shape[2])
        dpadded = stamp(dy, w, slider, groups, whole)
        dx, dw = slider.inner(dpadded), taps(padded, dy, slider, groups)
        gradients["X"] = case.like_input(dx)
        sections.append(Section("Gradient that comes in", tuple(maps(dy))))
        lines = _stamps(case, dy, w, slider, whole, "dY")
        if any(map(any, slider.pads)):
            lines += [*maps(dpadded, "sum of the stamps", _border(slider, dpadded))]
            lines.append("What lies on the border is dropped.")
        sections.append(
            Section(
                "dX: each dY stamps the kernel, stamps add up",
                (*lines, *maps(dx, "dX", role="result")),
            )
        )
        if "weight" in case.parameters:
            gradients["weight"] = dw.reshape(case.parameters["weight"].shape)
            sections.append(
                Section(
                    "dW: each number of the kernel met these inputs, times dY, summed",
                    (*_taps(case, padded, dy, dw, slider), *_kernels(dw, "dW", "result")),
                )
            )
        if bias is not None:
            gradients["bias"] = dy.sum(axis=(1, 2))
            sections.append(Section("db: all dY of a channel", tuple(_sums(dy))))
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def transposed(case: Case) -> Lesson:
    """`deconv`."""
    layer: Any = case.layer
    slider, groups = Slider.of(layer.window(case.shape)), layer.groups
    w, bias = _kernel(case, slider), case.parameters.get("bias")
    x = case.map
    rows = zip(x.shape[1:], slider.stride, slider.extent, strict=True)
    height, width = (s * (n - 1) + e for n, s, e in rows)
    whole = stamp(x, w, slider, groups, (height, width))
    y = slider.inner(whole)
    if bias is not None:
        y = y + bias.reshape(-1, 1, 1)
    lines: Lines = []
    if any(map(any, slider.pads)):
        lines += [*maps(whole, "sum of the stamps", _border(slider, whole)), _cutting(slider)]
    if bias is not None and np.any(bias):
        lines.append(f"The bias is added: {', '.join(map(number, bias[:9].tolist()))}.")
    sections = [
        Section("Input and kernel", (*_input(case, None), *_kernels(w, "kernel"))),
        Section(
            f"Each input value stamps the kernel, {_step(slider)} further for the next one",
            tuple(_stamps(case, x, w, slider, (height, width), "x")),
        ),
        Section("Where stamps overlap, they add up", (*lines, *maps(y, "output", role="result"))),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.coming_in
        dwhole = slider.padded(dy)
        dx, dw = slide(dwhole, w, slider, groups), taps(dwhole, x, slider, groups)
        gradients = {
            "X": case.like_input(dx),
            "weight": dw.reshape(case.parameters["weight"].shape),
        }
        sections += [
            Section("Gradient that comes in", tuple(maps(dy))),
            Section(
                "dX: each stamp's place in dY, times the kernel, summed",
                (
                    *_windows(case, dwhole, w, dx, slider, None, "dX"),
                    *maps(dx, "dX", role="result"),
                ),
            ),
            Section(
                "dW: each number of the stamp lies on these dY, times the inputs, summed",
                (*_taps(case, dwhole, x, dw, slider, ("dY", "x")), *_kernels(dw, "dW", "result")),
            ),
        ]
        if bias is not None:
            gradients["bias"] = dy.sum(axis=(1, 2))
            sections.append(Section("db: all dY of a channel", tuple(_sums(dy))))
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def _groups(case: Case) -> int:
    match case.layer:
        case Conv(groups=groups) | Deconv(groups=groups):
            return groups
        case DepthwiseConv() | Filter():
            return case.shape.channels
        case _:
            raise NotImplementedError(case.layer.word)


def _kernel(case: Case, slider: Slider) -> Array:
    """The weights as F×(C/g)×k×k."""
    if isinstance(case.layer, Filter):
        _, values = case.layer.taps(case.shape)
        return np.resize(np.array(values), (case.shape.channels, 1, *slider.kernel))
    w = case.parameters["weight"]
    return w.reshape(*w.shape[:2], *slider.kernel)


def _input(case: Case, slider: Slider | None) -> Lines:
    lines: Lines = [*maps(case.map, "input")]
    if slider is not None and any(map(any, slider.pads)):
        padded = slider.padded(case.map)
        lines += maps(padded, "padded with zeros", _border(slider, padded))
    return lines


def _kernels(w: Array, what: str, role: Role = "kernel") -> Lines:
    """The kernels of the first filters."""
    lines: Lines = []
    for f, kernels in enumerate(w[:MOST_CHANNELS], 1):
        lines += maps(kernels, f"{what}, filter {f}" if len(w) > 1 else what, role=role)
    if len(w) > MOST_CHANNELS:
        lines.append(f"… and {more(len(w) - MOST_CHANNELS, 'filter')}")
    return lines


def _border(slider: Slider, whole: Array) -> dict[Place, Mark]:
    """The places of the border."""
    (top, bottom), (left, right) = slider.pads
    rows, columns = whole.shape[1:]
    return {
        (r, c): "padding"
        for r in range(rows)
        for c in range(columns)
        if not (top <= r < rows - bottom and left <= c < columns - right)
    }


def _under(slider: Slider, at: Place) -> dict[Place, Mark]:
    """The places that the window covers."""
    rows, columns = slider.part(*at)
    return {
        (r, c): "window"
        for r in range(rows.start, rows.stop, rows.step)
        for c in range(columns.start, columns.stop, columns.step)
    }


def _windows(
    case: Case,
    padded: Array,
    w: Array,
    y: Array,
    slider: Slider,
    bias: Array | None,
    what: str = "output",
) -> Lines:
    """The first windows of the first filter times its kernel."""
    lines: Lines = []
    channels, count, border = w.shape[1], slider.count(padded), _border(slider, padded)
    for row, column in islice(places(count), case.steps):
        part = padded[(slice(None), *slider.part(row, column))][:channels]
        products = part * w[0]
        sums = products.sum(axis=(1, 2)).tolist()
        result = number(float(y[0, row, column]))
        offset = None if bias is None else number(float(bias[0]))
        said = f"{number(sums[0])} + bias {offset} = {result}"
        at = place(row, column, count)
        lines.append(f"{what} at {at}" + " of filter 1" * (len(w) > 1))
        for c in range(min(channels, MOST_CHANNELS)):
            window = f"window, channel {c + 1}" if channels > 1 else "window"
            lines.append(
                equation(
                    grid(
                        padded[c], "", {**border, **_under(slider, (row, column))}, drawn_only=True
                    ),
                    grid(part[c], window),
                    "×",
                    grid(w[0, c], "kernel", role="kernel"),
                    "=",
                    grid(products[c], "products"),
                    said if offset and channels == 1 else f"sum {number(sums[c])}",
                )
            )
        if channels > 1:
            added = f" + bias {offset}" if offset else ""
            lines.append(f"over all {channels:,} channels: {total(sums)}{added} = {result}")
    rest = count[0] * count[1] * len(w) - min(case.steps, count[0] * count[1])
    if rest:
        lines.append(f"… and {more(rest, 'sum')} like these")
    return lines


def _stamps(case: Case, values: Array, w: Array, slider: Slider, whole: Place, what: str) -> Lines:
    """The first values of the first channel, times the kernel, at their places."""
    lines: Lines = []
    size = (values.shape[1], values.shape[2])
    for row, column in islice(places(size), case.steps):
        value = values[0, row, column]
        stamped = np.full(whole, np.nan)
        stamped[slider.part(row, column)] = value * w[0, 0]
        lines += [
            f"{what} at {place(row, column, size)}" + " of channel 1" * (len(values) > 1),
            equation(
                number(float(value)),
                "×",
                grid(w[0, 0], "kernel", role="kernel"),
                "=",
                grid(value * w[0, 0], "stamp"),
                "at",
                grid(stamped, "its place", _under(slider, (row, column))),
            ),
        ]
    rest = size[0] * size[1] * w.shape[0] * w.shape[1] - min(case.steps, size[0] * size[1])
    if rest:
        lines.append(f"… and {more(rest, 'stamp')}")
    return lines


def _taps(
    case: Case,
    padded: Array,
    dy: Array,
    dw: Array,
    slider: Slider,
    names: tuple[str, str] = ("input", "dY"),
) -> Lines:
    """The first numbers of the first kernel: what each met, times dY."""
    lines: Lines = []
    count = (dy.shape[1], dy.shape[2])
    for row, column in islice(places(slider.kernel), case.steps):
        met = padded[0][slider.tap(row, column, count)]
        lines += [
            f"dW at {place(row, column, slider.kernel)}",
            equation(
                grid(met, f"{names[0]} it met"),
                "×",
                grid(dy[0], names[1]),
                "=",
                grid(met * dy[0], "products"),
                f"sum {number(float(dw[0, 0, row, column]))}",
            ),
        ]
    area = slider.kernel[0] * slider.kernel[1]
    rest = area * dw.shape[0] * dw.shape[1] - min(case.steps, area)
    if rest:
        lines.append(f"… and {more(rest, 'sum')} like these")
    return lines


def _sums(dy: Array) -> Lines:
    """The sum of each channel's numbers."""
    lines: Lines = [
        f"{f}: " * (len(dy) > 1) + f"{total(channel.ravel().tolist())} = {number(channel.sum())}"
        for f, channel in enumerate(dy[:MOST_CHANNELS], 1)
    ]
    if len(dy) > MOST_CHANNELS:
        lines.append(f"… and {more(len(dy) - MOST_CHANNELS, 'channel')}")
    return lines


def _cutting(slider: Slider) -> str:
    (top, bottom), (left, right) = slider.pads
    cut = ", ".join(
        f"{n} {side}"
        for n, side in ((top, "above"), (bottom, "below"), (left, "left"), (right, "right"))
        if n > 0
    )
    added = max(-bottom, -right, 0)
    parts = [f"The padding is cut off: {cut}."] if cut else []
    return " ".join([*parts, *([f"Output padding adds {added} at the end."] if added else [])])


def _step(slider: Slider) -> str:
    return "x".join(map(str, dict.fromkeys(slider.stride)))


def _at_each_place(slider: Slider) -> str:
    return f"The window at each place times the kernel, summed; it moves by {_step(slider)}"
