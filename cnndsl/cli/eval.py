"""`cnndsl eval`: how right a trained model is."""

from __future__ import annotations

import warnings
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnndsl.cli.eval_run import as_json, as_text, check_unused
from cnndsl.cli.options import device_options, labels_options, read_size
from cnndsl.cli.output import echo
from cnndsl.cli.pictures import picture_options, read_preprocessing, remark_taken
from cnndsl.cli.train_options import FOLDER
from cnndsl.cli.trained import data_for, model_path
from cnndsl.diagnostics import UsageError
from cnndsl.printing import json_text, printable

if TYPE_CHECKING:
    from cnndsl.data.dataset import DataSet
    from cnndsl.training.scoring import Unknown, Verdict

VERSION = 1
FILE = click.Path(dir_okay=False, path_type=Path)
_NAMED = 5  # classes or pictures that one line lists


@click.command(short_help="Judge a trained model on data.")
@click.argument("model")
@click.option("--data", help="By default that of the run.")
@click.option("--data-dir", type=FOLDER, help="Where built-in data sets lie.")
@click.option("--split", help="By default test, else val, else everything.")
@labels_options
@click.option(
    "--unknown",
    type=click.Choice(["wrong", "left-out"]),
    default="wrong",
    show_default=True,
    help="What examples of classes are that the model doesn't have.",
)
@click.option("--size", metavar="HxW", help="The size of pictures where the model leaves it open.")
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True)
@device_options
@click.option("--classes", "by_class", is_flag=True, help="Figures for each class.")
@click.option("--predictions", type=FILE, help="Write answers to a CSV.")
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
    labels: Path | None,
    first: int,
    unknown: Unknown,
    size: str | None,
    batch: int,
    device: str,
    threads: int | None,
    by_class: bool,
    predictions: Path | None,
    form: str,
    assert_accuracy: float | None,
    **pictures: Any,
) -> None:
    """Judge MODEL, an .onnx file or the folder of a run, on data.

    An answer is the best of all classes that the model has. Its classes and the data's are matched
    by name. A run whose net gives back pictures is judged by how like them its answers are. Data
    without splits is judged whole.
    """
    from cnndsl.runtime.labels import read_labels
    from cnndsl.runtime.model import open_model
    from cnndsl.runtime.pictures import picture_input, usual_preprocessing, volume_input
    from cnndsl.training.run_evaluation import run_of
    from cnndsl.training.scoring import score

    warnings.simplefilter("ignore")  # libraries' remarks on odd pictures: errors say what matters
    path = model_path(model)
    found, trained_on = data_for(model, data, data_dir)
    split, shown = _split(found, split, own=data is None)
    if (run := run_of(path)) and run.judged_as_a_whole:
        given = {"labels": labels, "size": size, "predictions": predictions} | pictures
        check_unused(model, given)
        judged = run.judge(found, split, batch=batch, device=device, threads=threads)
        seen = _seen(split, shown) if trained_on else []
        echo((as_json if form == "json" else as_text)(found, shown, judged, seen))
        _assert_accuracy(judged.scores.get("accuracy"), assert_accuracy)
        return
    opened = open_model(path, device=device, threads=threads)
    if opened.targets != "classes":
        raise UsageError(
            f"`{model}` answers with no classes, and what judges other answers lies in its run's "
            f"folder: name that"
        )
    names = ("",) * first + read_labels(labels, whole=True) if labels else opened.labels
    how = read_preprocessing(pictures, opened.preprocessing, usual_preprocessing(opened))
    picture = volume_input(opened, how) or picture_input(opened, how, read_size(size))
    remark_taken(pictures, opened.name, opened.preprocessing, picture)
    verdict = score(
        opened,
        found,
        split,
        picture=picture,
        batch=batch if opened.batch is None else None,
        names=names,
        unknown=unknown,
    )
    notes = _notes(found, split, verdict, unknown)
    if trained_on:
        notes = _seen(split, shown) + notes
    if form == "json":
        echo(json_text(_as_json(found, shown, verdict, unknown, notes, by_class), indent=2))
    else:
        echo(_as_text(found, shown, verdict, notes, by_class))
    if predictions:
        write_predictions(predictions, found, split, verdict)
    _assert_accuracy(verdict.top1, assert_accuracy)


def _seen(split: str, shown: str) -> list[str]:
    """A note where the run's own data is judged."""
    rest = ", but for its validation split, which is judged without --data"
    said = f"the model was trained on these examples{rest if shown == 'all' else ''}"
    return [said] * (split == "train")


def _assert_accuracy(found: float | None, wanted: float | None) -> None:
    """Raise UsageError where right answers are fewer than were asked for, in percent."""
    if wanted is None:
        return
    if found is None:
        raise UsageError("--assert-accuracy is for models whose answers are classes")
    if 100 * found < wanted:
        raise UsageError(f"the accuracy is {100 * found:.2f} %, and {wanted:g} % was asked for")


