"""What a file of weights said beside its tensors, kept in a file that they are converted to.

Layouts, orders and norms' epsilons belong to the framework that wrote a file, so a converted one
goes on being Keras', PyTorch's or an ONNX model's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter

from cnndsl.weights.metadata import as_metadata, labels_in_metadata, preprocessing_in_metadata
from cnndsl.weights.tensors import (
    AS_USUAL,
    DamagedError,
    FileFormat,
    Layer,
    Slide,
    TensorFile,
    Turns,
)

KEY = "cnndsl.origin"
_MOST = 1e6  # of a number in it: strides, axes, epsilons


@dataclass(frozen=True, slots=True)
class Origin:
    """The fields of a TensorFile that its tensors don't tell; `order` are their names in it."""

    format: FileFormat
    order: tuple[str, ...]
    epsilons: Mapping[str, float] = field(default_factory=dict[str, float])
    layers: tuple[Layer, ...] = ()
    slides: Mapping[str, Slide] = field(default_factory=dict[str, Slide])
    turns: Turns = AS_USUAL
    notes: tuple[str, ...] = ()


def texts_of(file: TensorFile, strip: str = "") -> dict[str, str]:
    """Everything that a file says, as texts; names less `strip`."""

    def short(name: str) -> str:
        return name.removeprefix(strip)

    origin = Origin(
        file.format,
        tuple(map(short, file.tensors)),
        {short(name): epsilon for name, epsilon in file.epsilons.items()},
        tuple(
            replace(layer, parts={role: short(name) for role, name in layer.parts.items()})
            for layer in file.layers
        ),
        {short(name): slide for name, slide in file.slides.items()},
        file.turns,
        file.notes,
    )
    text = _adapter().dump_json(origin, exclude_defaults=True).decode()
    return as_metadata(file.preprocessing, file.labels) | {KEY: text}


def with_texts(file: TensorFile, texts: Mapping[str, str]) -> TensorFile:
    """The file with what its texts say; raises DamagedError or ValueError for what can't be."""
    file = replace(
        file,
        preprocessing=preprocessing_in_metadata(texts),
        labels=labels_in_metadata(texts),
    )
    if KEY not in texts:
        return file
    try:
        said = json.loads(texts[KEY])
        if not all(abs(number) <= _MOST for number in _numbers(said)):
            raise DamagedError(f"says of itself what can't be meant ({KEY})")
        origin = _adapter().validate_python(said)
    except (ValueError, RecursionError):
        raise DamagedError(f"says of itself what can't be read ({KEY})") from None
    names = [name for name in origin.order if name in file.tensors]
    return replace(
        file,
        format=origin.format,
        tensors={name: file.tensors[name] for name in (*names, *file.tensors)},
        epsilons=origin.epsilons,
        layers=origin.layers,
        slides=origin.slides,
        turns=origin.turns,
        notes=origin.notes,
    )


@cache
def _adapter() -> TypeAdapter[Origin]:
    return TypeAdapter(Origin)


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(cast("dict[str, Any]", value).values())
    if isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _numbers(inner)
    elif isinstance(value, int | float):
        yield value
