"""Pictures in a folder for each class, with or without folders for the splits above them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnndsl.data.dataset import SPLITS, Files, Split, nothing, split_word
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.labels import composed, ordered
from cnndsl.runtime.searching import (
    described,
    holds_pictures,
    is_hidden,
    is_picture,
    leads_back,
    pictures_below,
)

_CONTAINERS = frozenset({"images", "imgs", "img", "photos", "pictures", "data", "classes"})
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Found:
    """What was read: splits, the classes' names, files that are no pictures, and remarks; where
    there are only pictures, `unlabelled` says why they have no classes.
    """

    splits: dict[str, Split]
    labels: tuple[str, ...]
    ignored: int = 0
    notes: tuple[str, ...] = ()
    unlabelled: str = ""


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder by name, without hidden ones and links that lead back."""
    return sorted(
        path
        for path in folder.iterdir()
        if not is_hidden(path.name) and path.is_dir() and not leads_back(path)
    )


def is_wrapping(folder: Path) -> bool:
    """Whether the only folder in another may hold the data set: no split, and no class."""
    return split_word(folder.name) is None and not any(map(is_picture, _files(folder)))


def read_class_folders(folder: Path) -> Found:
    """Read `CLASS/…/picture`, or `CLASS/…/picture` below any of `train`, `val` and `test`.

    Classes are the folders' names in Unicode's NFC, in natural order, those of all splits together.
    Pictures alone, without class folders, are found too. Raises UsageError where there are no
    pictures, or where it isn't clear which folders are meant.
    """
    parts, notes = _split_folders(folder)
    if not parts:
        parts = {"train": folder}
        for path in subfolders(folder):
            _check_class(path)
    collected = {name: _Pictures(parts[name]) for name in SPLITS if name in parts}
    notes += [
        f"`{pictures.folder}` has {pictures.loose:,} pictures outside of class folders, left out"
        for pictures in collected.values()
        if pictures.loose
    ]
    found = {name: pictures for name, pictures in collected.items() if pictures.classes}
    labels = ordered(label for pictures in found.values() for label in pictures.classes)
    others: Counter[str] = Counter()
    closed: dict[str, str] = {}
    for pictures in collected.values():
        others.update(pictures.others)
        closed |= pictures.closed
    if not labels:
        held = f", but {described(others)}" if others else ""
        lacking = (
            f"`{folder}` holds no pictures in class folders{held}: put those of each class into a "
            f"folder of its own, either CLASS/… or train/CLASS/… and val/CLASS/…"
        )
        loose = {name: _loose(name, parts[name], folder) for name in SPLITS if name in parts}
        loose = {name: split for name, split in loose.items() if len(split)}
        if not loose:
            raise UsageError(lacking)
        return Found(loose, (), others.total(), unlabelled=lacking)
    splits = {name: _split(name, pictures, labels, folder) for name, pictures in found.items()}
    notes += without_training(splits, labels)
    for pictures in collected.values():
        notes += _without_pictures(pictures.empty, labels)
    if others:
        notes.append(f"no pictures, left out: {described(others)}")
    notes += [f"`{path}` can't be read, left out: {reason}" for path, reason in closed.items()]
    return Found(splits, labels, others.total(), tuple(notes))


def _without_pictures(empty: Mapping[str, Mapping[str, int]], labels: tuple[str, ...]) -> list[str]:
    """Remarks on folders that would be classes, if there were pictures in them."""
    lacking = [label for label in empty if label not in labels]
    notes = [
        f"`{label}` is no class, since it holds no pictures"
        + (f": {described(empty[label])}" if empty[label] else "")
        for label in lacking[:_LISTED]
    ]
    if len(lacking) > _LISTED:
        notes.append(f"{len(lacking) - _LISTED} more folders hold no pictures")
    return notes


def _split_folders(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The folders of splits by split, none where all folders are classes, and remarks.

    A folder that is called `train` or `test` is a split where it holds folders with pictures, or
    another such folder does, or there is nothing else. Else it is a class, as `bus` beside it.
    """
    inside = subfolders(folder)
    words = [path for path in inside if split_word(path.name)]
    others = [path for path in inside if path not in words and holds_pictures(path)]
    if not words or (others and not any(map(_holds_classes, words))):
        return {}, []
    parts: dict[str, Path] = {}
    for path in words:
        other = parts.setdefault(split_word(path.name) or "", path)
        if other != path:
            raise UsageError(
                f"`{folder}` has two folders for one split, `{other.name}` and `{path.name}`: "
                f"put their pictures into one, or rename one"
            )
    notes: list[str] = []
    if others:
        some = ", ".join(f"`{path.name}`" for path in others[:_LISTED])
        more = f" and {len(others) - _LISTED} more" if len(others) > _LISTED else ""
        beside = " and ".join(f"`{path.name}`" for path in words)
        notes = [f"{some}{more} beside {beside}: pictures that are in no split, left out"]
    return parts, notes


def _holds_classes(folder: Path) -> bool:
    return any(map(holds_pictures, subfolders(folder)))


def _check_class(folder: Path) -> None:
    """A class doesn't hold splits: it is a data set of its own then, beside others."""
    if any(split_word(path.name) == "train" for path in subfolders(folder)):
        raise UsageError(
            f"`{folder}` has a folder for its training pictures, so it is a data set and no "
            f"class: name it instead of the folder above"
        )


def without_training(splits: dict[str, Split], labels: tuple[str, ...]) -> list[str]:
    """A remark where classes have no training examples, though others do."""
    if "train" not in splits:
        return []
    counts = splits["train"].class_counts(len(labels))
    missing = [f"`{label}`" for label, count in zip(labels, counts, strict=True) if not count]
    if not missing:
        return []
    more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
    return [f"there are no training examples of {', '.join(missing[:_LISTED])}{more}"]


class _Pictures:
    """The pictures below a folder by class, and what else there is."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.classes: dict[str, list[Path]] = {}
        self.empty: dict[str, Counter[str]] = {}
        self.others: Counter[str] = Counter()
        self.closed: dict[str, str] = {}
        self.loose = sum(map(is_picture, _files(folder)))
        for path in subfolders(_contained(folder)):
            found, label = pictures_below(path), composed(path.name)
            if found.paths:
                self.classes.setdefault(label, []).extend(found.paths)
            else:
                self.empty[label] = found.others
            self.others.update(found.others)
            self.closed |= found.closed


def _contained(folder: Path) -> Path:
    """The folder that holds the classes: itself, or the only one in it if it is called so
    (`train/images/cat`, `seg_train/seg_train/cat`).
    """
    inside = subfolders(folder)
    if len(inside) != 1:
        return folder
    name = inside[0].name.lower()
    called = name in _CONTAINERS or name == folder.name.lower() or split_word(name) is not None
    return inside[0] if called and subfolders(inside[0]) else folder


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if not is_hidden(path.name) and path.is_file())


def _loose(name: str, folder: Path, root: Path) -> Split:
    """The pictures that lie in a folder itself."""
    paths = sorted(path for path in _files(folder) if is_picture(path))
    return Split(name, Files(tuple(paths), root), np.arange(len(paths)), nothing(len(paths)))


def _split(name: str, pictures: _Pictures, labels: tuple[str, ...], root: Path) -> Split:
    numbers = [number for number, label in enumerate(labels) if label in pictures.classes]
    of_classes = [pictures.classes[labels[number]] for number in numbers]
    paths = [path for some in of_classes for path in some]
    targets = np.repeat(np.array(numbers, np.int64), [len(some) for some in of_classes])
    return Split(name, Files(tuple(paths), root), np.arange(len(paths)), targets)
