"""`cnndsl predict`: which class a trained model sees in pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cnndsl.cli.options import device_options, labels_options
from cnndsl.cli.output import echo
from cnndsl.cli.pictures import picture_options, read_preprocessing, remark_taken
from cnndsl.cli.predict_lines import CLASSES, NUMBERS, NoAnswer, lines
from cnndsl.cli.predict_pictures import predict_pictures
from cnndsl.cli.predict_volumes import gather_volumes
from cnndsl.cli.trained import model_path
from cnndsl.cli.unreadable import check_all_read, named
from cnndsl.diagnostics import UsageError
from cnndsl.printing import encodable

if TYPE_CHECKING:
    from cnndsl.runtime import Model, Results, Samples
    from cnndsl.runtime.answers import Best, Extent
    from cnndsl.runtime.session import Array


@click.command(short_help="Name the classes of pictures.")
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--top", type=click.IntRange(min=1), default=1, show_default=True, help="Classes.")
@labels_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv", "json"]),
    help="By default text, or what the file's name says.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="A file instead of the screen, or a folder for answers that are pictures.",
)
@click.option("--batch", type=click.IntRange(min=1), help="Pictures at a time.")
@device_options
@picture_options
def command(
    model: str,
    inputs: tuple[str, ...],
    top: int,
    labels: Path | None,
    first: int,
    form: str | None,
    output: Path | None,
    batch: int | None,
    device: str,
    threads: int | None,
    **pictures: Any,
) -> None:
    """Name the class of each INPUT (pictures, or folders of them) as MODEL sees it.

    MODEL is an .onnx file or the folder of a run. What can't be read is named, and the exit status
    is 1 then; CSV and JSON say it too, under `error`. Of a model that learnt to answer with
    pictures or masks a line says what each is like, and -o names a folder for them; one that learnt
    numbers says them.
    """
    from cnndsl.data.targets import Masks, Numbers, PictureItself, Pictures
    from cnndsl.files import replaced
    from cnndsl.runtime import gather, open_model
    from cnndsl.runtime.labels import read_labels
    from cnndsl.runtime.pictures import usual_preprocessing, volume_input

    opened = open_model(model_path(model), device=device, threads=threads)
    names = ("",) * first + read_labels(labels) if labels else opened.labels
    how = read_preprocessing(pictures, opened.preprocessing, usual_preprocessing(opened))
    taken = volume_input(opened, how)
    if taken:
        samples = gather_volumes(opened, inputs, taken)
    else:
        samples = gather(opened, list(inputs), how, lenient=True)
    if samples.picture:
        remark_taken(pictures, opened.name, opened.preprocessing, samples.picture)
    if opened.targets in (Masks.word, PictureItself.word, Pictures.word):
        if form or (output and output.suffix):
            raise UsageError(f"`{model}` answers with pictures: -o names a folder for them")
        predict_pictures(opened, samples, batch, output)
        return
    if form is None:
        form = {".csv": "csv", ".json": "json"}.get(output.suffix if output else "", "text")
    if opened.targets == Numbers.word:
        said = lines(NUMBERS, form, _answers(opened, samples, batch, _numbers))
    else:
        found = _answers(opened, samples, batch, lambda r: _classes(opened, r, top, names))
        said = lines(CLASSES, form, found)
    if output is None:
        for line in said:
            echo(line)
    else:
        with replaced(output) as file:
            for line in said:
                file.write(encodable(f"{line}\n").encode())
    check_all_read(samples)


T = TypeVar("T")
Labels = tuple[str, ...] | None
Reader = tuple[str, "Callable[[Array], T]"]
"""The name of an output, and what is said about a row of it."""


def _without_best(found: Extent) -> str:
    values = f"{found.not_finite:,} of the model's {prod(found.shape):,} values"
    return f"no answer, since {values} are NaN or infinite"


def _answers(
    model: Model, samples: Samples, batch: int | None, read: Callable[[Results], Reader[T]]
) -> Iterator[tuple[str, T | str]]:
    """Each source's answer, in the order of the inputs; `read` says by the first results which
    output has it, and how.
    """
    from cnndsl.runtime import stream

    assert samples.unreadable is not None
    reader = None
    lost, told, place = samples.unreadable, 0, 0
    for results in named(stream(samples, model.choose(), batch), samples):
        output, said = reader = reader or read(results)
        for source, row in zip(results.sources, results[output], strict=True):
            while told < len(lost) and lost[told].place == place:
                yield lost[told].source, lost[told].reason
                told, place = told + 1, place + 1
            yield source, said(row)
            place += 1
    yield from ((entry.source, entry.reason) for entry in lost[told:])


def _classes(model: Model, results: Results, top: int, labels: Labels) -> Reader[Best | str]:
    """The best classes of the first output that has classes. Raises UsageError."""
    from cnndsl.runtime.answers import Best, answer, read_outputs

    readings = read_outputs(results, top=top, labels=labels)
    reading = next((r for r in readings if r.classes), None)
    if reading is None:
        raise UsageError(f"{model.name} has no output of classes; `cnndsl run` shows others")

    def said(row: Array) -> Best | str:
        best = answer(reading, row)
        return best if isinstance(best, Best) else NoAnswer(_without_best(best))

    return reading.output, said


def _numbers(results: Results) -> Reader[list[float]]:
    """All numbers of the first output."""
    return next(iter(results)), lambda row: row.reshape(-1).tolist()
