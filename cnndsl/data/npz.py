"""Data sets in an .npz file: images, labels, and what else is known of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnndsl.data.arrays import Array, Volume, as_images, as_pictures, as_targets, check_count
from cnndsl.data.dataset import SPLIT_WORDS, SPLITS, Arrays, Split, nothing, split_word
from cnndsl.data.masks import IGNORED, MaskArrays, as_masks
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.arrays import read_npy as read_array
from cnndsl.runtime.npz import Archive

IMAGES = ("images", "x", "X", "data")
TARGETS = ("masks", "mask", "labels", "y", "Y", "targets", "target")
SPLIT = ("split", "splits")
NAMES = ("label_names", "class_names", "classes", "names")

_LONGEST_NAME = 1000
_LOOKED_AT = 200  # targets, to tell whether they are pictures
_FEW = 64  # values of whole numbers that are rather classes than shades


@dataclass(frozen=True, slots=True)
class Found:
    """Splits, and the classes' names if the file has them; where there are only pictures,
    `unlabelled` says what was looked for; `pixels` are classes of masks.
    """

    splits: dict[str, Split]
    labels: tuple[str, ...] = ()
    unlabelled: str = ""
    pixels: tuple[str, ...] = ()


def read_npy(path: Path, volume: Volume | None = None) -> Found:
    """Read pictures or volumes alone. Raises UsageError."""
    split = _unlabelled(as_images(read_array(path), f"`{path}`", volume), path.stem)
    return Found({"train": split}, unlabelled=f"`{path}` holds pictures alone, without classes")


def read_npz(
    path: Path,
    ignore: int | None = None,
    numbers: bool | None = False,
    volume: Volume | None = None,
) -> Found:
    """Read an .npz.

    Arrays are called images and labels, or x and y, with a `split` for each if one likes; or each
    split has its own: x_train, y_train, x_test, … or train_images, train_labels, …; further ones
    are not read. Whole numbers of the pictures' own height and width are masks, in which `ignore`
    is no class. Where `numbers` are wanted (None: perhaps), pictures may be answered with pictures.
    Raises UsageError.
    """
    with Archive(path) as archive:
        found = {split: pair for split in SPLITS if (pair := _of_split(archive, split))}
        splits: dict[str, Split] = {}
        for split, (images, targets) in found.items():
            splits[split] = _read_split(archive, split, (images, targets), split, numbers, volume)
        splits = _with_masks(splits, ignore)
        if not found:
            images, targets = _first(archive, IMAGES), _first(archive, TARGETS)
            if images is None or targets is None:
                return _without_targets(archive, volume)
            whole = _read_split(archive, "train", (images, targets), path.stem, numbers, volume)
            splits = _divided(archive, _with_masks({"train": whole}, ignore)["train"])
        names = _first(archive, NAMES)
        labels = _names(archive.read(names)) if names else ()
        if any(split.masked for split in splits.values()):
            return Found(splits, pixels=_of_pixels(splits, labels, path))
        return Found(splits, labels)


def _of_pixels(splits: dict[str, Split], labels: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """The names of the masks' classes; their numbers where there are none. Raises UsageError."""
    masks = [split.answers for split in splits.values()]
    if not all(isinstance(source, MaskArrays) for source in masks):
        raise UsageError(f"`{path}` has masks in some splits alone")
    every = [source.images for source in masks if isinstance(source, MaskArrays)]
    classes = max(int(np.where(array == IGNORED, 0, array).max(initial=0)) for array in every) + 1
    if labels and len(labels) < classes:
        raise UsageError(f"`{path}` names {len(labels)} classes, and masks have {classes}")
    return labels or tuple(map(str, range(max(classes, 2))))


def _without_targets(archive: Archive, volume: Volume | None) -> Found:
    """Pictures by `images`, or a split's own. Raises UsageError where there are none."""
    names = ", ".join(list(archive.names)[:12]) or "nothing"
    lacking = (
        f"`{archive.path}` holds {names}; a data set has images and labels (or x and y), or "
        f"x_train, y_train, x_test and y_test"
    )
    found = {split: name for split in SPLITS if (name := _part_of(archive, split, IMAGES))}
    if not found and (name := _first(archive, IMAGES)):
        found = {"train": name}
    if not found:
        raise UsageError(lacking)
    splits = {
        split: replace(
            _unlabelled(
                as_images(archive.read(name), f"`{name}` in `{archive.path}`", volume), split
            ),
            name=split,
        )
        for split, name in found.items()
    }
    if list(splits) == ["train"]:
        splits = _divided(archive, splits["train"])
    return Found(splits, unlabelled=lacking)


def _unlabelled(images: tuple[Array, int], source: str) -> Split:
    pictures, depth = images
    count = len(pictures)
    return Split("train", Arrays(pictures, source, depth=depth), np.arange(count), nothing(count))


def _of_split(archive: Archive, split: str) -> tuple[str, str] | None:
    """The names of a split's own arrays, in whichever order their parts are."""
    images, targets = (_part_of(archive, split, parts) for parts in (IMAGES, TARGETS))
    return (images, targets) if images and targets else None


def _part_of(archive: Archive, split: str, parts: tuple[str, ...]) -> str | None:
    words = [word for word, meant in SPLIT_WORDS.items() if meant == split]
    pairs = (pair for word in words for part in parts for pair in ((part, word), (word, part)))
    return next((name for pair in pairs if (name := "_".join(pair)) in archive.names), None)


