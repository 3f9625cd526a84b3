"""What `cnndsl eval` says about a run whose answers are something else than classes of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

from cnndsl.diagnostics import UsageError
from cnndsl.printing import json_text, printable

if TYPE_CHECKING:
    from cnndsl.data.dataset import DataSet
    from cnndsl.training.run_evaluation import RunScores

VERSION = 1
_NAMED = 5


def check_unused(model: str, given: Mapping[str, Any]) -> None:
    """Raise UsageError for options that such a run has no use for."""
    for name, value in given.items():
        if value not in (None, (), False):
            raise UsageError(
                f"--{name.replace('_', '-')} is for models that answer with classes; `{model}` is "
                f"judged as its training judged it"
            )


def as_text(data: DataSet, split: str, judged: RunScores, notes: Sequence[str]) -> str:
    """A line of scores, notes, and a table of the classes of masks."""
    from cnndsl.data.targets import SCORES

    shown = [f"loss {judged.scores['loss']:.4f}"] if "loss" in judged.scores else []
    shown += [
        f"{s.title} {s.text(judged.scores[n])}" for n, s in SCORES.items() if n in judged.scores
    ]
    many = "s" * (judged.examples != 1)
    lines = [f"{data.name}, {split}: {judged.examples:,} example{many}, {', '.join(shown)}"]
    lines += [f"note: {note}" for note in _notes(data, judged, notes)]
    if judged.by_class:
        width = max(5, *(len(entry.label) for entry in judged.by_class))
        lines.append(f"  {'class':<{width}}{'pixels':>12}{'IoU':>10}{'Dice':>10}")
        percent = SCORES["iou"].text
        lines += [
            f"  {r.label:<{width}}{r.pixels:>12,}{percent(r.iou):>10}{percent(r.dice):>10}"
            for r in judged.by_class
        ]
    return "\n".join(map(printable, lines))


def as_json(data: DataSet, split: str, judged: RunScores, notes: Sequence[str]) -> str:
    """Everything, for programs."""
    scores = {n: v if isfinite(v) else None for n, v in judged.scores.items()}
    content = {
        "version": VERSION,
        "data": data.name,
        "split": split,
        "examples": judged.examples,
        "targets": judged.target.word,
        **scores,
        "classes": [asdict(entry) for entry in judged.by_class],
        "unreadable": [{"name": n, "reason": why} for n, why in judged.unreadable.items()],
        "notes": _notes(data, judged, notes),
    }
    return json_text(content, indent=2)


def _notes(data: DataSet, judged: RunScores, notes: Sequence[str]) -> list[str]:
    found = [*notes, *data.notes, *judged.notes]
    absent = [f"`{r.label}`" for r in judged.by_class if r.iou is None]
    if absent:
        some = ", ".join(absent[:_NAMED]) + ", …" * (len(absent) > _NAMED)
        found.append(f"neither masks nor answers have {some}: left out of the means")
    return found + [f"left out: {reason}" for reason in judged.unreadable.values()]
