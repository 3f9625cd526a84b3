"""The answers to the same few examples after each epoch, so that one can watch a net learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnndsl.data.showing import Pixels
from cnndsl.files import replaced
from cnndsl.training.assembly import Training
from cnndsl.training.folder import RunFolder
from cnndsl.training.progress import Progress
from cnndsl.training.report.page import Strip
from cnndsl.training.report.pictures import ACROSS, mosaic, png

MOST_EPOCHS = 8
"""Of so many epochs, evenly spread, the page shows answers below each other."""
MOST_FRAMES, MOST_BYTES = 40, 4 << 20
"""Epochs that are played one after the other, and the size of all their pictures together."""


def watch(training: Training, folder: RunFolder, epoch: int) -> None:
    """Keep the answers of the weights as they are, where they are pictures. Raises OSError."""
    drawn = [*training.drawn().values()]
    if drawn:
        folder.answers.mkdir(parents=True, exist_ok=True)
        _write(_of_epoch(folder, epoch), mosaic(drawn[-1][:ACROSS], clear=True))


def strips(training: Training, folder: RunFolder, progress: Progress) -> tuple[Strip, ...]:
    """What went in, the answers after some of the epochs, and those of the best weights, which are
    in place; written as `plots/answers.png` too. Raises OSError.
    """
    drawn = {title: images[:ACROSS] for title, images in training.drawn().items()}
    if not drawn:
        return ()
    _write(folder.plots / "answers.png", _stacked([*map(mosaic, drawn.values())]))
    *given, (title, last) = (
        (title, png(mosaic(images, clear=True))) for title, images in drawn.items()
    )
    answers = [*drawn.values()][-1]
    count, width = len(answers), answers[0].shape[1]
    best = f"{title}, epoch {progress.best.number}" if progress.best else title
    kept = {e.number: p for e in progress.epochs if (p := _of_epoch(folder, e.number)).is_file()}
    below = {*_some([*kept], MOST_EPOCHS)}
    played = _some([*kept], max(MOST_EPOCHS, min(MOST_FRAMES, MOST_BYTES // max(1, len(last)))))
    epochs = (
        Strip(f"epoch {n}", kept[n].read_bytes(), width, count, n, played=n not in below)
        for n in sorted({*below, *played})
    )
    return (
        *(Strip(name, picture, width, count) for name, picture in given),
        *epochs,
        Strip(best, last, width, count),
    )


def _some(epochs: Sequence[int], most: int) -> Sequence[int]:
    """At most so many of some epochs, evenly spread, with the first and the last."""
    places: list[int] = (
        np.linspace(0, len(epochs) - 1, min(len(epochs), most)).round().astype(int).tolist()
    )
    return [epochs[place] for place in dict.fromkeys(places)]


def _of_epoch(folder: RunFolder, epoch: int) -> Path:
    return folder.answers / f"epoch-{epoch:04d}.png"


def _stacked(lines: Sequence[Pixels]) -> Pixels:
    """Lines of one width one below the other, on white; all in colour where one is."""
    if len({line.ndim for line in lines}) > 1:
        lines = [line if line.ndim == 3 else np.stack([line] * 3, axis=-1) for line in lines]
    between = np.full((max(1, lines[0].shape[1] // 200), *lines[0].shape[1:]), 255, np.uint8)
    parts = [part for line in lines for part in (line, between)]
    return np.concatenate(parts[:-1])


def _write(path: Path, picture: Pixels) -> None:
    with replaced(path) as file:
        file.write(png(picture))
