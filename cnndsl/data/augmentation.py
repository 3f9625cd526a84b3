"""What augmentation may do to a picture, and what it does to the pictures of one batch.

The picture's middle is the origin of every turn. Angles are degrees, shifts parts of the picture's
sides, noise a part of the pixels' range of 0 to 255; a number `a` means from −a to +a.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

import numpy as np

from cnndsl.data.randomness import Doubles, Floats, Indices, key, uniforms

Fill = Literal["constant", "nearest", "reflect", "wrap"]

PRESETS = ("none", "light", "strong")
LEAST_ZOOM, MOST_ZOOM = 0.25, 4.0
_DRAWS = 14
_ERASED = (0.02, 0.2)  # the part of the picture that is erased
_PROPORTIONS = (0.5, 2.0)  # of what is erased


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far examples are changed, each by numbers of its own that are drawn evenly.

    rotation, shear: degrees. width_shift, height_shift: parts of the sides. zoom: least and most
    enlargement, drawn evenly on a logarithmic scale. horizontal_flip, vertical_flip, erase:
    probabilities; what is erased is a rectangle of 2 to 20 % of the picture. brightness: the
    factor is 1 ± it; contrast likewise, about the picture's mean. noise: the standard deviation.

    `fill` is what is seen beyond the edge: `fill_value` (constant, 0 to 255), the last pixel
    (nearest), the picture mirrored (reflect: … b a | a b …), or repeated (wrap). Where pictures
    are neither turned, sheared nor zoomed, shifts are whole pixels, so that nothing is blurred.

    Raises ValueError, with one clear sentence, for values that can't be meant.
    """

    rotation: float = 0
    width_shift: float = 0
    height_shift: float = 0
    shear: float = 0
    zoom: tuple[float, float] = (1, 1)
    horizontal_flip: float = 0
    vertical_flip: float = 0
    brightness: float = 0
    contrast: float = 0
    noise: float = 0
    erase: float = 0
    fill: Fill = "reflect"
    fill_value: float = 0

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"`{_written(name)}` is a number from 0 to {most:g}")
        if not LEAST_ZOOM <= self.zoom[0] <= self.zoom[1] <= MOST_ZOOM:
            raise ValueError(
                f"`zoom` is the least and the most enlargement, from {LEAST_ZOOM:g} to "
                f"{MOST_ZOOM:g}: [0.8, 1.2]"
            )
        if self.fill not in get_args(Fill):
            raise ValueError(f"`fill` is one of {', '.join(get_args(Fill))}")

    @property
    def geometric(self) -> bool:
        """Whether pixels are moved."""
        return self.turns or any(
            (self.width_shift, self.height_shift, self.horizontal_flip, self.vertical_flip)
        )

    @property
    def turns(self) -> bool:
        """Whether pixels are moved to places between pixels."""
        return bool(self.rotation or self.shear or self.zoom != (1, 1))

    def describe(self) -> str:
        """Everything that it does, in one line."""
        said = [
            f"{_written(f.name)} {_value(getattr(self, f.name))}"
            for f in fields(self)
            if f.name not in ("fill", "fill_value") and getattr(self, f.name) != f.default
        ]
        if not said:
            return "none"
        if self.geometric or self.erase:
            value = f" {self.fill_value:g}" if self.fill == "constant" or self.erase else ""
            said.append(f"fill {self.fill}{value}")
        return ", ".join(said)


_MOST = {
    "rotation": 180.0,
    "width_shift": 1.0,
    "height_shift": 1.0,
    "shear": 60.0,
    "horizontal_flip": 1.0,
    "vertical_flip": 1.0,
    "brightness": 1.0,
    "contrast": 1.0,
    "noise": 1.0,
    "erase": 1.0,
    "fill_value": 255.0,
}


