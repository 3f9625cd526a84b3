"""Two folders that belong together, file by file: pictures and their masks, inputs and targets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from cnndsl.data.csvpaths import listed
from cnndsl.data.dataset import SPLITS, split_word
from cnndsl.data.folders import subfolders
from cnndsl.runtime.searching import holds_pictures, pictures_below

Pair = tuple[Path, Path]
Names = tuple[Collection[str], Collection[str]]
"""What the two folders may be called, in small letters, in the order of preference."""


def paired_folders(folder: Path, names: Sequence[Names]) -> dict[str, Pair]:
    """The two folders of each split: `NAME` and `OTHER`, or below each of `train`, `val` and
    `test`, or with these inside of both. Empty where there are none.
    """
    return dict(_splits(folder, names))


def _splits(folder: Path, names: Sequence[Names]) -> Iterator[tuple[str, Pair]]:
    pair = _pair(folder, names)
    if pair is not None:
        inside = [
            {split_word(path.name): path for path in subfolders(part) if split_word(path.name)}
            for part in pair
        ]
        both = [name for name in SPLITS if name in inside[0] and name in inside[1]]
        for name in both:
            yield name, (inside[0][name], inside[1][name])
        if not both:
            yield "train", pair
        return
    for path in subfolders(folder):
        name = split_word(path.name)
        if name and (pair := _pair(path, names)):
            yield name, pair


def _pair(folder: Path, names: Sequence[Names]) -> Pair | None:
    """Two folders with pictures in them."""
    pairs = named_pairs(folder, names)
    return next((pair for pair in pairs if all(map(holds_pictures, pair))), None)


def named_pairs(folder: Path, names: Sequence[Names]) -> Iterator[Pair]:
    """Two folders that are called so, whatever they hold."""
    inside = {path.name.lower(): path for path in subfolders(folder)}
    for pair in names:
        first, second = (next((inside[w] for w in words if w in inside), None) for words in pair)
        if first and second:
            yield first, second


def matched(
    pair: Pair, kind: str, ends: Sequence[str], notes: list[str]
) -> list[tuple[Path, Path]]:
    """Each picture with its other half, by the path below the folders less the suffix.

    `kind` is what the other half is called, and `ends` what its name may end with beside the
    picture's own. What has none is named in `notes`.
    """
    pictures, found = (
        {_stem(path, root): path for path in pictures_below(root).paths} for root in pair
    )
    for stem in list(found):
        end = next((end for end in ends if stem.lower().endswith(end)), "")
        if stem not in pictures and end and stem[: -len(end)] in pictures:
            found.setdefault(stem[: -len(end)], found.pop(stem))
    for lacking, there, others in ((kind, pictures, found), ("picture", found, pictures)):
        missing = [path.name for stem, path in there.items() if stem not in others]
        if missing and len(missing) < len(there):
            notes.append(f"without a {lacking}, left out: {len(missing):,} ({listed(missing)})")
    return [(pictures[stem], found[stem]) for stem in sorted(pictures) if stem in found]


def _stem(path: Path, root: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix()
