"""Whether a spec's network is the draft's, step for step, and the weights under its names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnndsl.importing.draft import Draft, Float, Step, Value
from cnndsl.importing.tying import is_tied
from cnndsl.layers.arithmetic import Arithmetic
from cnndsl.layers.base import Layer
from cnndsl.layers.conv import DepthwiseConv, Windows
from cnndsl.layers.pool import Pooling
from cnndsl.layers.resample import Upsample
from cnndsl.layers.windows import broadcast
from cnndsl.layers.written import written
from cnndsl.network import Network
from cnndsl.shape import Shape


def matched(draft: Draft, steps: Sequence[Step], network: Network) -> dict[str, Float] | None:
    """The parameters by the network's names, where the network is made of these steps in this
    order; None where it isn't.
    """
    if len(steps) != len(network.steps) or len(draft.inputs) != len(network.inputs):
        return None
    names: dict[Value, str] = {
        source: ours.name for source, ours in zip(draft.inputs, network.inputs, strict=True)
    }
    values: dict[str, Float] = {}
    for step, ours in zip(steps, network.steps, strict=True):
        inputs = [names.get(value) for value in step.inputs]
        given: list[str | None] = list(ours.inputs)
        if isinstance(step.layer, Arithmetic) and step.layer.any_order:
            inputs.sort(key=str)
            given.sort(key=str)
        if inputs != given or ours.output != step.output:
            return None
        if step.layer != ours.layer and (
            _meaning(step.layer, step.shapes) != _meaning(ours.layer, step.shapes)
        ):
            return None
        if is_tied(step) and ours.shares is None:
            return None
        names[step] = ours.name
        for parameter in ours.layer.parameters(*step.shapes):
            value = step.values[parameter.name]
            known = values.setdefault(f"{ours.owner}.{parameter.name}", value)
            if known is not value and not np.array_equal(known, value):
                return None
    outputs = [names[value] for _, value in draft.outputs]
    return values if tuple(outputs) == network.outputs else None


def _meaning(layer: Layer, inputs: Sequence[Shape]) -> object:
    """What a layer does to inputs of these shapes, however its arguments are written."""
    x = inputs[0]
    if isinstance(layer, DepthwiseConv):
        layer = layer.convolution(x)
    if isinstance(layer, Upsample) and layer.factor is not None:
        factor: Any = layer.factor
        return layer.mode, layer.coordinates, broadcast(factor, x, "factor")
    fields: dict[str, Any] = {n: getattr(layer, n) for n in type(layer).model_fields}
    if "filters" in fields:
        fields["filters"] = fields["filters"] or x.channels
    if isinstance(layer, Windows | Pooling):
        for name in ("kernel", "stride", "padding", "dilation", "ceil", "output_padding"):
            fields.pop(name, None)
        window = layer.rounded_down(x) if isinstance(layer, Pooling) else layer.window(x)
        return layer.word, window, tuple(sorted(fields.items()))
    return written(layer)