def preset(name: str, mirror: bool = True) -> Augmentation | None:
    """`light` or `strong`; None for `none`. Nothing is mirrored unless `mirror`: a mirrored digit
    is another one, or none. Raises KeyError for other names.
    """
    flip = 0.5 if mirror else 0
    if name == "light":
        return Augmentation(width_shift=0.08, height_shift=0.08, horizontal_flip=flip)
    if name == "strong":
        return Augmentation(
            rotation=12,
            width_shift=0.12,
            height_shift=0.12,
            shear=6,
            zoom=(0.85, 1.25),
            horizontal_flip=flip,
            brightness=0.2,
            contrast=0.2,
            noise=0.02,
            erase=0.25,
        )
    return {"none": None}[name]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done to B examples, worked out.

    matrices: B×2×2, from a place in the new picture to the one in the old, both (x, y) from the
    middle. shifts: B×2, how far the new picture's middle has moved, in parts of its sides.
    brightness, contrast: B factors. erased: B×4, left, top, right and bottom in parts of the sides,
    all 0 where nothing is. `noise_key` is where the noise begins, `indices` whose it is.
    """

    augmentation: Augmentation
    indices: Indices
    noise_key: int
    matrices: Doubles
    shifts: Doubles
    brightness: Floats
    contrast: Floats
    erased: Doubles

    def whole(self, sides: tuple[int, int]) -> Plan:
        """The plan with shifts by whole pixels of pictures with that height and width, which are
        whole ones of pictures twice as large, too.
        """
        if self.augmentation.turns:
            return self
        across = np.array(sides[::-1])
        return replace(self, shifts=np.rint(self.shifts * across) / across)

    def part(self, start: int, stop: int) -> Plan:
        """The plan for some of the examples."""
        rows = slice(start, stop)
        return Plan(
            self.augmentation,
            self.indices[rows],
            self.noise_key,
            self.matrices[rows],
            self.shifts[rows],
            self.brightness[rows],
            self.contrast[rows],
            self.erased[rows],
        )


def plan(augmentation: Augmentation, seed: int, epoch: int, indices: Indices) -> Plan:
    """What happens to the examples of that index in that epoch; it depends on nothing else."""
    drawn = uniforms(key(seed, epoch, "augment"), indices, _DRAWS)
    signed = 2 * drawn - 1
    a = augmentation
    angle = np.radians(signed[:, 0] * a.rotation)
    slant = np.tan(np.radians(signed[:, 3] * a.shear))
    least, most = (math.log(limit) for limit in a.zoom)
    inverse = np.exp(-(least + drawn[:, 4] * (most - least)))
    across = np.where(drawn[:, 5] < a.horizontal_flip, -inverse, inverse)
    down = np.where(drawn[:, 6] < a.vertical_flip, -inverse, inverse)
    cosine, sine = np.cos(angle), np.sin(angle)
    matrices = np.empty((len(indices), 2, 2))
    matrices[:, 0, 0] = across * (cosine - slant * sine)
    matrices[:, 0, 1] = across * (sine + slant * cosine)
    matrices[:, 1, 0] = -down * sine
    matrices[:, 1, 1] = down * cosine
    return Plan(
        augmentation,
        indices,
        key(seed, epoch, "noise"),
        matrices,
        signed[:, 1:3] * (a.width_shift, a.height_shift),
        np.asarray(1 + signed[:, 7] * a.brightness, np.float32),
        np.asarray(1 + signed[:, 8] * a.contrast, np.float32),
        _rectangles(drawn[:, 9:], a.erase),
    )


def _rectangles(drawn: Doubles, probability: float) -> Doubles:
    """Those that are erased, at any place where they lie in the picture as a whole."""
    if not probability:
        return np.zeros((len(drawn), 4))
    least, most = _ERASED
    area = least + drawn[:, 1] * (most - least)
    low, high = (math.log(limit) for limit in _PROPORTIONS)
    proportion = np.exp(low + drawn[:, 2] * (high - low))
    sides = np.stack([np.sqrt(area * proportion), np.sqrt(area / proportion)], axis=1)
    corners = drawn[:, 3:5] * (1 - sides)
    erased = np.concatenate([corners, corners + sides], axis=1)
    return np.where(drawn[:, :1] < probability, erased, 0.0)


def _written(name: str) -> str:
    return name.replace("_", "-")


def _value(value: float | tuple[float, float]) -> str:
    return f"{value:g}" if not isinstance(value, tuple) else f"{value[0]:g}–{value[1]:g}"
