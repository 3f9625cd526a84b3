"""How good a run's best weights are where answers are no classes: by the run's own graph of
evaluation, so that the loss on its validation split is the very one of the training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnndsl.data.arrays import Volume
from cnndsl.data.dataset import DataSet
from cnndsl.data.fitting import check_volumes
from cnndsl.data.masks import MaskArrays, MaskFiles
from cnndsl.data.pipeline import nothing_read
from cnndsl.data.targets import (
    Classes,
    Masks,
    Numbers,
    Pictures,
    RegionScorer,
    RegionScores,
    Target,
)
from cnndsl.diagnostics import UsageError
from cnndsl.files import check_ordinary
from cnndsl.preprocessing import Preprocessing
from cnndsl.training.assembly import EVALUATION
from cnndsl.training.config import read_config
from cnndsl.training.evaluation import Evaluator
from cnndsl.training.feeding import EvaluationFeed
from cnndsl.training.folder import RunFolder
from cnndsl.training.layout import Layout
from cnndsl.training.losses import TARGET
from cnndsl.training.matching import match_classes
from cnndsl.training.networks import kept_adapter
from cnndsl.training.progress import Scores
from cnndsl.training.state import Weights
from cnndsl.training.tasks import target_for
from cnndsl.weights.save import read_tensors

_NAMED = 5


@dataclass(frozen=True, slots=True)
class RunScores:
    """The scores of a split, loss and its parts first, over so many examples; pictures that can't
    be read by name, and why; the scores of each class where answers are masks; remarks on how the
    classes of masks were matched.
    """

    target: Target
    scores: Scores
    examples: int
    unreadable: Mapping[str, str]
    by_class: Sequence[RegionScores] = ()
    notes: Sequence[str] = ()


class Run:
    """A run that has kept its best weights; `word` is its kind of target. Raises UsageError."""

    def __init__(self, path: Path):
        self.folder = RunFolder.open(path)
        self._about = self.folder.data_record()
        self.word = str(self._about.get("targets", Classes.word))

    @property
    def judged_as_a_whole(self) -> bool:
        """Whether its answers are something else than a class for each picture."""
        return self.word != Classes.word

    @property
    def gives_numbers(self) -> bool:
        """Whether its answers are numbers, or pictures, that the data has."""
        return self.word in (Numbers.word, Pictures.word)

    @property
    def volume(self) -> Volume | None:
        """What it takes, where that is volumes. Raises UsageError."""
        return kept_adapter(self.folder.path).volume

    def judge(
        self, data: DataSet, split: str, *, batch: int, device: str, threads: int | None
    ) -> RunScores:
        """Ask the best weights about every example of a split. Raises UsageError."""
        adapter, config = kept_adapter(self.folder.path), read_config(self.folder.config)
        has = {
            Numbers.word: not (data.classes or data.pixels or data.paired),
            Pictures.word: data.paired,
        }
        if not has.get(self.word, True):
            raise UsageError(
                f"`{self.folder.path}` answers with {self.word}, and {data.name} has none"
            )
        notes: Sequence[str] = ()
        if self.word == Masks.word:
            data, notes = self._in_own_classes(data, split)
        picture = adapter.picture(self._preprocessing())
        check_volumes(data, picture)
        target = target_for(config, adapter, data, picture)
        values, _ = read_tensors(self.folder.best_weights)
        weights = Weights(Layout({}), {n: v.shape for n, v in values.items()}, {}, device)
        weights.write(values)
        graph = self.folder.graphs / EVALUATION
        check_ordinary(graph)
        evaluator = Evaluator(graph.read_bytes(), weights, None, threads)
        slots = evaluator.slots(TARGET)
        feed = EvaluationFeed(data[split], picture, target, slots, batch)
        try:
            answer = adapter.answer
            scorer = target.scorer() if answer else None
            scores = evaluator.scores(feed, scorer, answer or "")
            unreadable = dict(sorted(feed.loader.skipped.items()))
        finally:
            feed.close()
        if not scores:
            raise UsageError(f"split `{split}`: {nothing_read(len(data[split]), unreadable)}")
        by_class = scorer.by_class() if isinstance(scorer, RegionScorer) else []
        count = len(data[split]) - len(unreadable)
        return RunScores(target, scores, count, unreadable, by_class, notes)

    def _in_own_classes(self, data: DataSet, split: str) -> tuple[DataSet, Sequence[str]]:
        """Data whose masks have the numbers of the run's classes, matched by name, and remarks.
        Raises UsageError where there are other classes.
        """
        if not data.pixels:
            raise UsageError(f"`{self.folder.path}` answers with masks, and {data.name} has none")
        own = tuple(map(str, self._about.get("labels", ())))
        if not own:
            raise UsageError(f"`{self.folder.data}` is damaged: it names no classes")
        part, run = data[split], f"`{self.folder.path}`"
        matching = match_classes(run, own, len(own), data.name, data.pixels)
        if unknown := [f"`{data.pixels[n]}`" for n in matching.unknown]:
            raise UsageError(
                f"{data.name} has masks of {', '.join(unknown[:_NAMED])}, which "
                f"{run} doesn't tell apart: it has {', '.join(f'`{n}`' for n in own[:_NAMED])}"
                f"{', …' * (len(own) > _NAMED)}"
            )
        numbers = np.arange(256, dtype=np.uint8)
        numbers[: len(data.pixels)] = [n for n in matching.columns if n is not None]
        assert isinstance(part.answers, MaskFiles | MaskArrays)
        part = replace(part, answers=part.answers.renumbered(numbers))
        return replace(data, splits={split: part}, pixels=own), matching.notes

    def _preprocessing(self) -> Preprocessing:
        """What the run's pictures became. Raises UsageError."""
        try:
            return Preprocessing.from_json(json.dumps(self._about["preprocessing"]))
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"`{self.folder.data}` is damaged: it has no preprocessing") from None


def run_of(model: Path) -> Run | None:
    """The run whose folder or best model that is; None for others. Raises UsageError."""
    folder = model if model.is_dir() else model.parent
    own = model.is_dir() or model.name == RunFolder(folder).best_model.name
    return Run(folder) if own and RunFolder(folder).config.is_file() else None
