"""Whether a convolution of a file's graph slides as the net's does: tensors alone don't tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cnndsl.layers.conv import Windows
from cnndsl.layers.windows import Window
from cnndsl.weights.mapping.families import Family
from cnndsl.weights.mapping.modules import Module, layer_of
from cnndsl.weights.mapping.places import Place
from cnndsl.weights.tensors import Slide, TensorFile


def other_windows(
    pairs: Iterable[tuple[Place, Module]], file: TensorFile, family: Family | None
) -> str:
    """A sentence on the first layer that has another stride or padding than the file's, and how
    many there are; "" where none has, or the file doesn't say.
    """
    found = [
        sentence
        for place, module in pairs
        if (sentence := _difference(place, module, _slide(module, file, family)))
    ]
    if not found:
        return ""
    more = f", and so do {len(found) - 1} more layers" if len(found) > 1 else ""
    way = f" (such a net of the zoo has {family.setting})" if family and family.setting else ""
    return f"{found[0]}{more}: the answers will differ from the model's{way}"


def _slide(module: Module, file: TensorFile, family: Family | None) -> Slide:
    """What is known of a layer's strides and padding; no strides where nothing is."""
    weight = module.parts.get("weight")
    strides, same = file.slides.get(layer_of(weight.name) if weight else "", ((), False))
    if family and family.halving and re.fullmatch(family.halving, module.name):
        strides = strides or (2, 2)
    return strides, same or (family is not None and family.same)


def _difference(place: Place, module: Module, slide: Slide) -> str:
    layer, said = place.layer, module.said
    if not isinstance(layer, Windows) or not place.inputs or not place.inputs[0].is_concrete:
        return ""
    x = place.inputs[0]
    window = layer.window(x)
    before, after = zip(*window.pads, strict=True)
    ours = {"stride": window.stride, "padding": (*before, *after)}
    strides, same = slide
    theirs = {"stride": said.strides if said else strides or None, "padding": said and said.pads}
    if same and said is None:
        theirs["padding"] = _same(x.sizes, window)
    for what, numbers in ours.items():
        other = theirs[what]
        if other is not None and len(other) == len(numbers) and other != numbers:
            return (
                f"`{module.name}` in the file has {what} {_numbers(other)}, and `{place.name}` "
                f"has {_numbers(numbers)}"
            )
    return ""


def _same(sizes: Iterable[int], window: Window) -> tuple[int, ...]:
    """The padding that keeps a map's size but for the stride, as TensorFlow has it."""
    rows = zip(sizes, window.kernel, window.stride, window.dilation, strict=True)
    totals = [max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0) for n, k, s, d in rows]
    return (*(t // 2 for t in totals), *(t - t // 2 for t in totals))


def _numbers(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))
