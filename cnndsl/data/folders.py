"""Pictures in a folder for each class, with or without folders for the splits above them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnndsl.data.dataset import SPLITS, Files, Split, split_word
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.inputs import PICTURE_SUFFIXES

_NO_CLASSES = frozenset({"__MACOSX", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Found:
    """What was read: splits, the classes' names, files that are no pictures, and remarks."""

    splits: dict[str, Split]
    labels: tuple[str, ...]
    ignored: int = 0
    notes: tuple[str, ...] = ()


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder by name, without hidden ones."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name not in _NO_CLASSES
    )


def is_wrapping(folder: Path) -> bool:
    """Whether the only folder in another may hold the data set: no split, and no class."""
    pictures = any(path.suffix.lower() in PICTURE_SUFFIXES for path in _files(folder))
    return split_word(folder.name) is None and not pictures


def read_class_folders(folder: Path) -> Found:
    """`CLASS/…/picture`, or `train/CLASS/…/picture` beside `val` and `test`.

    Classes are the folders' names in alphabetical order, those of all splits together. Raises
    UsageError where there are no pictures or no two classes.
    """
    parts = {word: path for path in subfolders(folder) if (word := split_word(path.name))}
    if "train" not in parts:
        parts = {"train": folder}
        for path in subfolders(folder):
            _check_class(path)
    collected = {name: _Pictures(parts[name]) for name in SPLITS if name in parts}
    notes = [
        f"`{pictures.folder}` has {pictures.loose:,} pictures outside of class folders, left out"
        for pictures in collected.values()
        if pictures.loose
    ]
    found = {name: pictures for name, pictures in collected.items() if pictures.classes}
    labels = tuple(sorted({label for pictures in found.values() for label in pictures.classes}))
    if len(labels) < 2:
        held = f"pictures of one class, `{labels[0]}`" if labels else "no pictures in class folders"
        raise UsageError(
            f"`{folder}` holds {held}; two are needed: put those of each class into a "
            f"folder of its own, either CLASS/… or train/CLASS/… and val/CLASS/…"
        )
    splits = {name: _split(name, pictures, labels, folder) for name, pictures in found.items()}
    notes += without_training(splits, labels)
    ignored = sum(pictures.ignored for pictures in collected.values())
    return Found(splits, labels, ignored, tuple(notes))


def _check_class(folder: Path) -> None:
    """A class doesn't hold splits: it is a data set of its own then, beside others."""
    if any(split_word(path.name) == "train" for path in subfolders(folder)):
        raise UsageError(
            f"`{folder}` has a folder for its training pictures, so it is a data set and no "
            f"class: name it instead of the folder above"
        )


def without_training(splits: dict[str, Split], labels: tuple[str, ...]) -> list[str]:
    """A remark where classes have no training examples."""
    counts = splits["train"].class_counts(len(labels)) if "train" in splits else np.array([])
    missing = [f"`{label}`" for label, count in zip(labels, counts, strict=False) if not count]
    if not missing:
        return []
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    return [f"there are no training examples of {', '.join(missing[:5])}{more}"]


class _Pictures:
    """The pictures below a folder by class, and how much else there is."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.classes: dict[str, list[Path]] = {}
        self.ignored = 0
        self.loose = sum(path.suffix.lower() in PICTURE_SUFFIXES for path in _files(folder))
        for path in subfolders(folder):
            pictures = list(self._below(path))
            if pictures:
                self.classes[path.name] = pictures

    def _below(self, folder: Path) -> Iterator[Path]:
        for root, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                path = Path(root, name)
                if name.startswith(".") or path.suffix.lower() not in PICTURE_SUFFIXES:
                    self.ignored += 1
                elif path.is_file():  # no pipe, device or dangling link
                    yield path


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_file())


def _split(name: str, pictures: _Pictures, labels: tuple[str, ...], root: Path) -> Split:
    number = {label: n for n, label in enumerate(labels)}
    paths = [path for label in sorted(pictures.classes) for path in pictures.classes[label]]
    counts = [len(pictures.classes[label]) for label in sorted(pictures.classes)]
    classes = np.array([number[label] for label in sorted(pictures.classes)], np.int64)
    targets = np.repeat(classes, counts)
    return Split(name, Files(tuple(paths), root), np.arange(len(paths)), targets)
