"""The end of a training: the best weights are put back and judged, and the report is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnndsl.data.showing import Pixels, pixels
from cnndsl.data.targets import SCORES, RegionScores
from cnndsl.files import replaced
from cnndsl.training.assembly import Training
from cnndsl.training.environment import environment
from cnndsl.training.error_analysis import Judgement, Misclassification, judge
from cnndsl.training.folder import RunFolder, write_text
from cnndsl.training.progress import Progress, Scores
from cnndsl.training.report import chart, confusion
from cnndsl.training.report.curves import curves
from cnndsl.training.report.page import Card, Picture, RunReport, as_page, standalone
from cnndsl.training.report.pictures import mosaic, picture, png
from cnndsl.training.screen import duration
from cnndsl.training.watching import strips
from cnndsl.weights.save import read_tensors

SAMPLE = 32


def finish(training: Training, folder: RunFolder, progress: Progress) -> Scores | None:
    """Judge the best weights and write plots and report; the test's scores, None without a test.

    Raises OSError.
    """
    values, _ = read_tensors(folder.best_weights)
    training.load(values)
    data = training.task.data
    test = training.scores("test") if "test" in data else None
    judged = next((name for name in ("test", "val") if name in data), None)
    judgement = _judge(training, judged) if judged and data.classes else None
    regions = training.regions(judged) if judged else []
    _write(training, folder, progress, judgement, regions, judged or "", test)
    return test


def _judge(training: Training, split: str) -> Judgement | None:
    """The confusion matrix and worst errors of a split; None where the net names no classes."""
    classes = training.task.data.classes
    output = training.evaluator.classifier(classes)
    if output is None or "target" not in training.graphs.targets:
        return None
    picture = training.inner.picture.name
    return judge(training.evaluator, training.split(split), picture, output, classes)


def _write(
    training: Training,
    folder: RunFolder,
    progress: Progress,
    judgement: Judgement | None,
    regions: Sequence[RegionScores],
    judged: str,
    test: Scores | None,
) -> None:
    task = training.task
    labels, how = task.data.labels, task.picture.preprocessing
    rates = training.rates(progress)
    errors = judgement.errors if judgement else []
    shown = [pixels(image, how) for image in training.shown(judged, errors)]
    sample, captions = _sample(training)
    folder.plots.mkdir(exist_ok=True)  # pictures are what people take away
    for drawn in curves(progress, rates):
        name = drawn.title.split(" over ")[0].replace(" ", "-")
        write_text(folder.plots / f"{name}.svg", standalone(chart.svg(drawn)))
    if judgement and (matrix := confusion.svg(judgement.counts, labels)):
        write_text(folder.plots / "confusion.svg", standalone(matrix))
    _write_mosaic(folder.plots / "errors.png", shown)
    _write_mosaic(folder.plots / "sample.png", sample)
    report = RunReport(
        title=f"{task.adapter.described} on {task.data.name}",
        subtitle=f"{folder.path.name}: {task.data.describe()}",
        cards=_cards(training, folder, progress, test),
        progress=progress,
        rates=tuple(rates),
        labels=labels,
        counts=judgement.counts if judgement else None,
        judged=judged,
        errors=tuple(_error(e, p, labels) for e, p in zip(errors, shown, strict=True)),
        strips=strips(training, folder, progress),
        legend=tuple((n, f"#{bytes(rgb).hex()}") for n, rgb in task.target.legend),
        regions=tuple(regions),
        sample=tuple(picture(p, c) for p, c in zip(sample, captions, strict=True)),
        config=folder.config.read_text(encoding="utf-8", errors="replace"),
        environment=json.dumps(environment(), indent=2, ensure_ascii=False),
    )
    write_text(folder.report, as_page(report))


def _sample(training: Training) -> tuple[list[Pixels], list[str]]:
    """The first pictures that the net was shown, with their classes."""
    task = training.task
    pictures, targets = training.sample()
    images = [pixels(image, task.picture.preprocessing) for image in pictures[:SAMPLE]]
    captions = [""] * len(images)
    if task.data.classes and targets is not None and targets.ndim == 1:
        captions = [task.data.labels[int(target)] for target in targets[:SAMPLE]]
    return images, captions[: len(images)]


def _error(error: Misclassification, shown: Pixels, labels: Sequence[str]) -> Picture:
    sure = f"{100 * error.confidence:.0f}\u00a0%"
    return picture(shown, labels[error.target], labels[error.answer], sure)


def _write_mosaic(path: Path, images: list[Pixels]) -> None:
    if images:
        with replaced(path) as file:
            file.write(png(mosaic(images)))


def _cards(
    training: Training, folder: RunFolder, progress: Progress, test: Scores | None
) -> tuple[Card, ...]:
    cards: list[Card] = []
    best, data = progress.best, training.task.data
    for name, scores in (("test", test), ("validation", best.val if best else None)):
        if scores and "top1" in scores:
            split = "test" if name == "test" else "val"
            meaning = f"right answers (top-1) of the best weights, of {len(data[split]):,}"
            cards.append(Card(f"{name} accuracy", f"{100 * scores['top1']:.2f} %", meaning))
        elif scores:
            cards.append(Card(f"{name} loss", f"{scores['loss']:.4g}", "of the best weights"))
            for key in (key for key in training.inner.target.shown[:2] if key in scores):
                figure = SCORES[key].text(scores[key])
                cards.append(Card(f"{name} {SCORES[key].title}", figure, "of the best weights"))
    if best:
        count = len(progress.epochs)
        why = {
            "patience": "ended early: no better epoch came",
            "time": "ended by the time limit",
            "stopped": "stopped by a callback",
        }
        meaning = why.get(progress.ended, "best weights, by validation")
        cards.append(Card("best epoch", f"{best.number} of {count}", meaning))
        cards.append(_time(training, folder, progress))
    trained = sum(training.graphs.parameters[name].size for name in training.graphs.trained)
    tensors, others = len(training.graphs.trained), training.untrained
    meaning = f"in {tensors} tensor{'s' * (tensors != 1)}"
    meaning += f"; {others:,} others stay as they are" if others else ""
    cards.append(Card("trained parameters", f"{trained:,}", meaning))
    return tuple(cards)


def _time(training: Training, folder: RunFolder, progress: Progress) -> Card:
    """All that the run took, features that it was trained on included, and what that went into."""
    made, config = folder.features_seconds(), training.config
    speed = float(np.median([epoch.images_per_second for epoch in progress.epochs]))
    how = [] if made is None else [f"{duration(made)} for the features of all pictures"]
    if config.transfer and config.transfer.strategy == "features":  # the steps see no pictures
        how.append(f"{duration(progress.seconds)} for the head on them")
    else:
        how += [f"{duration(progress.seconds)} for the epochs"] if how else []
        how.append(f"{speed:,.0f} images/s in training")
    figure = duration(progress.seconds + (made or 0))
    return Card("time", figure, ", ".join([*how, config.training.device]))
