"""Run folders as a training leaves them, without the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnndsl.training.checkpointer import results
from cnndsl.training.config import Config, write_config
from cnndsl.training.folder import RunFolder, write_csv, write_json
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.progress import Epoch, Progress, Scores

NET = """cnndsl 1
net Tiny(classes=4)
input image 1@8x8
conv 3x3 8 p1 relu -> pool 2x2 s2
logits: fc classes
output logits
"""
PARAMETERS, MACS = 9 * 8 + 8 + 8 * 4 * 4 * 4 + 4, 9 * 8 * 8 * 8 + 8 * 4 * 4 * 4


def epoch(number: int, train: Scores, val: Scores, seconds: float = 1.5) -> Epoch:
    return Epoch(number, 10 * number, 0.1 / number, train, val, seconds, 100.0)


def epochs(scores: Sequence[float], losses: Sequence[float], name: str = "top1") -> list[Epoch]:
    """Epochs with such scores and losses of validation, and half of them in training."""
    return [
        epoch(n, {"loss": loss / 2, name: score / 2}, {"loss": loss, name: score})
        for n, (score, loss) in enumerate(zip(scores, losses, strict=True), 1)
    ]


def write_run(
    path: Path,
    over: Sequence[Epoch] = (),
    *,
    test: Scores | None = None,
    ended: Any = "epochs",
    net: str = NET,
    spec: str = "tiny.cnn",
    data: str = "quarters",
    settings: Mapping[str, int | float | str] | None = None,
    **training: Any,
) -> Path:
    """A run of the epochs that are over; further arguments are fields of TrainingChoice."""
    path.mkdir(parents=True)
    folder = RunFolder(path)
    chosen: dict[str, Any] = {"epochs": max(len(over), 1), "learning_rate": 0.1, **training}
    choice = TrainingChoice(**chosen)
    model = ModelChoice(spec, settings or {})
    fingerprint = f"{data} {choice.seed}"  # the split follows from the seed
    write_config(Config(model, DataChoice(data, fingerprint=fingerprint), choice), folder.config)
    folder.network.write_text(net)
    if over:
        rows = [epoch.row() for epoch in over]
        write_csv(folder.metrics, list(dict.fromkeys(n for row in rows for n in row)), rows)
        progress = Progress(100, list(over), seconds=sum(e.seconds for e in over), ended=ended)
        facts = {
            "model": spec,
            "data": Path(data).name,
            "targets": "classes",
            "trained_parameters": 7,
        }
        write_json(folder.results, results(progress, facts, test))
    return path
