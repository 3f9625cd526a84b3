"""Masks: a class for each pixel of a picture, as files and arrays have them.

Inside they are bytes: class numbers, and `IGNORED` for pixels that count nowhere. In batches these
are −1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnndsl.data.dataset import Arrays, Files
from cnndsl.diagnostics import UsageError

if TYPE_CHECKING:
    from cnndsl.data.photos import Picture

Bytes = npt.NDArray[np.uint8]

IGNORED, _UNKNOWN = 255, 254
MOST_CLASSES = 254
USUAL_IGNORE = 255
"""The value that means no class where it is found beside others, unless people say another one."""


@dataclass(frozen=True, eq=False)
class Code:
    """What masks' values mean: the class of each value of one channel (256 bytes), or of each
    colour, packed as red·65536 + green·256 + blue.
    """

    values: Bytes
    colours: Mapping[int, int] = field(default_factory=dict[int, int])

    def renumbered(self, numbers: Bytes) -> Code:
        """The same, where each class is called by its entry in `numbers` (256 bytes)."""
        colours = {colour: int(numbers[number]) for colour, number in self.colours.items()}
        return Code(numbers[self.values], colours)

    def classes_of(self, pixels: npt.NDArray[Any], name: str) -> Bytes:
        """A mask's pixels H×W or H×W×3 as classes. Raises UsageError for values without one."""
        if pixels.ndim == 2 and not self.colours:
            found = self.values[pixels]
            if (found == _UNKNOWN).any():
                value = int(pixels[found == _UNKNOWN][0])
                raise UsageError(f"the mask `{name}` has the value {value}, which is no class")
            return found
        packed = packed_colours(pixels)
        found = np.full(packed.shape, _UNKNOWN, np.uint8)
        for colour, number in self.colours.items():
            found[packed == colour] = number
        if (found == _UNKNOWN).any():
            colour = int(packed[found == _UNKNOWN][0])
            raise UsageError(
                f"the mask `{name}` has the colour {colour >> 16} {colour >> 8 & 255} "
                f"{colour & 255}, which the table of classes doesn't have"
            )
        return found


def packed_colours(pixels: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Grey or colour pixels as one number each."""
    wide = pixels.astype(np.int32)
    if wide.ndim == 2:
        return wide * 0x10101
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def code_for(values: Bytes | npt.NDArray[Any], ignore: int | None) -> tuple[Code, int, list[str]]:
    """What the values that masks have mean, how many classes they are, and remarks.

    0 and 255 alone are background and object; else values are class numbers from 0 on, and 255 (or
    the one that is said) is no class. Raises UsageError.
    """
    known = set(np.unique(values).tolist())
    table = np.full(256, _UNKNOWN, np.uint8)
    notes: list[str] = []
    binary = known <= {0, 255} and 255 in known
    if binary and ignore == 0:
        raise UsageError(
            "masks have the values 0 and 255 alone, background and object, and where 0 counts "
            "nowhere there is one class left: leave --ignore-index away"
        )
    if binary and ignore != USUAL_IGNORE:
        table[[0, 255]] = 0, 1
        return Code(table), 2, notes
    ignored = USUAL_IGNORE if ignore is None else ignore
    classes = max(known - {ignored}, default=0) + 1
    if classes > MOST_CLASSES:
        raise UsageError(
            f"masks have the value {classes - 1}, and {MOST_CLASSES} classes at most: are they "
            f"pictures in shades of grey, or compressed as JPEG?"
        )
    table[:classes] = np.arange(classes)
    table[ignored] = IGNORED
    if ignored in known:
        notes.append(f"pixels of the value {ignored} count nowhere")
    return Code(table), classes, notes


@dataclass(frozen=True, eq=False)
class MaskFiles(Files):
    """Masks in files, each at the place of its picture's path among the pictures' paths."""

    code: Code = field(default_factory=lambda: Code(np.arange(256, dtype=np.uint8)))

    masks: ClassVar[bool] = True

    @property
    def meaning(self) -> bytes:
        """What values and colours mean."""
        return self.code.values.tobytes() + repr(sorted(self.code.colours.items())).encode()

    def read(self, number: int) -> Picture:
        """A mask, as grey bytes. Raises UsageError."""
        from cnndsl.data import photos

        path = self.paths[number]
        return photos.of_bytes(self.code.classes_of(mask_pixels(path), self.name(number)))

    def renumbered(self, numbers: Bytes) -> MaskFiles:
        """These masks with other class numbers: 256 bytes, a place for each class."""
        return replace(self, code=self.code.renumbered(numbers))


@dataclass(frozen=True, eq=False)
class MaskArrays(Arrays):
    """Masks in memory: N×1×H×W."""

    masks: ClassVar[bool] = True

    def read(self, number: int) -> Picture:
        """A mask, as grey bytes."""
        from cnndsl.data import photos

        return photos.of_bytes(self.images[number, 0])

    def renumbered(self, numbers: Bytes) -> MaskArrays:
        """These masks with other class numbers: 256 bytes, a place for each class."""
        return MaskArrays(numbers[self.images], self.source)


def mask_pixels(path: Path) -> npt.NDArray[Any]:
    """A file's values: bytes H×W, or H×W×3 where it has colours. Raises UsageError."""
    from cnndsl.data import photos

    pixels, mode = photos.raw(path)
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * 255
    if pixels.dtype.kind == "f":
        raise UsageError(f"the mask `{path}` holds {mode} numbers, and classes are whole ones")
    if pixels.dtype != np.uint8:
        if pixels.min() < 0 or pixels.max() > 255:
            raise UsageError(f"the mask `{path}` has values beyond 0 to 255, which are no classes")
        pixels = pixels.astype(np.uint8)
    if pixels.ndim == 3:
        colours = pixels[..., :1] if pixels.shape[2] == 2 else pixels[..., :3]
        same = (colours == colours[..., :1]).all()
        return np.ascontiguousarray(colours[..., 0] if same else colours)
    return pixels


def as_masks(
    arrays: Mapping[str, npt.NDArray[Any]], ignore: int | None
) -> dict[str, npt.NDArray[np.uint8]]:
    """Whole numbers N×H×W as masks N×1×H×W. A number means the same in all of them; negative ones
    are ignored. Raises UsageError, which calls the arrays by their keys.
    """
    whole = {source: _checked(array, source) for source, array in arrays.items()}
    known = np.unique(np.concatenate([np.unique(array) for array in whole.values()]))
    code, _, _ = code_for(known[known >= 0], ignore)
    table = np.append(code.values, np.uint8(IGNORED))  # at the place of -1
    return {source: table[np.maximum(array, -1)][:, None] for source, array in whole.items()}


def _checked(array: npt.NDArray[Any], source: str) -> npt.NDArray[np.int16]:
    whole = array.astype(np.int64)
    if whole.max(initial=0) > 255 or whole.min(initial=0) < -1 - USUAL_IGNORE:
        raise UsageError(
            f"{source} has the classes {whole.min()} to {whole.max()}; masks have "
            f"{MOST_CLASSES} classes at most, from 0 on"
        )
    return whole.astype(np.int16)
