"""What a model says in several layers and a spec in one: biases, borders, factors, flattening."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from cnndsl.importing.draft import Draft, Step, Value
from cnndsl.importing.elementary import Uniform
from cnndsl.importing.nodes import shortest
from cnndsl.importing.operators.convolutions import balanced
from cnndsl.importing.operators.windows import short, written_padding
from cnndsl.layers.base import Layer
from cnndsl.layers.borders import Crop, Pad
from cnndsl.layers.conv import Conv, DepthwiseConv
from cnndsl.layers.deconv import Deconv
from cnndsl.layers.fc import Dense
from cnndsl.layers.functions import Power
from cnndsl.layers.norms import LayerNorm, OverSpace
from cnndsl.layers.pool import AvgPool
from cnndsl.layers.resample import Upsample
from cnndsl.layers.scale import Scale

LARGEST_NUMBER = 2**53  # that a line may give


def simplify(draft: Draft) -> None:
    """Join layers where one of the language says the same."""
    changed = True
    while changed:
        changed = False
        users, ends = draft.users(), draft.ends()
        gone: dict[Value, Value] = {}
        for step in draft.steps:
            _double(step)
            before = step.inputs[0]
            alone = users.get(before) == [step] and before not in ends
            if isinstance(before, Step) and alone and _joined(before, step):
                step.roots |= before.roots
                changed = True
            elif _flattened(step, users, ends):
                changed = True
            elif _is_neutral(step) and step not in ends:
                gone[step] = before
        if gone:
            changed = True
            draft.replace(gone)
        if changed:
            draft.tidy()
    _join_concats(draft)
    draft.tidy()
    for step in draft.steps:
        if isinstance(step.layer, Uniform):
            _write_numbers(step, step.layer.learned)


def _write_numbers(step: Step, learned: bool) -> None:
    """A factor and an offset that all channels share."""
    numbers = {name: shortest(array[0]) for name, array in step.values.items()}
    bias = "bias" in numbers
    if learned or any(not abs(n) <= LARGEST_NUMBER for n in numbers.values()):
        shared = step.output.channels > 1
        step.layer = Scale(bias=bias, shared=shared)
        step.values = {name: array[:1] for name, array in step.values.items()}
        return
    factor, offset = numbers["weight"], numbers.get("bias")
    step.layer = Scale(factor=None if bias and factor == 1 else factor, offset=offset)
    step.values = {}


def by_factors(draft: Draft) -> None:
    """Let maps that are brought to a size several times theirs be enlarged by the factor."""
    for step in draft.steps:
        if isinstance(step.layer, Upsample) and step.layer.size is not None:
            rows = list(zip(step.inputs[0].output.sizes, step.output.sizes, strict=True))
            if all(m % n == 0 for n, m in rows):
                factor = tuple(m // n for n, m in rows)
                step.layer = _changed(step.layer, size=None, factor=factor)


def _double(step: Step) -> None:
    """Let a sum of a value with itself be twice the value."""
    if step.word == "add" and len(step.inputs) == 2 and step.inputs[0] is step.inputs[1]:
        step.layer, step.inputs = Uniform(bias=False), step.inputs[:1]
        step.values = {"weight": np.full(step.output.channels, 2, np.float32)}


def _joined(first: Step, second: Step) -> bool:
    """Make the second step do the work of both; whether it could be done."""
    match first.layer, second.layer:
        case Scale(), Scale():
            return _product(first, second)
        case ((Conv() | DepthwiseConv() | Deconv() | Dense()), Scale()):
            return _into_weights(first, second)
        case OverSpace(scale=False), Scale(bias=True):
            layer = _changed(first.layer, scale=True)
            return _replaced(second, layer, first.inputs[0], second.values)
        case LayerNorm(all=False), Scale():
            values = _chained(first, second)
            return _replaced(second, first.layer, first.inputs[0], values, first)
        case Pad(mode="constant", value=0.0), (Conv() | DepthwiseConv()):
            return _padded(first, second)
        case Pad(mode="constant", value=0.0), AvgPool(ceil=False):
            return _counted(first, second)
        case Crop(width=tuple()), Crop(width=tuple()):
            return _cropped_twice(first, second)
        case Power(exponent=0.5), Power(exponent=-1.0):
            return _replaced(second, Power(exponent=-0.5), first.inputs[0], {})
        case Deconv(), Crop(width=tuple()):
            return _cropped(first, second)
        case _:
            return False


def _flattened(step: Step, users: Mapping[Value, list[Step]], ends: set[Value]) -> bool:
    """Leave out a `flatten` before `fc`, which does it by itself."""
    if not isinstance(step.layer, Dense):
        return False
    path: list[Step] = []  # what lies between treats all values alike
    value = step.inputs[0]
    while isinstance(value, Step) and users.get(value) == [path[-1] if path else step]:
        if value in ends:
            return False
        if value.word == "flatten":
            last = path[-1] if path else step
            last.inputs = [value.inputs[0]]
            for between in path:
                between.output = value.inputs[0].output
            return True
        if value.word not in ("dropout", "relu"):
            return False
        path.append(value)
        value = value.inputs[0]
    return False


def _is_neutral(step: Step) -> bool:
    """Whether it does nothing."""
    if not isinstance(step.layer, Scale) or "bias" in step.values:
        return False
    return bool(np.all(step.values["weight"] == 1))


def _product(first: Step, second: Step) -> bool:
    """a·(b·x + c) + d, where the factor is a number that float32 has."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = _chained(first, second)
    if not all(np.isfinite(array).all() for array in values.values()):
        return False
    bias = "bias" in values
    layer: Scale = Scale(bias=bias)
    if isinstance(first.layer, Uniform) and isinstance(second.layer, Uniform):
        layer = Uniform(bias=bias, learned=first.layer.learned or second.layer.learned)
    return _replaced(second, layer, first.inputs[0], values)


