"""Clips as folders of frames: `CLASS/CLIP/0001.png …`, or below any of train, val and test.

A net takes so many frames of each clip, evenly spread over it. All of them are read at once, in the
net's size, and are volumes from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import cast

import numpy as np

from cnndsl.data.arrays import Array, Volume, check_room
from cnndsl.data.csvpaths import listed
from cnndsl.data.dataset import Arrays, Files, Split
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.labels import ordered
from cnndsl.runtime.pictures import PictureInput
from cnndsl.runtime.searching import pictures_below
from cnndsl.runtime.session import available_cores


def read_clips(
    splits: Mapping[str, Split], labels: Sequence[str], volume: Volume
) -> tuple[dict[str, Split], list[str]]:
    """Splits of frames as splits of clips, and remarks. Raises UsageError."""
    notes: list[str] = []
    found = {name: _clips(split, labels) for name, split in splits.items()}
    count = sum(map(len, found.values()))
    check_room(count * prod(volume), f"{count:,} clips of {'x'.join(map(str, volume))}")
    short = [
        folder.name
        for clips in found.values()
        for folder, (f, _) in clips.items()
        if len(f) < volume[1]
    ]
    if short:
        notes.append(
            f"clips of fewer than {volume[1]} frames, which are repeated: {len(short):,} "
            f"({listed(short)})"
        )
    made = {name: _read(name, splits[name], clips, volume, notes) for name, clips in found.items()}
    return {name: split for name, split in made.items() if len(split)}, notes


def clips_below(folder: Path) -> dict[Path, list[Path]]:
    """The frames of each folder of frames, at any depth, the folder itself among them. Raises
    UsageError where there are none.
    """
    clips: dict[Path, list[Path]] = {}
    for path in pictures_below(folder).paths:
        clips.setdefault(path.parent, []).append(path)
    if not clips:
        raise UsageError(f"`{folder}` holds no pictures, and a clip is a folder of frames")
    return {clip: _in_order(frames) for clip, frames in clips.items()}


def read_clip(frames: Sequence[Path], volume: Volume) -> Array:
    """Frames that are evenly spread over a clip: C×D×H×W bytes. Raises UsageError."""
    from cnndsl.data import photos

    channels, depth, height, width = volume
    if channels not in (1, 3):
        raise UsageError(f"frames have 1 or 3 channels, and the net takes {channels}")
    how = Preprocessing(crop="centre")
    picture = PictureInput("frame", "float32", channels, height, width, False, how)
    last = len(frames) - 1
    places = [round(layer * last / max(1, depth - 1)) for layer in range(depth)]
    seen = {
        place: photos.pixels_of(
            photos.covering(photos.opened(frames[place], channels), picture), picture
        )
        for place in set(places)
    }
    return np.stack([np.asarray(seen[place], np.uint8) for place in places], axis=1)


_Clips = dict[Path, tuple[list[Path], int]]
"""The frames and the class of each clip by its folder."""


def _clips(split: Split, labels: Sequence[str]) -> _Clips:
    assert isinstance(split.source, Files)
    clips: _Clips = {}
    places, targets = (
        cast("list[int]", split.index.tolist()),
        cast("list[int]", split.targets.tolist()),
    )
    for place, target in zip(places, targets, strict=True):
        path = split.source.paths[place]
        clips.setdefault(path.parent, ([], target))[0].append(path)
    loose = [folder for folder, (_, target) in clips.items() if folder.name == labels[target]]
    if loose:
        raise UsageError(
            f"`{loose[0]}` holds frames, and no folders of them: the frames of each clip go into a "
            f"folder of its own, CLASS/CLIP/0001.png, …"
        )
    return {folder: (_in_order(frames), target) for folder, (frames, target) in clips.items()}


def _in_order(frames: Sequence[Path]) -> list[Path]:
    named = {path.name: path for path in frames}
    return [named[name] for name in ordered(named)]


def _read(name: str, split: Split, clips: _Clips, volume: Volume, notes: list[str]) -> Split:
    assert isinstance(split.source, Files)
    channels, depth, height, width = volume

    def read(frames: Sequence[Path]) -> Array | UsageError:
        try:
            return read_clip(frames, volume)
        except UsageError as e:
            return e

    with ThreadPoolExecutor(available_cores(), "data") as pool:
        read_ones = list(pool.map(read, (frames for frames, _ in clips.values())))
    notes += [f"clip left out: {clip}" for clip in read_ones if isinstance(clip, UsageError)]
    kept = {n: clip for n, clip in enumerate(read_ones) if not isinstance(clip, UsageError)}
    folders, root = list(clips), split.source.root
    names = tuple(folders[n].relative_to(root).as_posix() for n in kept)
    images = np.empty((len(kept), channels * depth, height, width), np.uint8)
    for place, clip in enumerate(kept.values()):
        images[place] = clip.reshape(images.shape[1:])
    targets = np.array([clips[folders[n]][1] for n in kept], np.int64)
    source = Arrays(images, root.name, depth=depth, names=names)
    return Split(name, source, np.arange(len(kept)), targets)
