"""How good a run's best weights are where answers are no classes: by the run's own graph of
evaluation, so that the loss on its validation split is the very one of the training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cnndsl.data.dataset import DataSet
from cnndsl.data.targets import Classes, Masks, PictureItself, RegionJudge, RegionScores, Target
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
from cnndsl.training.networks import kept_adapter
from cnndsl.training.progress import Scores
from cnndsl.training.state import Weights
from cnndsl.training.tasks import target_for
from cnndsl.weights.save import read_tensors


@dataclass(frozen=True, slots=True)
class Judged:
    """The scores of a split, loss and its parts first, over so many examples; pictures that can't
    be read by name, and why; the scores of each class where answers are masks.
    """

    target: Target
    scores: Scores
    examples: int
    unreadable: Mapping[str, str]
    by_class: Sequence[RegionScores] = ()


class Run:
    """A run that has kept its best weights; `word` is its kind of target. Raises UsageError."""

    def __init__(self, path: Path):
        self.folder = RunFolder.open(path)
        self._about = _about(self.folder.data)
        self.word = str(self._about.get("targets", Classes.word))

    @property
    def judged_as_a_whole(self) -> bool:
        """Whether its answers are something else than a class for each picture."""
        return self.word != Classes.word

    @property
    def gives_pictures(self) -> bool:
        """Whether its answers can be looked at."""
        return self.word in (PictureItself.word, Masks.word)

    def judge(
        self, data: DataSet, split: str, *, batch: int, device: str, threads: int | None
    ) -> Judged:
        """Ask the best weights about every example of a split. Raises UsageError."""
        adapter, config = kept_adapter(self.folder.path), read_config(self.folder.config)
        self._check_masks(data)
        picture = adapter.picture(self._preprocessing())
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
            judge = target.judge() if answer else None
            scores = evaluator.scores(feed, judge, answer or "")
            unreadable = dict(sorted(feed.loader.skipped.items()))
        finally:
            feed.close()
        if not scores:
            raise UsageError(f"none of the pictures in split `{split}` can be read")
        by_class = judge.by_class() if isinstance(judge, RegionJudge) else []
        count = len(data[split]) - len(unreadable)
        return Judged(target, scores, count, unreadable, by_class)

    def _check_masks(self, data: DataSet) -> None:
        """Raise UsageError unless the data's masks have the run's classes."""
        if self.word != Masks.word:
            return
        if not data.pixels:
            raise UsageError(f"`{self.folder.path}` answers with masks, and {data.name} has none")
        known = list(map(str, self._about.get("labels", ())))
        if list(data.pixels) != known:
            raise UsageError(
                f"`{self.folder.path}` was trained on masks of {len(known)} classes "
                f"({', '.join(known[:4])}{', …' * (len(known) > 4)}), and those of {data.name} are "
                f"others: {', '.join(data.pixels[:4])}{', …' * (len(data.pixels) > 4)}"
            )

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


def _about(path: Path) -> Mapping[str, Any]:
    """What a run says of its data; nothing where that is damaged."""
    try:
        check_ordinary(path)
        found: object = json.loads(path.read_text(encoding="utf-8"))
    except (UsageError, OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
