"""Whether a convolution of a file's graph slides as the net's does: tensors alone don't tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from cnndsl.layers.conv import Windows
from cnndsl.layers.deconv import Deconv
from cnndsl.layers.windows import Window
from cnndsl.weights.mapping.families import Family
from cnndsl.weights.mapping.modules import POINTWISE, Module, layer_of
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
    """What is known of how a layer slides."""
    if module.said:
        return module.said.slide or Slide()
    weight = module.parts.get("weight")
    name = weight.name if weight else ""
    if name.endswith(POINTWISE):  # the second layer of a separable convolution
        return Slide()
    found = file.slides.get(layer_of(name), Slide())
    if family and family.halving and re.fullmatch(family.halving, module.name):
        found = replace(found, stride=found.stride or (2, 2))
    return replace(found, padding="same") if family and family.same else found


def _difference(place: Place, module: Module, slide: Slide) -> str:
    layer = place.layer
    if not isinstance(layer, Windows) or not place.inputs or not place.inputs[0].is_concrete:
        return ""
    x = place.inputs[0]
    window, transposed = layer.window(x), isinstance(layer, Deconv)
    if slide.transposed is not None and slide.transposed != transposed:
        is_one, isnt = (module.name, place.name) if slide.transposed else (place.name, module.name)
        return f"`{is_one}` is a transposed convolution and `{isnt}` is none (of file and net)"
    before, after = zip(*window.pads, strict=True)
    rows = (
        ("stride", slide.stride, window.stride),
        ("dilation", slide.dilation, window.dilation),
        ("padding", _padding(x.sizes, window, slide, transposed), (*before, *after)),
    )
    for what, theirs, ours in rows:
        if theirs is not None and len(theirs) == len(ours) and theirs != ours:
            less = ", less output padding," if what == "padding" and transposed else ""
            return (
                f"`{module.name}` in the file has {what}{less} {_numbers(theirs)}, and "
                f"`{place.name}` has {_numbers(ours)}"
            )
    return ""


def _padding(
    sizes: Iterable[int], window: Window, slide: Slide, transposed: bool
) -> tuple[int, ...] | None:
    """The padding in numbers, of a transposed convolution less its output padding; None where it
    isn't known.
    """
    said, rank = slide.padding, len(window.kernel)
    extra = slide.extra or (0,) * rank
    if said is None or len(extra) != rank:
        return None
    axes = list(zip(sizes, window.kernel, window.stride, window.dilation, strict=True))
    if isinstance(said, tuple):
        if len(said) != 2 * rank:
            return None
        before, after = said[:rank], said[rank:]
    elif said == "valid":  # Keras' leaves no gap behind the last stamp
        gaps = [min(d * (k - 1) + 1 - s, 0) if transposed else 0 for _, k, s, d in axes]
        before, after = (0,) * rank, tuple(gaps)
    else:
        if transposed:
            totals = [d * (k - 1) + 1 - s for _, k, s, d in axes]
        else:
            totals = [max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0) for n, k, s, d in axes]
        less = tuple(max(t, 0) // 2 for t in totals)
        more = tuple(t - half for t, half in zip(totals, less, strict=True))
        before, after = (less, more) if said == "same" else (more, less)
    return (*before, *(a - e for a, e in zip(after, extra, strict=True)))


def _numbers(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))
