"""How a picture becomes numbers: a matter of the weights, kept in the model beside them.

A net answers well only to pictures that are prepared as those it was trained on. The order is
always the same: resize, crop, channel order, divide by `scale`, subtract `mean`, divide by `std`.
The size fed to the net is not here, since the graph itself states it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast, get_args

Order = Literal["RGB", "BGR"]
Crop = Literal["centre", "stretch"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box"]

MARGIN = 0.875
"""The part of the resized picture's shorter side that a centre crop keeps: 224 of 256."""

IMAGENET_CLASSES = (1000, 1001)
COLOURS = 3

ARITHMETIC = frozenset({"scale", "mean", "std", "order"})
"""Fields that say what the numbers are: where one is given by hand, none is guessed."""

LARGEST_SIZE = 1 << 14
"""The most pixels along a side that a picture is resized to."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """`(x / scale − mean) / std` for the pixels x, 0 to 255, of a resized and cropped picture.

    `mean` and `std` have one number for each channel in the order that the net takes them (with
    "BGR": blue first), or one for all. `resize` is what the crop's shorter side is cut from: 256
    for the usual 224; None is the input's size / 0.875, rounded down, and leaves a picture that
    has the input's size already as it is. `crop="stretch"` resizes to the input's size at once,
    without regard to the picture's proportions; `resize` is then without meaning. Reduced pictures
    are smoothed as Pillow (and torchvision, given a Pillow picture) does it.

    Raises ValueError, with one clear sentence, for values that can't be meant.
    """

    scale: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    order: Order = "RGB"
    resize: int | None = None
    crop: Crop = "centre"
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        if not _is_number(self.scale) or self.scale <= 0:
            raise ValueError(f"`scale` is what pixels are divided by, so it can't be {self.scale}")
        for name in ("mean", "std"):
            if not _are_numbers(getattr(self, name)):
                raise ValueError(f"`{name}` has a number for each channel, or one for all")
        if not all(self.std):
            raise ValueError("`std` is what channels are divided by, so it can't be 0")
        if len({len(self.mean), len(self.std)} - {1}) > 1:
            raise ValueError(
                f"`mean` has {len(self.mean)} numbers and `std` {len(self.std)}: each has one for "
                f"each channel, or one for all"
            )
        if self.resize is not None and not _is_size(self.resize):
            raise ValueError(f"`resize` is a number of pixels up to {LARGEST_SIZE}")
        for name, allowed in (("order", Order), ("crop", Crop), ("interpolation", Interpolation)):
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(f"`{name}` is one of {', '.join(get_args(allowed))}")

    @property
    def channels(self) -> int | None:
        """How many channels `mean` and `std` are for; None where any number will do."""
        most = max(len(self.mean), len(self.std))
        return most if most > 1 else None

    def resize_for(self, height: int, width: int) -> int:
        """The shorter side to cut a crop of that size from, in pixels."""
        return self.resize or math.floor(min(height, width) / MARGIN)

    def describe(self) -> str:
        """The arithmetic in one line, as documentation writes it."""
        text = f"{self.order} / {self.scale:g}"
        if any(self.mean):
            text = f"{text} − {_listed(self.mean)}"
        if any(n != 1 for n in self.std):
            text = f"({text}) / {_listed(self.std)}"
        return text

    def as_dict(self) -> dict[str, Any]:
        """Every field by its name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def to_json(self) -> str:
        """One line of JSON with every field, for a model's metadata."""
        return json.dumps(self.as_dict())

    @classmethod
    def from_json(cls, text: str) -> Preprocessing:
        """What `to_json` wrote. Fields left out have their defaults; others than these are refused.

        Raises ValueError.
        """
        try:
            entries: object = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("the preprocessing is no JSON") from None
        if not isinstance(entries, Mapping):
            raise ValueError("the preprocessing is no JSON object")
        values = dict(cast("Mapping[str, Any]", entries))
        for name in values.keys() - {f.name for f in fields(cls)}:
            raise ValueError(f"the preprocessing has a field `{name}`, which is not known here")
        for name in ("mean", "std"):
            if isinstance(values.get(name), list):
                values[name] = tuple(values[name])
        return cls(**values)


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < 1e30  # what float32 can hold; NaN fails too
    )


def _are_numbers(values: object) -> bool:
    return (
        isinstance(values, tuple)
        and len(cast("tuple[object, ...]", values)) > 0
        and all(map(_is_number, cast("tuple[object, ...]", values)))
    )


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_SIZE


def _listed(numbers: tuple[float, ...]) -> str:
    text = ", ".join(f"{n:g}" for n in numbers)
    return f"({text})" if len(numbers) > 1 else text


IMAGENET = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""How torchvision prepares pictures for nets of ImageNet."""


def usual(channels: object, classes: object) -> Preprocessing | None:
    """What is taken for a net whose weights don't say how pictures were prepared for them.

    ImageNet's for a net that takes colours and tells as many classes apart as ImageNet has; None
    for others, of which nothing is known.
    """
    return IMAGENET if channels == COLOURS and classes in IMAGENET_CLASSES else None
