"""What a data set is, wherever it came from: splits of pictures or arrays, with their classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnndsl.data.contents import contents
from cnndsl.data.randomness import Indices
from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.printing import encodable

SPLITS = ("train", "val", "test")
"""The names of splits, in the order in which they are listed."""

SPLIT_WORDS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What splits are called elsewhere."""

SPLIT_ENDS = frozenset(
    {"set", "data", "dataset", "images", "imgs", "img", "seg", "folder", "split"}
)
"""Words that stand beside them."""

CONTENTS = "contents-"
"""How fingerprints begin that tell files by their content."""

_MOST_NAMED = 4  # classes that one line lists


def nothing(count: int) -> npt.NDArray[np.float32]:
    """The targets of so many pictures that have none."""
    return np.zeros((count, 0), np.float32)


def split_word(word: str) -> str | None:
    """Return the split that a word such as `Validation` or `test_set` means; None for others."""
    words = re.split(r"[\W_]+", word.strip().lower())
    found = [SPLIT_WORDS[part] for part in words if part in SPLIT_WORDS]
    rest = {part for part in words if part not in SPLIT_WORDS}
    return found[0] if len(found) == 1 and rest <= SPLIT_ENDS else None


@dataclass(frozen=True, eq=False)
class Files:
    """Pictures in files, which are read when they are needed. `root` is what names are from.

    `resized` keeps them by split in the size that was asked for last (`cnndsl.data.pipeline`).
    """

    paths: tuple[Path, ...]
    root: Path
    resized: dict[str, Any] = field(default_factory=dict[str, Any], repr=False, kw_only=True)

    masks: ClassVar[bool] = False

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, number: int) -> str:
        """A picture's path from the data's folder, with /."""
        path = self.paths[number]
        inside = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        return encodable(inside.as_posix())

    @property
    def meaning(self) -> bytes:
        """What the fingerprint has beside the files' content."""
        return b""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Pictures in memory: N×C×H×W, uint8 or float32, on the scale of 0 to 255, RGB or grey.

    Volumes are pictures, too, whose channels are the `depth` layers of each of theirs. `names` are
    what examples are called where that isn't their place. `fitted` keeps them in other sizes, once
    they were asked for (`cnndsl.data.fitting`).
    """

    images: npt.NDArray[Any]
    source: str
    fitted: dict[object, npt.NDArray[Any]] = field(
        default_factory=dict[object, npt.NDArray[Any]], repr=False
    )
    depth: int = 0
    names: tuple[str, ...] = ()

    masks: ClassVar[bool] = False

    def __len__(self) -> int:
        return len(self.images)

    def name(self, number: int) -> str:
        """Where a picture stands."""
        return encodable(self.names[number] if self.names else f"{self.source}[{number}]")


@dataclass(frozen=True, eq=False)
class Split:
    """Some of a source's examples: `index` says which, `targets` what they are. `answers` are, in
    the order of the source, what each is to be answered with where that is a picture, too: a mask
    (`MaskFiles`, `MaskArrays`), or another picture.

    `targets` are class numbers (int64, one for each example) or, where there are no classes,
    numbers (float32, N×…) that a net is to answer with: none (N×0) where there are only pictures.
    """

    name: str
    source: Files | Arrays
    index: Indices
    targets: npt.NDArray[Any]
    answers: Files | Arrays | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def in_memory(self) -> bool:
        """Whether the pictures are arrays."""
        return isinstance(self.source, Arrays)

    @property
    def masked(self) -> bool:
        """Whether each example has a mask."""
        return self.answers is not None and self.answers.masks

    @property
    def paired(self) -> bool:
        """Whether each example has another picture to be answered with."""
        return self.answers is not None and not self.answers.masks

    def name_of(self, number: int) -> str:
        """What the example is called, for messages and lists."""
        return self.source.name(int(self.index[number]))

    def names(self) -> list[str]:
        """Every example's name."""
        return [self.source.name(number) for number in self.index.tolist()]

    def class_counts(self, classes: int) -> Indices:
        """How many examples each class has; int64."""
        return np.bincount(self.targets, minlength=classes)

    def part(self, numbers: Indices, name: str | None = None) -> Split:
        """The examples of these numbers, as a split of their own."""
        index, targets = self.index[numbers], self.targets[numbers]
        return Split(name or self.name, self.source, index, targets, self.answers)


