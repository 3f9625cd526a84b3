"""`cnndsl predict` of a model whose answers are pictures: a line and a file for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.output import echo
from cnndsl.cli.unreadable import check_all_read
from cnndsl.diagnostics import UsageError
from cnndsl.printing import printable

if TYPE_CHECKING:
    from cnndsl.data.targets import PictureTarget
    from cnndsl.runtime import Model, Samples
    from cnndsl.runtime.model import Port
    from cnndsl.runtime.session import Array

BATCH = 16


def predict_pictures(
    model: Model, samples: Samples, batch: int | None, folder: Path | None
) -> None:
    """Say a line about each answer, and write it into `folder`, made where it is missing.

    Raises UsageError.
    """
    from cnndsl.cli.output import echo_line
    from cnndsl.data.targets import Masks, PictureItself, Pictures
    from cnndsl.files import replaced
    from cnndsl.runtime.images import write_picture

    picture = samples.picture
    if picture is None:
        raise UsageError(
            "answers that are pictures are given to pictures; `cnndsl run` takes arrays"
        )
    target: PictureTarget
    match model.targets:
        case Masks.word:
            target = Masks(picture, model.labels or ())
        case Pictures.word:
            target = Pictures(picture)
        case _:
            target = PictureItself(picture)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    told, taken = 0, set[str]()
    for source, seen, answer in _answers(model, samples, _output(model), batch or BATCH):
        for entry in (samples.unreadable or [])[told:]:
            echo_line(f"left out: {entry.reason}", err=True)
        told = len(samples.unreadable or [])
        echo(printable(f"{source}: {target.said(answer, seen)}"))
        if folder is not None:
            pixels, palette = target.drawing(answer)
            with replaced(folder / _name(Path(source).stem, taken)) as file:
                write_picture(file, pixels, palette)
    check_all_read(samples)
    if folder is not None:
        echo(f"{folder}: {len(taken):,} picture{'s' * (len(taken) != 1)}")


def _output(model: Model) -> Port:
    """The first output of maps."""
    port = next((port for port in model.outputs if len(port.dims) == 4), None)
    if port is None:
        raise UsageError(f"{model.name} has no output of maps; `cnndsl run` shows others")
    return port


def _answers(
    model: Model, samples: Samples, output: Port, size: int
) -> Iterator[tuple[str, Array, Array]]:
    """Each picture as the net takes it, and its answer."""
    for batch in samples.batches(size):
        answers = model(batch.feeds, (output,))[output.name]
        (seen,) = batch.feeds.values()
        yield from zip(batch.sources, seen, answers, strict=True)


def _name(stem: str, taken: set[str]) -> str:
    """A file's name that no other has."""
    name, number = f"{stem}.png", 2
    while name in taken:
        name, number = f"{stem}-{number}.png", number + 1
    taken.add(name)
    return name
