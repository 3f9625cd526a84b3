"""What a run's folder says about the run: everything before the first step, facts, a summary."""

from __future__ import annotations

import json
from typing import Any

from cnndsl.data.dataset import DataSet
from cnndsl.data.targets import SCORES
from cnndsl.diagnostics import UsageError
from cnndsl.files import check_ordinary, replaced
from cnndsl.preprocessing import Preprocessing
from cnndsl.training.adapters import ModelAdapter
from cnndsl.training.assembly import Training
from cnndsl.training.config import Config, write_config
from cnndsl.training.differences import COLUMNS, differences, rows
from cnndsl.training.environment import environment
from cnndsl.training.folder import RunFolder, write_csv, write_json, write_text
from cnndsl.training.progress import Progress, Scores
from cnndsl.training.tasks import Task, make_task
from cnndsl.training.train_step import NotFiniteError

ENDS = {
    "patience": "ended early, since no better epoch came; ",
    "time": "ended by the time limit; ",
    "stopped": "stopped by a callback; ",
}


def describe_run(folder: RunFolder, training: Training) -> None:
    """Everything that is known before the first step."""
    config, task = training.config, training.task
    data = task.data
    labels = data.labels or data.pixels
    task.adapter.keep(folder)
    write_json(folder.environment, environment())
    how = task.picture.preprocessing.as_dict()
    write_json(
        folder.data,
        {
            "name": data.name,
            "kind": data.kind,
            "targets": task.target.word,
            "labels": labels,
            "examples": {name: len(split) for name, split in data.splits.items()},
            "made": data.made,
            "preprocessing": how,
        },
    )
    write_text(folder.labels, "".join(f"{label}\n" for label in labels))
    write_csv(folder.split, COLUMNS, rows(data))
    with replaced(folder.graphs / "apply.onnx") as file:
        file.write(config.optimiser.kernel().model())
    write_config(config, folder.config)
    folder.note(f"begun with cnndsl {environment()['packages']}")


def write_graphs(folder: RunFolder, training: Training) -> None:
    """The graphs of the stage that the training is in. Raises OSError."""
    for name, model in training.models.items():
        with replaced(folder.graphs / name) as file:
            file.write(model)


def kept_task(folder: RunFolder, config: Config, adapter: ModelAdapter, data: DataSet) -> Task:
    """Net, data and preprocessing of a run that began before. Raises UsageError."""
    try:
        check_ordinary(folder.data)
        about: Any = json.loads(folder.data.read_text(encoding="utf-8"))
        how = Preprocessing.from_json(json.dumps(about["preprocessing"]))
        labels: list[str] = list(map(str, about.get("labels", ())))
    except OSError as e:
        raise UsageError(f"`{folder.data}` can't be read: {e.strerror or e}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"`{folder.data}` is damaged: it doesn't say what the run was") from None
    if not data.is_what(config.data.fingerprint):
        if data.labels and labels != list(data.labels) and set(labels) == set(data.labels):
            raise UsageError(
                f"the classes at `{config.data.path}` are in another order than when the run began "
                f"(numbers in names sort by value now, `2` before `10`), so its weights don't fit "
                f"them: begin a new run. `cnndsl eval` and `predict` take the run as it is"
            )
        what = differences(folder.split, data) or data.describe()
        raise UsageError(
            f"the data at `{config.data.path}` isn't what the run began with: {what}. Put it back, "
            f"name where it is now by --data, or begin a new run"
        )
    return make_task(config, adapter, data, how, {})


def facts(training: Training) -> dict[str, Any]:
    """What results.json says beside figures."""
    config, task = training.config, training.task
    return {
        "model": config.model.spec,
        "data": task.data.name,
        "classes": task.data.classes,
        "targets": task.target.word,
        "scores": list(task.target.shown),
        "trained_parameters": sum(
            training.graphs.parameters[name].size for name in training.graphs.trained
        ),
        **({"strategy": config.transfer.strategy} if config.transfer else {}),
        "seed": config.training.seed,
        "device": config.training.device,
    }


def summary(
    training: Training, folder: RunFolder, progress: Progress, test: Scores | None
) -> list[str]:
    """The last lines of a training."""
    best = progress.best
    lines = [f"{ENDS.get(progress.ended, '')}best epoch {best.number if best else '–'}"]
    if test:
        shown = [f"loss {test['loss']:.4f}"] if "loss" in test else []
        names = [n for n in SCORES if n in test and (n != "top5" or _ranks(training))]
        shown += [f"{SCORES[name].title} {SCORES[name].text(test[name])}" for name in names]
        lines.append(f"test       {', '.join(shown)}")
    return [*lines, f"model      {folder.best_model}", f"report     {folder.report}"]


def _ranks(training: Training) -> bool:
    """Whether being among the five best says anything."""
    return training.task.data.classes > 5


def not_finite(error: NotFiniteError, folder: RunFolder, progress: Progress) -> str:
    """What happened where the loss is no number, and what to do."""
    kept = f"`{folder.best_weights}` has the best weights, " if progress.epochs else ""
    return (
        f"{error.at(progress.steps)}. {kept}"
        f"{'t' if kept else 'T'}he run is kept in `{folder.path}`. Try a lower --lr, or --clip 1"
    )
