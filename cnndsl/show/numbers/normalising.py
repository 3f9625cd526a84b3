"""Norms, softmax and its logarithm: values that are judged by their neighbours."""

from __future__ import annotations

from itertools import islice

import numpy as np

from cnndsl.layers.batchnorm import BatchNorm
from cnndsl.layers.lrn import LocalResponseNorm
from cnndsl.layers.minmax import MinMax
from cnndsl.show.numbers.case import Case
from cnndsl.show.numbers.functions import table
from cnndsl.show.numbers.lesson import (
    MOST_CHANNELS,
    Array,
    Equation,
    Lesson,
    Section,
    factor,
    maps,
    more,
    number,
    total,
)
from cnndsl.show.numbers.sliding import places, size_of

Lines = list[str | Equation]


def batch_norm(case: Case) -> Lesson:
    """`bn`: with given statistics as at inference, else with the input's own as in training."""
    layer, x = case.layer, case.map
    assert isinstance(layer, BatchNorm)
    weight, bias = case.parameters["weight"], case.parameters["bias"]
    given = bool({"running_mean", "running_var"} & case.given)
    mean, variance = (
        (case.parameters["running_mean"], case.parameters["running_var"])
        if given
        else (x.mean((1, 2, 3)), x.var((1, 2, 3)))
    )
    root = np.sqrt(variance + layer.eps)
    normal = (x - _wide(mean)) / _wide(root)
    y = _wide(weight) * normal + _wide(bias)
    lines: list[str] = ["given, as at inference" if given else "of the input, as in training"]
    count = x[0].size
    for c, channel in enumerate(x[:MOST_CHANNELS]):
        m, v = number(float(mean[c])), number(float(variance[c]))
        if not given:
            values = channel.ravel().tolist()
            less = factor(float(mean[c]))
            squares = " + ".join(f"({number(value)} − {less})²" for value in values[:4])
            more_of = " + …" if count > 4 else ""
            lines.append(f"channel {c + 1}: mean ({total(values)})/{count} = {m}")
            lines.append(f"channel {c + 1}: variance ({squares}{more_of})/{count} = {v}")
        else:
            lines.append(f"channel {c + 1}: mean {m}, variance {v}")
        lines.append(
            f"channel {c + 1}: y = {factor(float(weight[c]))}·(x − {factor(float(mean[c]))})/"
            f"√({v} + {layer.eps:g}) + {factor(float(bias[c]))}"
        )
    sections = [
        Section("Input", tuple(maps(x))),
        Section("Mean and variance of each channel", (*lines, *_rest(x))),
        Section("Normalised: (x − mean)/√(variance + eps)", tuple(maps(normal))),
        Section("Output: times the weight, plus the bias", tuple(maps(y, role="result"))),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.coming_in
        dweight, dbias = (dy * normal).sum((1, 2, 3)), dy.sum((1, 2, 3))
        dx = _wide(weight / root) * dy
        rule = "weight·dY/√(variance + eps): given statistics don't depend on x"
        if not given:
            dx = _wide(weight / root) * (
                dy - _wide(dbias / count) - normal * _wide(dweight / count)
            )
            rule = "weight/√(variance + eps)·(dY − mean of dY − n·mean of dY·n), n normalised"
        gradients = {"X": case.like_input(dx), "weight": dweight, "bias": dbias}
        sections += [
            Section("Gradient that comes in", tuple(maps(dy))),
            Section(f"dX: {rule}", tuple(maps(dx, role="result"))),
            Section("dW: the sum of dY·n", (_listed(dweight),)),
            Section("db: the sum of dY", (_listed(dbias),)),
        ]
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def local_response(case: Case) -> Lesson:
    """`lrn`: y = x/(k + alpha·Σx²)^beta, the sum over the neighbouring channels."""
    layer, x = case.layer, case.map
    assert isinstance(layer, LocalResponseNorm)
    half, channels = layer.channels // 2, len(x)
    squares = np.stack([(x[max(c - half, 0) : c + half + 1] ** 2).sum(0) for c in range(channels)])
    base = layer.k + layer.alpha * squares
    y = x / base**layer.beta
    lines: list[str] = []
    at = (0, 0, 0)
    for c in range(min(channels, max(case.steps, MOST_CHANNELS))):
        around = x[(slice(max(c - half, 0), c + half + 1), *at)].tolist()
        shown = " + ".join(f"{factor(v)}²" for v in around[:7]) + (
            " + …" if len(around) > 7 else ""
        )
        lines.append(
            f"channel {c + 1}: {number(float(x[(c, *at)]))}/({layer.k:g} + {layer.alpha:g}·"
            f"({shown}))^{layer.beta:g} = {number(float(y[(c, *at)]))}"
        )
    rest = y.size - len(lines)
    where = f"at {case.output_place(at)}" if x[0].size > 1 else "channel by channel"
    sections = [
        Section("Input", tuple(maps(x))),
        Section(
            f"Each value over a power of the sum of squares of {layer.channels} channels; {where}",
            (*lines, *([f"… and {more(rest, 'value')}"] if rest else [])),
        ),
        Section("Output", tuple(maps(y, role="result"))),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.coming_in
        shared = dy * x * base ** (-layer.beta - 1)
        back = np.stack([shared[max(c - half, 0) : c + half + 1].sum(0) for c in range(channels)])
        dx = dy / base**layer.beta - 2 * layer.alpha * layer.beta * x * back
        gradients["X"] = case.like_input(dx)
        sections += [
            Section("Gradient that comes in", tuple(maps(dy))),
            Section(
                "dX: dY/s^beta − 2·alpha·beta·x·Σ dY·x/s^(beta + 1) over the neighbours, "
                "s = k + alpha·Σx²",
                tuple(maps(dx, role="result")),
            ),
        ]
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def softmax(case: Case) -> Lesson:
    """`softmax` and `logsoftmax`: over the channels, at every position."""
    x, logarithm = case.map, case.layer.word == "logsoftmax"
    lowered = x - x.max(0)
    exponentials = np.exp(lowered)
    sums = exponentials.sum(0)
    shares = exponentials / sums
    y = lowered - np.log(sums) if logarithm else shares
    lines: Lines = []
    for at in islice(places(size_of(x)), case.steps):
        here = (slice(None), *at)
        most, sum_ = factor(float(x[here].max())), number(float(sums[at]))
        last = f"− log {sum_}" if logarithm else f"over {sum_}"
        if x[0].size > 1:
            lines.append(f"at {case.output_place(at)}")
        rows = {"x": x[here], f"x − {most}": lowered[here], "exp": exponentials[here]}
        lines += table({**rows, last: y[here]}, len(x))
    rest = x[0].size - case.steps
    sections = [
        Section("Input", tuple(maps(x))),
        Section(
            "Less the largest, which changes nothing; exponentials; "
            + ("less the logarithm of their sum" if logarithm else "over their sum"),
            (*lines, *([f"… and {more(rest, 'position')}"] if rest > 0 else [])),
        ),
        Section("Output", tuple(maps(y, role="result"))),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.coming_in
        if logarithm:
            dx, rule = dy - shares * dy.sum(0), "dY − softmax·Σ dY"
        else:
            dx, rule = y * (dy - (dy * y).sum(0)), "y·(dY − Σ dY·y)"
        gradients["X"] = case.like_input(dx)
        sections += [
            Section("Gradient that comes in", tuple(maps(dy))),
            Section(f"dX: {rule}, the sum over the channels", tuple(maps(dx, role="result"))),
        ]
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def spread(case: Case) -> Lesson:
    """`minmax`: each channel, or all values, from its least to its largest as 0 to 1."""
    layer, x = case.layer, case.map
    assert isinstance(layer, MinMax)
    axes = (0, 1, 2, 3) if layer.all else (1, 2, 3)
    low, high = x.min(axes, keepdims=True), x.max(axes, keepdims=True)
    flat = high == low
    extent = np.where(flat, 1, high - low)
    y = (x - low) / extent
    lines = [
        f"channel {c + 1}: "[: 0 if low.size == 1 else None]
        + f"y = (x − {factor(least)})/({number(most)} − {factor(least)})"
        + " would divide by 0, so y is 0" * (least == most)
        for c, (least, most) in enumerate(
            zip(low.ravel().tolist(), high.ravel().tolist(), strict=True)
        )
    ]
    shown = lines[:MOST_CHANNELS]
    sections = [
        Section("Input", tuple(maps(x))),
        Section(
            "Less the least, over the largest less the least",
            (*shown, *_rest(low)),
        ),
        Section("Output", tuple(maps(y, role="result"))),
    ]
    gradients: dict[str, Array] = {}
    if case.upstream is not None:
        dy = case.coming_in
        least, most = x == low, (x == high) & ~flat
        to_least = (dy * np.where(flat, -1, y - 1) / extent).sum(axes, keepdims=True)
        to_most = -(dy * y / extent).sum(axes, keepdims=True)
        dx = dy / extent
        dx += least * to_least / least.sum(axes, keepdims=True)
        dx += most * to_most / np.maximum(most.sum(axes, keepdims=True), 1)
        gradients["X"] = case.like_input(dx)
        sections += [
            Section("Gradient that comes in", tuple(maps(dy))),
            Section(
                "dX: dY/e with e = largest − least, and what comes back through these two",
                (
                    "the least gets Σ dY·(y − 1)/e more, the largest Σ dY·y/e less",
                    *maps(dx, role="result"),
                ),
            ),
        ]
    return Lesson(case.title, tuple(sections), case.like_output(y), gradients)


def _wide(values: Array) -> Array:
    """A number a channel, over the map."""
    return values.reshape(-1, 1, 1, 1)


def _listed(values: Array) -> str:
    text = ", ".join(number(v) for v in values[:9].tolist())
    return text if len(values) <= 9 else f"{text}, … ({len(values)} channels)"


def _rest(x: Array) -> list[str]:
    rest = len(x) - MOST_CHANNELS
    return [f"… and {more(rest, 'channel')}"] if rest > 0 else []
