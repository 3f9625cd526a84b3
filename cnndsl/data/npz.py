"""Data sets in an .npz file: arrays by name, read without pickle and within bounds."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO, cast

import numpy as np

from cnndsl.data.arrays import Array, as_pictures, as_targets, unpacked_limit
from cnndsl.data.dataset import SPLIT_WORDS, SPLITS, Arrays, Split, split_word
from cnndsl.diagnostics import UsageError
from cnndsl.files import check_ordinary

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
    with _Archive(path) as archive:
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


class _Archive:
    """The arrays in an .npz by name; each is looked at before it is unpacked."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> _Archive:
        try:
            check_ordinary(self.path)
            self.left = unpacked_limit(self.path.stat().st_size)
            self.zip = zipfile.ZipFile(self.path)
        except FileNotFoundError:
            raise UsageError(f"there is no file `{self.path}`") from None
        except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as e:
            raise self.unreadable(e) from None
        entries = (e for e in self.zip.infolist() if e.filename.endswith(".npy"))
        self.names: Mapping[str, zipfile.ZipInfo] = {e.filename[:-4]: e for e in entries}
        return self

    def __exit__(self, *_: object) -> None:
        self.zip.close()

    def read(self, name: str) -> Array:
        """An array whose header agrees with its size in the archive. Raises UsageError."""
        entry = self.names[name]
        if entry.file_size > self.left:
            raise UsageError(
                f"`{self.path}` unpacks to far more than such a file can be meant to hold"
            )
        self.left -= entry.file_size
        try:
            with self.zip.open(entry) as file:
                stream = cast("BinaryIO", file)
                _check_header(stream, entry.file_size)
                stream.seek(0)
                return np.lib.format.read_array(stream, allow_pickle=False)
        except MemoryError:
            raise UsageError(f"`{self.path}` doesn't fit into memory") from None
        except _DAMAGES as e:
            raise self.unreadable(e, name) from None

    def unreadable(self, error: Exception, name: str = "") -> UsageError:
        """What to say."""
        if isinstance(error, OSError) and error.strerror:
            return UsageError(f"`{self.path}` can't be read: {error.strerror}")
        what = (
            f"`{name}` in `{self.path}` is no sound array" if name else f"`{self.path}` is no npz"
        )
        return UsageError(f"{what}: {str(error).strip('. ') or type(error).__name__}")


_DAMAGES = (
    OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, SyntaxError,
    TypeError, KeyError, OverflowError, TokenError,
)  # fmt: skip
"""What zipfile, and numpy's reader of headers, raise over damaged files."""


def _check_header(file: BinaryIO, size: int) -> None:
    """Raise ValueError unless an .npy file's header describes numbers of just its size."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    header: Any = read(file)
    shape, _, kind = cast("tuple[tuple[int, ...], bool, np.dtype[Any]]", header)
    if kind.hasobject:
        raise ValueError("it holds Python objects, and only numbers are read")
    count = 1
    for length in shape:
        count *= length
    said = count * kind.itemsize
    if min(shape, default=0) < 0 or said != size - file.tell():
        raise ValueError(f"its header says {said:,} bytes, and {size - file.tell():,} follow")


def _of_split(archive: _Archive, split: str) -> tuple[str, str] | None:
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


def _read_split(archive: _Archive, split: str, images: str, targets: str, source: str) -> Split:
    pictures = as_pictures(archive.read(images), f"`{images}` in `{archive.path}`")
    answers = archive.read(targets)
    answers = as_targets(answers, len(pictures), f"`{targets}` in `{archive.path}`")
    return Split(split, Arrays(pictures, source), np.arange(len(pictures)), answers)


def _divided(archive: _Archive, whole: Split) -> dict[str, Split]:
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


def _first(archive: _Archive, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in archive.names), None)