@dataclass(frozen=True, eq=False)
class DataSet:
    """Splits by name ("train", "val", "test"), and what is known about all of them.

    name: a short one. kind: what was found, such as "class folders". labels: the classes' names,
    none where targets are numbers. mirror: whether a mirrored picture is as good as the picture.
    made: the splits that were taken from others, by the seed, and not found. ignored: how many
    files are no pictures. notes: what else the user should know, a sentence each. unlabelled: why
    there is nothing to answer with, where there are only pictures. pixels: the names of the classes
    that pixels have, where each picture has a mask; then `labels` are none.
    """

    name: str
    kind: str
    where: Path | None
    labels: tuple[str, ...]
    splits: Mapping[str, Split]
    mirror: bool = True
    made: tuple[str, ...] = ()
    ignored: int = 0
    notes: tuple[str, ...] = field(default=())
    unlabelled: str = ""
    pixels: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Split:
        """A split. Raises UsageError where there is none of that name."""
        try:
            return self.splits[name]
        except KeyError:
            found = f"there are {', '.join(self.splits)}"
            hint = did_you_mean(name, self.splits, found)
            raise UsageError(f"{self.name} has no split `{name}`; {hint}") from None

    def __contains__(self, name: str) -> bool:
        return name in self.splits

    @property
    def train(self) -> Split:
        """The examples to train on. Raises UsageError where there are none."""
        return self["train"]

    @property
    def first(self) -> Split:
        """The examples to train on, or those of the first split that there is."""
        return next(iter(self.splits.values()))

    @property
    def paired(self) -> bool:
        """Whether each picture has another one to be answered with."""
        return self.first.paired

    def check_labelled(self) -> None:
        """Raise UsageError where there are only pictures, and nothing to answer with."""
        if self.unlabelled:
            raise UsageError(self.unlabelled)

    def check_classes(self) -> None:
        """Raise UsageError where there are no classes of whole pictures."""
        self.check_labelled()
        if self.paired:
            raise UsageError(
                f"{self.name} has pairs of pictures, and a class for each picture is wanted"
            )
        if self.pixels:
            raise UsageError(
                f"{self.name} has masks, a class for each pixel, and a class for each picture is "
                f"wanted"
            )

    @property
    def classes(self) -> int:
        """The number of classes; 0 where targets are numbers."""
        return len(self.labels)

    @property
    def depth(self) -> int:
        """How many layers volumes have; 0 of pictures."""
        source = self.first.source
        return source.depth if isinstance(source, Arrays) else 0

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Channels (of volumes those of all layers), height and width; None where each picture has
        a size of its own.
        """
        source = self.first.source
        if isinstance(source, Files):
            return None
        _, channels, height, width = source.images.shape
        return channels, height, width

    def describe(self) -> str:
        """What was found, in one line."""
        counts = [
            f"{len(split):,} {name}{' (made)' if name in self.made else ''}"
            for name, split in self.splits.items()
        ]
        return f"{self.name}: {self.kind}, {self._answers()}, {' + '.join(counts)} {self._what()}"

    @cached_property
    def fingerprint(self) -> str:
        """A digest of what is in which split, to see later whether it is still the same.

        Arrays and files count with their content, files with their names too. SHA-256 in hex.
        """
        files = [source for source in self._sources() if isinstance(source, Files)]
        if not files:
            return self._digest({})
        paths = [path for source in files for path in source.paths]
        return CONTENTS + self._digest(
            dict(zip(paths, contents(paths, files[0].root), strict=True))
        )

    def is_what(self, fingerprint: str) -> bool:
        """Whether a fingerprint is this one's. Those of earlier versions told files by their names
        and sizes alone.
        """
        files = any(isinstance(source, Files) for source in self._sources())
        if files and fingerprint and not fingerprint.startswith(CONTENTS):
            return fingerprint == self._digest(None)
        return fingerprint == self.fingerprint

    def _sources(self) -> list[Files | Arrays]:
        every = [s for split in self.splits.values() for s in (split.source, split.answers) if s]
        return list({id(source): source for source in every}.values())

    def _digest(self, digests: Mapping[Path, npt.NDArray[np.uint8]] | None) -> str:
        """SHA-256 of splits and sources; files by their digests, without these by their sizes."""
        digest = sha256(repr((self.labels or self.pixels, list(self.splits))).encode())
        for split in self.splits.values():
            digest.update(np.ascontiguousarray(split.index).data)
            digest.update(np.ascontiguousarray(split.targets).data)
        for source in self._sources():
            if isinstance(source, Arrays):
                digest.update(repr((source.images.shape, source.images.dtype.str)).encode())
                digest.update(np.ascontiguousarray(source.images).data)
                continue
            digest.update(source.meaning)
            for number, path in enumerate(source.paths):
                name = source.name(number).encode("utf-8", "surrogateescape")
                if digests is None:
                    digest.update(name + f"\0{path.stat().st_size}\n".encode())
                else:
                    digest.update(name + b"\0" + digests[path].tobytes())
        return digest.hexdigest()

    def _answers(self) -> str:
        if not self.labels:
            if self.pixels:
                return f"a mask of {_counted(self.pixels)} each"
            if self.unlabelled:
                return "without classes"
            if self.paired:
                return "a picture to answer each with"
            targets = self.first.targets
            return f"{'x'.join(map(str, targets.shape[1:])) or '1'} numbers each"
        return _counted(self.labels)

    def _what(self) -> str:
        if self.shape is None:
            return "pictures"
        channels, height, width = self.shape
        if self.depth:
            channels //= self.depth
            colours = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
            return f"volumes, {self.depth}x{height}x{width} {colours}"
        colours = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
        return f"pictures, {height}x{width} {colours}"


def _counted(labels: tuple[str, ...]) -> str:
    """`2 classes (cat, dog)`."""
    some = f" ({', '.join(labels)})" if len(labels) <= _MOST_NAMED else ""
    return f"{len(labels)} class{'es' * (len(labels) > 1)}{some}"