def _read_split(
    archive: Archive,
    split: str,
    names: tuple[str, str],
    source: str,
    numbers: bool | None,
    volume: Volume | None,
) -> Split:
    """A split of images and targets by their names; masks are still the numbers of the file."""
    images, targets = (f"`{name}` in `{archive.path}`" for name in names)
    pictures, depth = as_images(archive.read(names[0]), images, volume)
    answers, count = archive.read(names[1]), len(pictures)
    given: Arrays | None = None
    if not depth and _are_pictures(answers, names[1], numbers):
        check_count(answers, count, targets)
        others = as_pictures(answers, targets)
        if others.dtype != pictures.dtype:  # what is made of them is made in one way
            pictures, others = pictures.astype(np.float32), others.astype(np.float32)
        given = Arrays(others, source)
    elif not depth and (masks := _masks(answers, pictures, targets)) is not None:
        given = MaskArrays(masks, source)
    answers = nothing(count) if given else as_targets(answers, count, targets)
    whole = Arrays(pictures, source, depth=depth)
    return Split(split, whole, np.arange(count), answers, given)


def _are_pictures(answers: Array, name: str, numbers: bool | None) -> bool:
    """Whether targets are pictures: fractions from 0 to 1, or whole numbers up to 255 that are more
    than the few classes of masks. Other fractions are numbers as they are.
    """
    if numbers is False or name.startswith("mask") or answers.ndim not in (3, 4):
        return False
    step = max(1, len(answers) // _LOOKED_AT)
    values = np.unique(answers[::step])
    if answers.dtype.kind == "f":
        whole = bool((values == np.rint(values)).all())
        return bool((values >= 0).all()) and values.max(initial=0) <= (255 if whole else 1)
    if answers.dtype.kind not in "iu" or values.min(initial=0) < 0:
        return False
    several = answers.ndim == 4 and 1 not in (answers.shape[1], answers.shape[3])
    few = set(values.tolist()) <= {0, 1, 255} if numbers else len(values) <= _FEW
    return several or not few


def _with_masks(splits: dict[str, Split], ignore: int | None) -> dict[str, Split]:
    """Splits whose masks have class numbers, by what is met in all of them. Raises UsageError."""
    given = {n: s.answers for n, s in splits.items() if isinstance(s.answers, MaskArrays)}
    if not given:
        return splits
    found = as_masks({f"split `{name}`": m.images for name, m in given.items()}, ignore)
    made = zip(given.items(), found.values(), strict=True)
    masks = {name: MaskArrays(images, source.source) for (name, source), images in made}
    return {
        name: replace(split, answers=masks.get(name, split.answers))
        for name, split in splits.items()
    }


def _masks(answers: Array, pictures: Array, what: str) -> Array | None:
    """Masks, where that is what they are: whole numbers N×H×W. Raises UsageError."""
    if answers.ndim == 4 and 1 in (answers.shape[1], answers.shape[3]):
        answers = answers[:, 0] if answers.shape[1] == 1 else answers[..., 0]
    named = what.startswith("`mask")
    if named and answers.ndim == 4:
        shape = "x".join(map(str, answers.shape))
        raise UsageError(
            f"{what} is {shape}, and masks are NxHxW, a class number for each pixel; of a channel "
            f"for each class `.argmax(axis)` makes that"
        )
    if answers.ndim != 3 or (answers.dtype.kind not in "iub" and not named):
        return None
    if answers.dtype.kind not in "iub":
        raise UsageError(f"{what} holds {answers.dtype} numbers, and classes are whole ones")
    wanted = len(pictures), *pictures.shape[2:]
    if answers.shape != wanted:
        if not named:
            return None
        shapes = ("x".join(map(str, shape)) for shape in (answers.shape, wanted))
        raise UsageError(f"{what} is {' and not '.join(shapes)}, as the pictures are")
    if pictures.dtype != np.uint8 or pictures.shape[1] not in (1, 3):
        raise UsageError(f"{what} are masks, which go with grey or colour pictures of bytes")
    return answers


def _divided(archive: Archive, whole: Split) -> dict[str, Split]:
    """By the array that says each example's split, where there is one."""
    name = _first(archive, SPLIT)
    if name is None:
        return {"train": whole}
    given = archive.read(name)
    if given.shape != (len(whole),):
        raise UsageError(
            f"`{name}` in `{archive.path}` has a word for each of {len(whole):,} examples"
        )
    words, inverse = np.unique(given, return_inverse=True)
    meant = [split_word(str(word)) for word in words[:100].tolist()]
    if len(words) > len(SPLITS) * 2 or None in meant:
        raise UsageError(
            f"`{name}` in `{archive.path}` says train, val or test for each example, "
            f"not `{words[meant.index(None) if None in meant else 0]}`"
        )
    return {
        split: whole.part(numbers, split)
        for split in SPLITS
        if len(
            numbers := np.flatnonzero(
                np.isin(inverse, [n for n, m in enumerate(meant) if m == split])
            )
        )
    }


def _names(array: Array) -> tuple[str, ...]:
    """The classes' names; none where the array holds something else."""
    if array.ndim != 1 or array.dtype.kind not in "US":
        return ()
    words = (
        w.decode("utf-8", "replace") if isinstance(w, bytes) else str(w) for w in array.tolist()
    )
    return tuple(word[:_LONGEST_NAME] for word in words)


def _first(archive: Archive, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in archive.names), None)
