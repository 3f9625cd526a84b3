"""Parameters, multiply-adds and operations of a layer as products of its sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod

from cnndsl.analyse import Row
from cnndsl.layers.base import Parameter
from cnndsl.show.figures import UNKNOWN, grouped

Lines = list[str]


def times(factors: Iterable[object]) -> str:
    """`11·11·3`."""
    return "·".join(map(str, factors))


def parameters(row: Row) -> Lines:
    """How many numbers the layer has."""
    tensors = row.layer.parameters(*row.inputs)
    trained = [t for t in tensors if t.role != "statistic"]
    stored = [t for t in tensors if t.role == "statistic"]
    if not tensors:
        return ["none"]
    special = _PARAMETERS.get(row.layer.word)
    lines = special(row, trained) if special else _tensors(trained)
    if stored:
        names = " and ".join(t.name for t in stored)
        lines.append(f"besides {names}: {sum(t.size for t in stored):,}, stored but not trained")
    return lines


def _convolution(row: Row, trained: list[Parameter]) -> Lines:
    """Of F filters, each a window over the channels of its group, and a bias each."""
    filters, channels, *kernel = trained[0].shape
    window = times([*kernel, channels])
    groups = row.inputs[0].channels // channels
    lines: Lines = []
    if groups > 1:
        noun = "channel" if channels == 1 else "channels"
        lines.append(f"a filter sees {row.inputs[0].channels}/{groups} = {channels} {noun}")
    return [*lines, _with_bias(window, filters, trained, "weights of a filter")]


def _dense(row: Row, trained: list[Parameter]) -> Lines:
    units, values = trained[0].shape
    return [_with_bias(str(values), units, trained, "weights of a unit")]


def _with_bias(each: str, count: int, trained: list[Parameter], meaning: str) -> str:
    total = sum(t.size for t in trained)
    if len(trained) > 1:
        return f"({each} + 1)·{count} = {total:,}: {meaning} and its bias, times {count}"
    return f"{each}·{count} = {total:,}: {meaning}, times {count}, without biases"


def _transposed(row: Row, trained: list[Parameter]) -> Lines:
    channels, filters, *kernel = trained[0].shape
    total = sum(t.size for t in trained)
    bias = f" + {trained[1].size}" if len(trained) > 1 else ""
    meaning = "the stamp of every input channel" + (", and a bias an output channel" * bool(bias))
    return [f"{times([*kernel, filters, channels])}{bias} = {total:,}: {meaning}"]


def _tensors(trained: list[Parameter]) -> Lines:
    """Of any other layer, tensor by tensor."""
    names = " and ".join(t.name for t in trained)
    total = sum(t.size for t in trained)
    if len({t.shape for t in trained}) == 1:
        product = times(s for s in (len(trained), *trained[0].shape) if s != 1) or "1"
        equals = "" if product == str(total) else f" = {total:,}"
        return [f"{product}{equals}: {names}"]
    lines = [f"{t.name}: {times(t.shape)} = {t.size:,}" for t in trained]
    return [*lines, f"together {total:,}"]


_PARAMETERS: dict[str, Callable[[Row, list[Parameter]], Lines]] = {
    "conv": _convolution,
    "dwconv": _convolution,
    "deconv": _transposed,
    "fc": _dense,
}


def products(row: Row) -> Lines:
    """Where its multiply-adds come from."""
    if not row.macs:
        return ["none: only convolutions and dense layers count"]
    match row.layer.word:
        case "conv" | "dwconv":
            _, channels, *kernel = row.layer.parameters(*row.inputs)[0].shape
            taps, places = [*kernel, channels], list(row.output)
            meaning = "a filter's weights, once for every output value"
        case "deconv":
            _, filters, *kernel = row.layer.parameters(*row.inputs)[0].shape
            taps, places = [*kernel, filters], list(row.inputs[0])
            meaning = "a stamp's weights, once for every input value"
        case "fc":
            taps, places = [row.inputs[0].elements], [row.output.channels]
            meaning = "a unit's weights, for every unit"
        case _:
            return [grouped(row.macs)]
    return [f"{times(taps)} · {times(places)} = {row.macs:,}: {meaning}"]


def operations(row: Row) -> Lines:
    """All operations, 2 for a multiply-add."""
    if row.flops is None or row.macs is None:
        return [f"{UNKNOWN}: the sizes aren't fixed; give them by --input"]
    others = row.flops - 2 * row.macs
    if row.macs:
        if not others:
            return [f"2·{row.macs:,} = {row.flops:,}: a product and a sum each"]
        return [
            f"2·{row.macs:,} + {others:,} = {row.flops:,}: a product and a sum each, and the biases"
        ]
    values = row.output.elements
    if not others:
        return ["none: values only move"]
    if others % values == 0:
        place = times(row.output)
        return [f"{others // values} · {place} = {others:,}: {others // values} an output value"]
    inputs = prod(x.elements for x in row.inputs[:1])
    if others % inputs == 0:
        return [f"{others // inputs} · {times(row.inputs[0])} = {others:,}: by input value"]
    return [grouped(others)]
