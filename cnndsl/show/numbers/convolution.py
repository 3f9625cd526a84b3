"""Convolutions window by window, transposed ones stamp by stamp, and the gradients of both."""

from __future__ import annotations

from itertools import islice, product
from math import prod
from typing import Any

import numpy as np

from cnndsl.layers.conv import Conv, DepthwiseConv
from cnndsl.layers.deconv import Deconv
from cnndsl.layers.filter import Filter
from cnndsl.show.numbers.case import Case
from cnndsl.show.numbers.lesson import (
    MOST_CHANNELS,
    MOST_SLICES,
    Array,
    Equation,
    Lesson,
    Mark,
    Place,
    Role,
    Section,
    captioned,
    equation,
    grid,
    maps,
    more,
    number,
    place,
    slices,
    total,
)
from cnndsl.show.numbers.sliding import Slider, places, size_of, slide, stamp, taps

Lines = list[str | Equation]


def convolution(case: Case) -> Lesson:
    """`conv`, `dwconv` and `filter`."""
    layer: Any = case.layer
    slider, groups = Slider.of(layer.window(case.shape)), _groups(case)
    w, bias = _kernel(case, slider), case.parameters.get("bias")
    padded = slider.padded(case.map)
    y = slide(padded, w, slider, groups)
    if bias is not None:
        y = y + bias.reshape(-1, 1, 1, 1)
    sections = [
        Section("Input and kernel", (*_input(case, slider), *_kernels(w, "kernel"))),
        Section(
            f"The window at each place times the kernel, summed; it moves by {_step(case, slider)}",
            tuple(_windows(case, padded, w, y, slider, bias)),
        ),
        Section("Output", tuple(maps(y, role="result"))),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.coming_in
        whole = size_of(padded)
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
            gradients["bias"] = dy.sum(axis=(1, 2, 3))
            sections.append(Section("db: all dY of a channel", tuple(_sums(dy))))
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def transposed(case: Case) -> Lesson:
    """`deconv`."""
    layer: Any = case.layer
    slider, groups = Slider.of(layer.window(case.shape)), layer.groups
    w, bias = _kernel(case, slider), case.parameters.get("bias")
    x = case.map
    rows = zip(x.shape[1:], slider.stride, slider.extent, strict=True)
    depth, height, width = (s * (n - 1) + e for n, s, e in rows)
    whole = stamp(x, w, slider, groups, (depth, height, width))
    y = slider.inner(whole)
    if bias is not None:
        y = y + bias.reshape(-1, 1, 1, 1)
    lines: Lines = []
    if any(map(any, slider.pads)):
        lines += [*maps(whole, "sum of the stamps", _border(slider, whole)), _cutting(slider)]
    if bias is not None and np.any(bias):
        lines.append(f"The bias is added: {', '.join(map(number, bias[:9].tolist()))}.")
    sections = [
        Section("Input and kernel", (*_input(case, None), *_kernels(w, "kernel"))),
        Section(
            f"Each input value stamps the kernel, {_step(case, slider)} further for the next one",
            tuple(_stamps(case, x, w, slider, size_of(whole), "x")),
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
            gradients["bias"] = dy.sum(axis=(1, 2, 3))
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
    """The weights as F×(C/g)×k×k×k."""
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
    size = size_of(whole)
    ends = [(before, n - after) for (before, after), n in zip(slider.pads, size, strict=True)]
    return {
        at: "padding"
        for at in places(size)
        if not all(start <= n < stop for n, (start, stop) in zip(at, ends, strict=True))
    }


def _under(slider: Slider, at: Place) -> dict[Place, Mark]:
    """The places that the window covers."""
    return dict.fromkeys(slider.covered(at), "window")


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
    named = case.output_place if what == "output" else case.input_place
    for at in islice(places(count), case.steps):
        part = padded[(slice(None), *slider.part(at))][:channels]
        products = part * w[0]
        result = number(float(y[(0, *at)]))
        offset = None if bias is None else number(float(bias[0]))
        sums = products.sum(axis=(2, 3)) if slider.kernel[0] > 1 else products.sum(axis=(1, 2, 3))
        lines.append(f"{what} at {named(at)}" + " of filter 1" * (len(w) > 1))
        marks: dict[Place, Mark] = {**border, **_under(slider, at)}
        lines += _products(padded, part, w[0], at, slider, marks)
        if sums.size > 1:
            over = f"{channels:,} channels" if channels > 1 else f"{slider.kernel[0]} slices"
            added = f" + bias {offset}" if offset else ""
            lines.append(f"over all {over}: {total(sums.ravel().tolist())}{added} = {result}")
        elif offset:
            said = f"{number(float(sums.item()))} + bias {offset} = {result}"
            lines[-1] = _ending(lines[-1], said)
    rest = prod(count) * len(w) - min(case.steps, prod(count))
    if rest:
        lines.append(f"… and {more(rest, 'sum')} like these")
    return lines


def _products(
    padded: Array, part: Array, w: Array, at: Place, slider: Slider, marks: dict[Place, Mark]
) -> Lines:
    """A window times the kernel, channel after channel and slice after slice."""
    lines: Lines = []
    for c, d in product(range(min(len(w), MOST_CHANNELS)), range(min(w.shape[1], MOST_SLICES))):
        depth = at[0] * slider.stride[0] + d * slider.dilation[0]
        names = [f"channel {c + 1}" * (len(w) > 1), f"depth {depth + 1}" * (len(padded[c]) > 1)]
        lines.append(
            equation(
                grid(
                    padded[c, depth],
                    "",
                    {(r, k): mark for (z, r, k), mark in marks.items() if z == depth},
                    drawn_only=True,
                ),
                grid(part[c, d], captioned("window", *names)),
                "×",
                grid(w[c, d], "kernel", role="kernel"),
                "=",
                grid(part[c, d] * w[c, d], "products"),
                f"sum {number(float((part[c, d] * w[c, d]).sum()))}",
            )
        )
    return lines


def _ending(line: str | Equation, said: str) -> Equation:
    """An equation with another end."""
    assert isinstance(line, Equation)
    return equation(*line.pieces[:-1], said)


def _stamps(case: Case, values: Array, w: Array, slider: Slider, whole: Place, what: str) -> Lines:
    """The first values of the first channel, times the kernel, at their places."""
    lines: Lines = []
    named = case.input_place if what == "x" else case.output_place
    for at in islice(places(size_of(values)), case.steps):
        value, stamped = values[(0, *at)], np.full(whole, np.nan)
        stamped[slider.part(at)] = value * w[0, 0]
        lines += [
            f"{what} at {named(at)}" + " of channel 1" * (len(values) > 1),
            equation(
                number(float(value)),
                "×",
                *slices(w[0, 0], "kernel", role="kernel"),
                "=",
                *slices(value * w[0, 0], "stamp"),
                "at",
                *slices(stamped, "its place", _under(slider, at)),
            ),
        ]
    rest = values[0].size * w.shape[0] * w.shape[1] - min(case.steps, values[0].size)
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
    for at in islice(places(slider.kernel), case.steps):
        met = padded[0][slider.tap(at, size_of(dy))]
        lines += [
            f"dW at {place(at, slider.kernel)}",
            equation(
                *slices(met, f"{names[0]} it met"),
                "×",
                *slices(dy[0], names[1]),
                "=",
                *slices(met * dy[0], "products"),
                f"sum {number(float(dw[(0, 0, *at)]))}",
            ),
        ]
    rest = dw.size - min(case.steps, prod(slider.kernel))
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
    sides = (("in front", "behind"), ("above", "below"), ("left", "right"))
    cut = ", ".join(
        f"{n} {side}"
        for pads, names in zip(slider.pads, sides, strict=True)
        for n, side in zip(pads, names, strict=True)
        if n > 0
    )
    added = max(-after for _, after in slider.pads)
    parts = [f"The padding is cut off: {cut}."] if cut else []
    return " ".join([*parts, *([f"Output padding adds {added} at the end."] * (added > 0))])


def _step(case: Case, slider: Slider) -> str:
    return "x".join(map(str, dict.fromkeys(slider.stride[-case.shape.rank :])))
