"""`cnndsl eval`: how right a trained model is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnndsl.cli.output import echo
from cnndsl.cli.pictures import picture_options, read_preprocessing, remark_taken
from cnndsl.cli.train_options import FOLDER
from cnndsl.cli.trained import data_for, model_path
from cnndsl.diagnostics import UsageError
from cnndsl.printing import json_text, printable

if TYPE_CHECKING:
    from cnndsl.data.dataset import DataSet
    from cnndsl.training.scoring import Verdict

VERSION = 1


@click.command(short_help="Judge a trained model on data.")
@click.argument("model")
@click.option("--data", help="By default that of the run.")
@click.option("--data-dir", type=FOLDER, help="Where built-in data sets lie.")
@click.option("--split", help="train, val or test; by default test, else val, else train.")
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--threads", type=click.IntRange(1, 1024), help="By default all cores.")
@click.option("--classes", "by_class", is_flag=True, help="Figures for each class.")
@click.option(
    "--predictions", type=click.Path(dir_okay=False, path_type=Path), help="Write answers to a CSV."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--assert-accuracy", type=click.FloatRange(0, 100), help="Else fail, in percent.")
@picture_options
def command(
    model: str,
    data: str | None,
    data_dir: Path | None,
    split: str | None,
    batch: int,
    device: str,
    threads: int | None,
    by_class: bool,
    predictions: Path | None,
    form: str,
    assert_accuracy: float | None,
    **pictures: Any,
) -> None:
    """Judge MODEL, an .onnx file or the folder of a run, on data with classes.

    Where model and data name their classes, these are matched by name.
    """
    from cnndsl.runtime.model import open_model
    from cnndsl.runtime.pictures import picture_input, usual_preprocessing
    from cnndsl.training.scoring import score

    opened = open_model(model_path(model), device=device, threads=threads)
    found = data_for(model, data, data_dir)
    split = split or next(name for name in ("test", "val", "train") if name in found)
    how = read_preprocessing(pictures, opened.preprocessing, usual_preprocessing(opened))
    picture = picture_input(opened, how)
    remark_taken(pictures, opened.name, opened.preprocessing, picture)
    verdict = score(
        opened, found, split, picture=picture, batch=batch if opened.batch is None else None
    )
    if form == "json":
        echo(_as_json(found, split, verdict, by_class))
    else:
        echo(_as_text(found, split, verdict, by_class))
    if predictions:
        write_predictions(predictions, found, split, verdict)
    if assert_accuracy is not None and 100 * verdict.top1 < assert_accuracy:
        raise UsageError(
            f"the accuracy is {100 * verdict.top1:.2f} %, and {assert_accuracy:g} % was asked for"
        )


def write_predictions(path: Path, data: DataSet, split: str, verdict: Verdict) -> None:
    """A row an example: its name, its class, the answer, and how sure it was."""
    from cnndsl.training.folder import write_csv

    part = data[split]
    rows: list[dict[str, str]] = [
        {
            "example": part.name_of(number),
            "label": data.labels[int(part.targets[number])],
            "answer": data.labels[answer],
            "probability": f"{confidence:.6f}",
        }
        for number, answer, confidence in zip(
            verdict.numbers.tolist(),
            verdict.answers.tolist(),
            verdict.confidences.tolist(),
            strict=True,
        )
    ]
    write_csv(path, ["example", "label", "answer", "probability"], rows)


def _as_text(data: DataSet, split: str, verdict: Verdict, by_class: bool) -> str:
    top5 = f", top-5 {100 * verdict.top5:.2f} %" if data.classes > 5 else ""
    lines = [
        f"{data.name}, {split}: {verdict.examples:,} examples, loss {verdict.loss:.4f}, "
        f"top-1 {100 * verdict.top1:.2f} %{top5}"
    ]
    if by_class:
        width = max(map(len, data.labels))
        lines.append(f"  {'class':<{width}}  examples     found  right when said")
        for entry in _classes(data, verdict):
            found, right = (_percent(entry[name]) for name in ("recall", "precision"))
            lines.append(
                f"  {entry['label']:<{width}}  {entry['examples']:>8}{found:>10}{right:>17}"
            )
    return "\n".join(map(printable, lines))


def _as_json(data: DataSet, split: str, verdict: Verdict, by_class: bool) -> str:
    content: dict[str, Any] = {
        "version": VERSION,
        "data": data.name,
        "split": split,
        "examples": verdict.examples,
        "loss": verdict.loss,
        "top1": verdict.top1,
        "top5": verdict.top5,
    }
    if by_class:
        content["classes"] = _classes(data, verdict)
        content["confusion"] = verdict.counts.tolist()
    return json_text(content, indent=2)


def _classes(data: DataSet, verdict: Verdict) -> list[dict[str, Any]]:
    from cnndsl.training.report.confusion import class_scores

    return [
        {
            "label": data.labels[c.number],
            "examples": c.examples,
            "recall": c.recall,
            "precision": c.precision,
        }
        for c in class_scores(verdict.counts)
    ]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"
