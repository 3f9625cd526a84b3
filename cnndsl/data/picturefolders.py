"""Folders of pictures and of those that a net is to make of them: `inputs/` and `targets/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnndsl.data.dataset import Files, Split, nothing, split_word
from cnndsl.data.pairing import matched, named_pairs, paired_folders
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.searching import holds_pictures

_TARGETS = (
    "targets",
    "target",
    "gt",
    "ground_truth",
    "reference",
    "references",
    "outputs",
    "output",
)
NAMES = (
    (("inputs", "input", "sources", "source"), _TARGETS),
    (("noisy", "noise", "degraded", "damaged", "corrupted"), ("clean", *_TARGETS)),
    (("blurred", "blurry", "blur"), ("sharp", "clean", *_TARGETS)),
    (("lr", "low", "low_resolution"), ("hr", "high", "high_resolution", *_TARGETS)),
    (("images", "image"), ("targets", "target")),
)
"""What the two folders may be called."""

LETTERS = ((("x",), ("y",)), (("a",), ("b",)))
"""What they may be called, too, where pairs are wanted: else these are classes."""

_ENDS = ("_target", "_targets", "_gt", "_clean", "_sharp", "_hr", "_y", "_b")
"""What names of targets may end with, beside the picture's own name."""


@dataclass(frozen=True, slots=True)
class Found:
    """Splits of pairs, how the two folders are called, and remarks."""

    splits: dict[str, Split]
    called: str
    notes: tuple[str, ...]


def read_picture_folders(folder: Path, wanted: bool) -> Found | None:
    """Read pairs of pictures with equal names, with or without `train`, `val` and `test` above or
    inside of both folders; `wanted` says that no classes can be meant. None where there are none.
    Raises UsageError.
    """
    pairs = paired_folders(folder, (*NAMES, *LETTERS) if wanted else NAMES)
    if not pairs:
        for pair in named_pairs(folder, NAMES) if wanted else ():
            lacking = next(path for path in pair if not holds_pictures(path))
            raise UsageError(f"`{lacking}` holds no pictures, and pairs of them are wanted")
        return None
    notes: list[str] = []
    every = {name: matched(pair, "target", _ENDS, notes) for name, pair in pairs.items()}
    first = next(iter(pairs.values()))
    if not any(every.values()):
        raise UsageError(
            f"no picture in `{first[0]}` has one of the same name in `{first[1]}`; `001.jpg` goes "
            f"with `001.png`"
        )
    splits: dict[str, Split] = {}
    for name, found in every.items():
        if found:
            inputs, targets = (Files(tuple(paths), folder) for paths in zip(*found, strict=True))
            count = len(found)
            splits[name] = Split(name, inputs, np.arange(count), nothing(count), targets)
    called = (
        next(part for part in path.relative_to(folder).parts if split_word(part) is None)
        for path in first
    )
    return Found(splits, " → ".join(called), tuple(notes))
