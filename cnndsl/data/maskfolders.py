"""Folders of pictures and of their masks: `images/` and `masks/`, by whatever they are called."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnndsl.data.classtable import NO_CLASS, ClassTable, table_beside
from cnndsl.data.csvpaths import listed
from cnndsl.data.dataset import Files, Split, nothing
from cnndsl.data.masks import IGNORED, Code, MaskFiles, code_for, mask_pixels, packed_colours
from cnndsl.data.pairing import matched, paired_folders
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.session import available_cores

IMAGES = ("images", "image", "imgs", "img")
MASKS = ("masks", "mask", "labels", "label", "annotations", "annotation", "gt", "segmentation")
_ENDS = ("_mask", "_masks", "_label", "_labels", "_gt", "_segmentation", "_seg", "_l", "_matte")
"""What names of masks may end with, beside the picture's own name."""

LOOKED_AT = 500
"""So many masks are looked at for the values that there are."""


@dataclass(frozen=True, slots=True)
class Found:
    """Splits with masks, the classes' names, and remarks."""

    splits: dict[str, Split]
    labels: tuple[str, ...]
    notes: tuple[str, ...]


def read_mask_folders(folder: Path, ignore: int | None) -> Found | None:
    """Read `images/…` and `masks/…`, or those below any of `train`, `val` and `test`, or with these
    inside of both. None where there is no such pair of folders. Raises UsageError.
    """
    pairs = paired_folders(folder, [(IMAGES, MASKS)])
    if not pairs:
        return None
    notes: list[str] = []
    every_split = {name: matched(pair, "mask", _ENDS, notes) for name, pair in pairs.items()}
    every_split = {name: found for name, found in every_split.items() if found}
    if not every_split:
        images, masks = next(iter(pairs.values()))
        raise UsageError(
            f"no picture in `{images}` has a mask of the same name in `{masks}`; `001.jpg` goes "
            f"with `001.png`"
        )
    every = [mask for found in every_split.values() for _, mask in found]
    beside = {path for pair in pairs.values() for path in (folder, *pair, pair[1].parent)}
    table = table_beside(*sorted(beside, key=lambda path: len(path.parts)))
    code, labels = _code(every, table, ignore, notes)
    splits: dict[str, Split] = {}
    for name, found in every_split.items():
        count = len(found)
        pictures = Files(tuple(image for image, _ in found), folder)
        masks = MaskFiles(tuple(mask for _, mask in found), folder, code)
        splits[name] = Split(name, pictures, np.arange(count), nothing(count), masks)
    return Found(splits, labels, tuple(notes))


def _code(
    masks: Sequence[Path], table: ClassTable | None, ignore: int | None, notes: list[str]
) -> tuple[Code, tuple[str, ...]]:
    """What the masks' values mean, and the classes' names. Raises UsageError."""
    values = _values(masks)
    if values.coloured and (table is None or not table.colours):
        beside = "classes.csv" if table is None else f"`{table.path}`"
        raise UsageError(
            f"the mask `{values.coloured}` is in colours, and nothing says which class each is: "
            f"put lines such as road,128,64,128 into {beside} beside the folders"
        )
    if table is not None and table.colours and (values.coloured or _fits(values, table)):
        every = dict.fromkeys(table.names)  # a class may have several colours
        named = [name for name in every if name.lower() not in NO_CLASS]
        numbers = {name: number for number, name in enumerate(named)}
        colours = {
            int(packed_colours(np.array([[colour]]))[0, 0]): numbers.get(name, IGNORED)
            for name, colour in zip(table.names, table.colours, strict=True)
        }
        if len(named) < len(every):
            notes.append(f"pixels of {listed(every.keys() - named)} count nowhere")
        return Code(np.zeros(256, np.uint8), colours), tuple(named)
    code, classes, said = code_for(values.grey, ignore)
    notes += said
    if table is None:
        met = sorted({int(n) for n in np.unique(code.values[values.grey]) if n < classes})
        if len(met) < classes:
            some = listed(map(str, met), 8)
            notes.append(f"each value up to {classes - 1} is a class, and these are met: {some}")
        binary = classes == 2 and code.values[255] == 1
        return code, ("background", "object") if binary else tuple(map(str, range(classes)))
    names = list(table.names)
    ignored = len(names) - 1 if names[-1].lower() in NO_CLASS else len(names)
    if ignore is None and ignored < len(names) == classes:
        code, classes, said = code_for(values.grey, ignored)
        notes += said
    if len(names) < classes:
        raise UsageError(
            f"`{table.path}` names {len(names)} classes, and masks have the class {classes - 1}"
        )
    names = names[: max(classes, ignored)]
    code.values[: len(names)] = np.arange(len(names))
    if ignore is not None and ignore < len(names):
        code.values[ignore] = IGNORED
        names = names[:ignore] if ignore == len(names) - 1 else names
    return code, tuple(names)


@dataclass(frozen=True, slots=True)
class _Values:
    """What masks hold: values of one channel, and the first mask in colours."""

    grey: np.ndarray[tuple[int], np.dtype[np.int64]]
    coloured: Path | None


def _fits(values: _Values, table: ClassTable) -> bool:
    """Whether masks without colours are in a table's shades of grey."""
    greys = {red for red, green, blue in table.colours if red == green == blue}
    return set(values.grey.tolist()) <= greys


def _values(masks: Sequence[Path]) -> _Values:
    """All values that are met in some hundred masks. Raises UsageError where none can be read."""
    step = -(-len(masks) // LOOKED_AT)
    chosen = masks[::step]

    def look(path: Path) -> tuple[set[int], Path | None] | UsageError:
        try:
            pixels = mask_pixels(path)
        except UsageError as e:
            return e
        return (set(), path) if pixels.ndim == 3 else (set(np.unique(pixels).tolist()), None)

    with ThreadPoolExecutor(available_cores(), "data") as pool:
        looks = list(pool.map(look, chosen))
    sound = [found for found in looks if not isinstance(found, UsageError)]
    if not sound:
        raise next(found for found in looks if isinstance(found, UsageError))
    grey = sorted({value for values, _ in sound for value in values})
    coloured = next((path for _, path in sound if path), None)
    return _Values(np.array(grey, np.int64), coloured)
