"""How a Keras model turns maps to vectors and back: its Permute, Reshape and Flatten layers.

A flattened map has its values by height, width and channel, unless the model permutes the axes
before. Reshapes alone keep that order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cnndsl.weights.tensors import AS_USUAL, Turn, Turns

_TURNING = ("Permute", "Reshape", "Flatten")
_KEEPING = (
    *("Activation", "ReLU", "LeakyReLU", "ELU", "Dropout", "SpatialDropout2D", "Identity"),
    *("GaussianNoise", "GaussianDropout", "AlphaDropout", "BatchNormalization"),
)
"""Layers that leave values where they are."""

_CHANNELS_LAST = (2, 3, 1)
"""What makes a picture with channels first one as Keras' layers take it."""

MOST_STEPS = 64


@dataclass(frozen=True, slots=True)
class Stage:
    """A layer of a model, and the layers whose outputs it takes."""

    name: str
    kind: str
    settings: Mapping[str, Any]
    sources: tuple[str, ...]


def turns_in(models: Sequence[Sequence[Stage]]) -> Turns:
    """What stands between maps and vectors, where it is the same everywhere; else not known."""
    flattened, shaped = set[tuple[Turn, ...]](), set[tuple[Turn, ...]]()
    explained: set[int] = set()
    permuting = [s for model in models for s in model if s.kind == "Permute"]
    if not permuting:
        return AS_USUAL
    for model in models:
        by_name = {stage.name: stage for stage in model}
        for stage in model:
            if stage.kind in (*_TURNING, *_KEEPING):
                continue
            for source in stage.sources:
                chain, origin = _behind(source, by_name)
                if not chain:
                    continue
                turns = tuple(turn for s in chain if (turn := _turn(s)) is not None)
                permutes = any(what == "permute" for what, _ in turns)
                flat = any(s.kind == "Flatten" or _vector(s) for s in chain)
                if origin in ("", "InputLayer") and turns == (("permute", _CHANNELS_LAST),):
                    pass
                elif stage.kind == "Dense" and flat:
                    flattened.add(turns if permutes else ())
                elif origin == "Dense" and not flat:
                    shaped.add(turns if permutes else ())
                else:
                    continue
                explained |= {id(s) for s in chain}
    known = len(flattened) < 2 and len(shaped) < 2
    known = known and all(id(stage) in explained for stage in permuting)
    return Turns(next(iter(flattened), ()), next(iter(shaped), ()), known)


def _behind(name: str, by_name: Mapping[str, Stage]) -> tuple[list[Stage], str]:
    """The layers that turn or keep a value, first to last, and the kind of that before them."""
    chain: list[Stage] = []
    while len(chain) < MOST_STEPS:
        stage = by_name.get(name)
        if stage is None or stage.kind not in (*_TURNING, *_KEEPING):
            return chain, stage.kind if stage else ""
        chain.insert(0, stage)
        if len(stage.sources) != 1:
            return chain, ""
        name = stage.sources[0]
    return [], ""


def _turn(stage: Stage) -> Turn | None:
    if stage.kind == "Permute":
        return "permute", _numbers(stage.settings.get("dims"))
    if stage.kind == "Reshape":
        return "reshape", _numbers(stage.settings.get("target_shape"))
    return ("reshape", (-1,)) if stage.kind == "Flatten" else None


def _vector(stage: Stage) -> bool:
    return stage.kind == "Reshape" and len(_numbers(stage.settings.get("target_shape"))) == 1


def _numbers(value: object) -> tuple[int, ...]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(n for n in items if isinstance(n, int) and not isinstance(n, bool))


def sources_in(layer: Mapping[str, Any], before: str, chained: bool) -> tuple[str, ...]:
    """The layers that one takes outputs of: in a chain the one before, else those it names."""
    if chained:
        return (before,) if before else ()
    return tuple(dict.fromkeys(_named(layer.get("inbound_nodes"), 0)))


def _named(value: object, depth: int) -> Iterator[str]:
    """Names of layers, `["conv", 0, 0]` wherever it stands."""
    if depth > MOST_STEPS:
        return
    if isinstance(value, dict):
        for inner in cast("dict[str, object]", value).values():
            yield from _named(inner, depth + 1)
    elif isinstance(value, list):
        items = cast("list[object]", value)
        if len(items) > 2 and isinstance(items[0], str) and isinstance(items[1], int):
            yield items[0]
        else:
            for inner in items:
                yield from _named(inner, depth + 1)
