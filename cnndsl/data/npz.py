"""Data sets in an .npz file: images, labels, and what else is known of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnndsl.data.arrays import Array, as_pictures, as_targets
from cnndsl.data.dataset import SPLIT_WORDS, SPLITS, Arrays, Split, split_word
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.npz import Archive

IMAGES = ("images", "x", "X", "data")
TARGETS = ("labels", "y", "Y", "targets", "target")
SPLIT = ("split", "splits")
NAMES = ("label_names", "class_names", "classes", "names")

_LONGEST_NAME = 1000


def read_npz(path: Path) -> tuple[dict[str, Split], tuple[str, ...]]:
    """Splits, and the classes' names if the file has them.

    Arrays are called images and labels, or x and y, with a `split` for each if one likes; or each
    split has its own: x_train, y_train, x_test, … or train_images, train_labels, …; further ones
    are not read. Raises UsageError.
    """
    with Archive(path) as archive:
        found = {split: pair for split in SPLITS if (pair := _of_split(archive, split))}
        splits: dict[str, Split] = {}
        for split, (images, targets) in found.items():
            splits[split] = _read_split(archive, split, images, targets, split)
        if not found:
            pair = _first(archive, IMAGES), _first(archive, TARGETS)
            if pair[0] is None or pair[1] is None:
                names = ", ".join(list(archive.names)[:12]) or "nothing"
                raise UsageError(
                    f"`{path}` holds {names}; a data set has images and labels (or x and y), or "
                    f"x_train, y_train, x_test and y_test"
                )
            whole = _read_split(archive, "train", pair[0], pair[1], path.stem)
            splits = _divided(archive, whole)
        names = _first(archive, NAMES)
        return splits, _names(archive.read(names)) if names else ()


def _of_split(archive: Archive, split: str) -> tuple[str, str] | None:
    """The names of a split's own arrays, in whichever order their parts are."""
    words = [word for word, meant in SPLIT_WORDS.items() if meant == split]
    pair = [
        next(
            (
                name
                for word in words
                for part in parts
                for name in (f"{part}_{word}", f"{word}_{part}")
                if name in archive.names
            ),
            None,
        )
        for parts in (IMAGES, TARGETS)
    ]
    return (pair[0], pair[1]) if pair[0] and pair[1] else None


def _read_split(archive: Archive, split: str, images: str, targets: str, source: str) -> Split:
    pictures = as_pictures(archive.read(images), f"`{images}` in `{archive.path}`")
    answers = archive.read(targets)
    answers = as_targets(answers, len(pictures), f"`{targets}` in `{archive.path}`")
    return Split(split, Arrays(pictures, source), np.arange(len(pictures)), answers)


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