def _split(data: DataSet, split: str | None, *, own: bool) -> tuple[str, str]:
    """The split to judge on, and what it is called: "all" where there are no splits."""
    whole = not own and list(data.splits) == ["train"]
    if split is None:
        split = next(name for name in ("test", "val", "train") if name in data)
        return split, "all" if whole else split
    if whole and split not in data:
        raise UsageError(
            f"{data.name} has no split `{split}`; without --split everything in it is judged"
        )
    return split, split


def write_predictions(path: Path, data: DataSet, split: str, verdict: Verdict) -> None:
    """A row an example: its name, its class, the answer, and how sure it was; no answer and no
    probability where the model's values have a NaN among them.
    """
    from cnndsl.training.folder import write_csv

    part, names = data[split], (*verdict.labels, "")
    rows: list[dict[str, str]] = [
        {
            "example": part.name_of(number),
            "label": names[target],
            "answer": names[answer],
            "probability": f"{confidence:.6f}" if isfinite(confidence) else "",
        }
        for number, target, answer, confidence in zip(
            verdict.numbers.tolist(),
            verdict.targets.tolist(),
            verdict.answers.tolist(),
            verdict.confidences.tolist(),
            strict=True,
        )
    ]
    write_csv(path, ["example", "label", "answer", "probability"], rows)


def _notes(data: DataSet, split: str, verdict: Verdict, unknown: Unknown) -> list[str]:
    """What a reader of the figures should know, a sentence each."""
    notes = [*data.notes, *verdict.matching.notes]
    counts = data[split].class_counts(data.classes)
    missing = [n for n in verdict.matching.unknown if counts[n]]
    examples = int(counts[missing].sum())
    if missing:
        which = _listed([f"`{data.labels[n]}`" for n in missing])
        if unknown == "left-out":
            effect = f"its {examples:,} examples are left out"
        else:
            effect = (
                f"its {examples:,} examples count as wrong (--unknown left-out leaves them out), "
                f"and the loss is that of the other {verdict.known:,}"
            )
        many = len(missing) > 1
        notes.append(
            f"the model doesn't have the class{'es' * many} {which}: "
            f"{effect.replace('its', 'their') if many else effect}"
        )
    if verdict.ties:
        notes.append(
            f"{verdict.ties:,} examples have several best classes: such an answer counts as much "
            f"as a draw by lot would"
        )
    if verdict.unanswered:
        notes.append(
            f"{verdict.unanswered:,} examples have a NaN among the model's values: no right answers"
        )
    if verdict.unreadable:
        reasons = _listed([*verdict.unreadable.values()])
        notes.append(f"left out {len(verdict.unreadable):,} that can't be read: {reasons}")
    return notes


def _listed(words: list[str]) -> str:
    more = f" and {len(words) - _NAMED:,} more" if len(words) > _NAMED else ""
    return f"{', '.join(words[:_NAMED])}{more}"


def _as_text(data: DataSet, split: str, verdict: Verdict, notes: list[str], by_class: bool) -> str:
    top5 = f", top-5 {100 * verdict.top5:.2f} %" if verdict.classes > 5 else ""
    loss = "–" if verdict.loss is None else f"{verdict.loss:.4f}"
    lines = [
        f"{data.name}, {split}: {verdict.examples:,} examples, loss {loss}, "
        f"top-1 {100 * verdict.top1:.2f} %{top5}",
        *(f"note: {note}" for note in notes),
    ]
    if by_class:
        width = max(map(len, data.labels))
        lines.append(f"  {'class':<{width}}  examples     found  right when said")
        for entry in _classes(data, verdict):
            found, right = (_percent(entry[name]) for name in ("recall", "precision"))
            lines.append(
                f"  {entry['label']:<{width}}  {entry['examples']:>8}{found:>10}{right:>17}"
            )
        if others := _others(data, verdict):
            some = _listed([f"`{label}` {count:,}" for label, count in others.items()])
            lines.append(f"  answers that are no class of the data: {some}")
    return "\n".join(map(printable, lines))


def _as_json(
    data: DataSet,
    split: str,
    verdict: Verdict,
    unknown: Unknown,
    notes: list[str],
    by_class: bool,
) -> dict[str, Any]:
    finite = verdict.loss is not None and isfinite(verdict.loss)
    content: dict[str, Any] = {
        "version": VERSION,
        "data": data.name,
        "split": split,
        "examples": verdict.examples,
        "loss": verdict.loss if finite else None,
        "top1": verdict.top1,
        "top5": verdict.top5,
        "unknown": [data.labels[n] for n in verdict.matching.unknown],
        "unknown_examples": unknown,
        "unreadable": [{"name": n, "reason": why} for n, why in verdict.unreadable.items()],
        "notes": notes,
    }
    if by_class:
        content["classes"] = _classes(data, verdict)
        content["answers"] = [*verdict.labels, None]
        content["confusion"] = verdict.counts.tolist()
    return content


def _others(data: DataSet, verdict: Verdict) -> dict[str, int]:
    """How often the model answered with classes that the data doesn't have, commonest first."""
    counts = verdict.counts.sum(axis=0)[data.classes : -1].tolist()
    others = zip(verdict.labels[data.classes :], counts, strict=True)
    return dict(sorted(others, key=lambda pair: -pair[1]))


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