def _chained(first: Step, second: Step) -> dict[str, Any]:
    """The weight and bias of two of them, one after the other."""
    factor = second.values["weight"]
    values = {"weight": factor * first.values["weight"]}
    if "bias" in first.values or "bias" in second.values:
        offset = factor * first.values.get("bias", np.float32(0))
        values["bias"] = np.asarray(offset + second.values.get("bias", 0), np.float32)
    return values


def _into_weights(first: Step, second: Step) -> bool:
    """A bias that is added behind; a factor and a bias, as folded batch norms have them.

    A factor alone stays: it is a layer scale, meant as a layer of its own.
    """
    if "bias" not in second.values:
        return False
    factor = second.values["weight"]
    weight = first.values["weight"]
    values = dict(first.values)
    if np.any(factor != 1):
        if isinstance(first.layer, Deconv):
            groups = first.layer.groups
            split = factor.reshape(groups, 1, -1, *(1,) * (weight.ndim - 2))
            parts = weight.reshape(groups, -1, *weight.shape[1:])
            values["weight"] = (parts * split).reshape(weight.shape)
        else:
            values["weight"] = weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))
    bias = first.values.get("bias", np.float32(0)) * factor + second.values["bias"]
    values["bias"] = np.asarray(bias, np.float32)
    return _replaced(second, _changed(first.layer, bias=True), first.inputs[0], values, first)


def _padded(first: Step, second: Step) -> bool:
    """A border of zeros becomes the convolution's padding."""
    pad, conv = cast(Pad, first.layer), cast(Conv, second.layer)
    x = first.inputs[0].output
    margins, window = pad.margins(x), conv.window(first.output)
    rows = list(zip(margins, window.pads, strict=True))
    pads = (*(m[0] + w[0] for m, w in rows), *(m[1] + w[1] for m, w in rows))
    padding = written_padding(x, pads, window.kernel, window.stride, window.dilation)
    return _replaced(second, _changed(conv, padding=padding), first.inputs[0], second.values)


def _counted(first: Step, second: Step) -> bool:
    """A border of zeros becomes padding that the mean counts, where windows are larger."""
    pad, pool = cast(Pad, first.layer), cast(AvgPool, second.layer)
    x = first.inputs[0].output
    margins, window = pad.margins(x), pool.window(first.output)
    rows = zip(margins, window.kernel, strict=True)
    if any(map(any, window.pads)) or any(not 0 <= n < k for sides, k in rows for n in sides):
        return False
    pads = (*(before for before, _ in margins), *(after for _, after in margins))
    padding = written_padding(x, pads, window.kernel, window.stride, window.dilation)
    layer = _changed(pool, padding=padding, countpad=True)
    return _replaced(second, layer, first.inputs[0], second.values)


def _cropped(first: Step, second: Step) -> bool:
    """What is cut off a transposed convolution becomes its padding."""
    deconv, crop = cast(Deconv, first.layer), cast(Crop, second.layer)
    x = first.inputs[0].output
    window = deconv.window(x)
    rows = list(zip(window.pads, crop.margins(first.output, second.output), strict=True))
    pads, extra = balanced(
        (*(w[0] + m[0] for w, m in rows), *(w[1] + m[1] for w, m in rows)),
        (0,) * x.rank,
        window.stride,
    )
    if any(p < 0 for p in pads):
        return False
    even = pads[: x.rank] == pads[x.rank :]
    layer = _changed(
        deconv,
        padding=short(pads[: x.rank]) if even else pads,
        output_padding=short(extra),
    )
    same = _changed(deconv, padding="same", output_padding=(0,))
    if not even and cast(Deconv, same).window(x) == cast(Deconv, layer).window(x):
        layer = same
    return _replaced(second, layer, first.inputs[0], first.values, first)


def _cropped_twice(first: Step, second: Step) -> bool:
    """Exporters cut one axis after the other."""
    outer, inner = cast(Crop, first.layer), cast(Crop, second.layer)
    rows = list(
        zip(
            outer.margins(first.inputs[0].output, first.output),
            inner.margins(first.output, second.output),
            strict=True,
        )
    )
    before, after = (tuple(a[side] + b[side] for a, b in rows) for side in (0, 1))
    width = short(before) if before == after else (*before, *after)
    return _replaced(second, _changed(inner, width=width), first.inputs[0], {})


def _changed(layer: Layer, **fields: Any) -> Layer:
    values = {name: getattr(layer, name) for name in type(layer).model_fields}
    return type(layer)(**(values | fields))


def _replaced(step: Step, layer: Layer, x: Value, values: Any, hint: Step | None = None) -> bool:
    step.layer, step.inputs, step.values = layer, [x, *step.inputs[1:]], values
    step.hint = hint.hint if hint else step.hint
    return True


def _join_concats(draft: Draft) -> None:
    """DenseNet's rows: what begins with all inputs of an earlier concat takes that instead."""
    earlier: dict[tuple[Value, ...], Step] = {}
    for step in draft.steps:
        if step.word != "concat":
            continue
        inputs = tuple(step.inputs)
        for length in range(len(inputs) - 1, 1, -1):
            found = earlier.get(inputs[:length])
            if found is not None:
                step.inputs = [found, *inputs[length:]]
                break
        earlier[inputs] = step
