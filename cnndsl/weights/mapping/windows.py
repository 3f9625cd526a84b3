"""Whether a convolution of a file's graph slides as the net's does: tensors alone don't tell."""

from __future__ import annotations

from collections.abc import Iterable

from cnndsl.layers.conv import Windows
from cnndsl.weights.mapping.modules import Module
from cnndsl.weights.mapping.places import Place


def other_windows(pairs: Iterable[tuple[Place, Module]]) -> str:
    """A sentence on the first layer that has another stride or padding than the file's, and how
    many there are; "" where none has, or the file doesn't say.
    """
    found = [sentence for place, module in pairs if (sentence := _difference(place, module))]
    if not found:
        return ""
    more = f", and so do {len(found) - 1} more layers" if len(found) > 1 else ""
    return f"{found[0]}{more}: the answers will differ from the model's"


def _difference(place: Place, module: Module) -> str:
    said, layer = module.said, place.layer
    if said is None or not isinstance(layer, Windows) or not place.inputs[0].is_concrete:
        return ""
    window = layer.window(place.inputs[0])
    before, after = zip(*window.pads, strict=True)
    ours = {"stride": window.stride, "padding": (*before, *after)}
    theirs = {"stride": said.strides, "padding": said.pads}
    for what, numbers in ours.items():
        other = theirs[what]
        if other is not None and len(other) == len(numbers) and other != numbers:
            return (
                f"`{module.name}` in the file has {what} {_numbers(other)}, and `{place.name}` "
                f"has {_numbers(numbers)}"
            )
    return ""


def _numbers(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))
