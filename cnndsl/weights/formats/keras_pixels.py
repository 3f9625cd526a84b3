"""How a Keras model scales its input: Rescaling and Normalization layers before all others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import mul, sub
from typing import Any, cast

from cnndsl.preprocessing import Preprocessing
from cnndsl.weights.formats.keras_axes import Stage

SCALING = ("Rescaling", "Normalization")
_PASSING = (
    *("InputLayer", "Sequential", "Functional", "Model", "Resizing", "CenterCrop", "Identity"),
    *("GaussianNoise", "GaussianDropout", "Dropout", "SpatialDropout2D", "RandAugment"),
)
"""Layers that leave the scale of pixels as it is, or do nothing but in training."""

_ORDERING = ("Reshape", "Permute")
_LAST_AXES: tuple[object, ...] = (None, -1, 3, [], [-1], [3])
_SMALLEST = 1e-7  # what Keras divides by at least

Numbers = tuple[float, ...]
Learned = Mapping[str, tuple[Numbers, Numbers]]
"""Mean and variance of layers that were adapted to data, by their names."""


class _UnclearError(Exception):
    """What a layer does to pixels can't be told."""


@dataclass(frozen=True, slots=True)
class _Scaling:
    """(x / scale − mean) / std."""

    scale: float = 1.0
    mean: Numbers = (0.0,)
    std: Numbers = (1.0,)

    def times(self, factor: Numbers) -> _Scaling:
        if any(n == 0 for n in factor):
            raise _UnclearError
        if self == _Scaling() and len(factor) == 1 and factor[0] > 0:
            return _Scaling(scale=1 / factor[0])
        return replace(self, std=_each(self.std, tuple(1 / n for n in factor), mul))

    def plus(self, offset: Numbers) -> _Scaling:
        moved = _each(offset, self.std, mul)
        return replace(self, mean=_each(self.mean, moved, sub))

    def simplified(self) -> _Scaling:
        """The same with one number for all channels where they agree, and without a common std."""
        mean, std = (n[:1] if len(set(n)) == 1 else n for n in (self.mean, self.std))
        if len(std) == 1 and std[0] > 0 and len(mean) == 1:
            return _Scaling(self.scale * std[0], (mean[0] / std[0],))
        return _Scaling(self.scale, mean, std)


def preparation(
    layers: Sequence[Stage], learned: Learned, forked: bool
) -> tuple[Preprocessing | None, tuple[str, ...]]:
    """How pictures are prepared, and sentences on what scales them in a way that isn't known.

    `learned` is what files of weights hold of layers that were adapted; `forked` is whether a model
    has several inputs, or takes one at several places.
    """
    if not any(s.kind in SCALING for s in layers):
        return None, ()
    found, notes = _Scaling(), list[str]()
    before = True
    for stage in layers:
        name, kind, settings = stage.name, stage.kind, stage.settings
        if kind not in SCALING:
            passing = kind in _PASSING or kind.startswith("Random")
            if kind in _ORDERING and before and max(len(found.mean), len(found.std)) == 1:
                passing = True  # pictures get their channels, or have them turned
            before = before and passing
        elif not before or forked:
            notes.append(
                f"`{name}` ({kind}) scales values behind other layers of the model, and the net "
                f"doesn't: the answers will differ"
            )
        else:
            try:
                found = _scaled(found, kind, settings, learned.get(name))
            except (_UnclearError, OverflowError, ValueError):
                notes.append(_unknown(name, kind))
                before = False
    if found == _Scaling():
        return None, tuple(notes)
    try:
        result = found.simplified()
        return Preprocessing(scale=result.scale, mean=result.mean, std=result.std), tuple(notes)
    except ValueError:
        return None, (*notes, _unknown(layers[0].name, "the scaling of pixels"))


def _unknown(name: str, kind: str) -> str:
    return f"`{name}` ({kind}) scales pixels in a way that isn't known: the answers will differ"


def forks(models: Sequence[Sequence[Stage]]) -> bool:
    """Whether pixels go several ways before they are scaled; the whole model is the last."""
    heads = (*SCALING, *_PASSING, *_ORDERING)
    for model in models:
        kinds = {stage.name: stage.kind for stage in model}
        for name in (n for n, kind in kinds.items() if kind in heads):
            users = [stage.kind for stage in model if name in stage.sources]
            if len(users) > 1 and any(kind in heads for kind in users):
                return True
    return sum(stage.kind == "InputLayer" for stage in models[-1]) > 1


def unplaced(learned: Iterable[str]) -> tuple[str, ...]:
    """A sentence on each layer that was adapted to data, in a file that doesn't say where it is."""
    return tuple(
        f"`{name}` (Normalization) prepares the input, and weights alone don't say what stands "
        f"before it: the answers will differ; save the whole model as .keras"
        for name in learned
    )


def _scaled(
    found: _Scaling, kind: str, settings: Mapping[str, Any], learned: tuple[Numbers, Numbers] | None
) -> _Scaling:
    if kind == "Rescaling":
        factor, offset = (_numbers(settings.get(word)) for word in ("scale", "offset"))
        return found.times(factor).plus(offset)
    if settings.get("axis", -1) not in _LAST_AXES:
        raise _UnclearError
    said = settings.get("mean"), settings.get("variance")
    if None in said:
        if learned is None or not all(learned):
            raise _UnclearError
        mean, variance = learned
    else:
        mean, variance = (_numbers(value) for value in said)
    std = tuple(max(math.sqrt(n), _SMALLEST) for n in variance)
    if settings.get("invert"):
        return found.times(std).plus(mean)
    return replace(
        found.plus(tuple(-n for n in mean)),
        std=_each(found.std, std, mul),
    )


def _each(one: Numbers, other: Numbers, way: Callable[[float, float], float]) -> Numbers:
    count = max(len(one), len(other))
    if {len(one), len(other)} - {1, count}:
        raise _UnclearError
    rows = zip(one * (count // len(one)), other * (count // len(other)), strict=True)
    return tuple(way(a, b) for a, b in rows)


def _numbers(value: object) -> Numbers:
    """A number, or a list of them with axes of one around it; raises _UnclearError for others."""
    if isinstance(value, dict):  # an array, a tuple
        config = cast("dict[str, Any]", value)
        inner = config.get("config")
        value = cast("dict[str, Any]", inner).get("value") if isinstance(inner, dict) else None
        value = config.get("items", value)
    while isinstance(value, list) and len(cast("list[object]", value)) == 1:
        (value,) = cast("list[object]", value)
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    found = [
        float(n)
        for n in items
        if isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e9
    ]
    if not found or len(found) != len(items):
        raise _UnclearError
    return tuple(found)
