"""All parts of a training, put together from its configuration."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import numpy as np

from cnndsl.data.dataset import Split
from cnndsl.data.showing import Pixels
from cnndsl.data.targets import PictureTarget, RegionScorer, RegionScores
from cnndsl.diagnostics import UsageError
from cnndsl.files import check_ordinary
from cnndsl.graphs.liveness import peak_bytes
from cnndsl.runtime.session import Array, check_device
from cnndsl.training.adapters import ModelAdapter
from cnndsl.training.averaging import Average
from cnndsl.training.blocks import blocks, depth_factors
from cnndsl.training.checkpoint import gathered, restore
from cnndsl.training.config import Config
from cnndsl.training.environment import machine_memory
from cnndsl.training.error_analysis import Misclassification
from cnndsl.training.evaluation import Evaluator
from cnndsl.training.export import export
from cnndsl.training.feeding import EvaluationFeed, TrainingFeed, plan_epoch
from cnndsl.training.graphs import TrainingGraphs, made_for
from cnndsl.training.groups import arrange, check_rates, rate_of
from cnndsl.training.losses import Recipe
from cnndsl.training.progress import Progress, Scores
from cnndsl.training.schedules import LearningRate, Moment
from cnndsl.training.stages import Plan, gradual
from cnndsl.training.state import Weights
from cnndsl.training.tasks import Task, class_weights
from cnndsl.training.train_step import StepSettings, TrainStep
from cnndsl.training.tuning import planner
from cnndsl.weights import load
from cnndsl.weights.save import Float

GRADIENT, EVALUATION = "grad.onnx", "evaluation.onnx"
WATCHED, MOST_WATCHED = "watched", 8


class Training:
    """The parts at work. A context manager: it lets go of the data's threads.

    `kept` is a folder with the graphs of a run that goes on: the same graphs, the same bits.
    `steps` are done already, which tells the stage. `inner` is what steps are done on where that
    isn't the task itself.
    """

    def __init__(
        self,
        config: Config,
        task: Task,
        kept: Path | None = None,
        steps: int = 0,
        inner: Task | None = None,
    ):
        check_device(config.training.device)
        self.config, self.task, self._kept = config, task, kept
        self.inner = inner = inner or task
        parameters = inner.adapter.parameters
        freeze, stages = config.model.freeze, config.stages
        if every := config.model.gradual:
            freeze = (*freeze, "*")
            stages = (*gradual(blocks(parameters), every), *stages)
        self.plan = Plan(freeze, stages, list(parameters))
        ever = [n for n in parameters if self.plan.is_trained(n, len(self.plan.stages) - 1)]
        check_rates(config.learning_rates, ever)
        decay = config.training.layer_decay
        self._depths = depth_factors(parameters, decay) if decay else dict.fromkeys(parameters, 1.0)
        self._closing = ExitStack()
        self._feeds: dict[str, EvaluationFeed] = {}
        choice = config.training
        division = plan_epoch(len(inner.data.train), choice.batch, choice.accumulate)
        self.stage = self.plan.number(steps and steps // division.steps)
        self.graphs = _graphs(config, inner, self.plan, self.stage, choice.batch)
        self.feed = TrainingFeed(
            inner.data.train,
            inner.picture,
            inner.target,
            self.graphs.targets,
            batch=choice.batch,
            seed=choice.seed,
            augmentation=inner.augmentation,
            accumulate=choice.accumulate,
        )
        self._closing.callback(self.feed.close)
        self._prepare()

    def advance(self, steps: int) -> None:
        """Go over to the next stage after so many steps: weights and states stay as they are."""
        tensors = gathered(self.train_step, self.average)
        self.stage += 1
        batch = self.config.training.batch
        self.graphs = _graphs(self.config, self.inner, self.plan, self.stage, batch)
        self._prepare()
        restore(tensors, self.train_step, self.average, steps)

    def _prepare(self) -> None:
        """Graphs, memory and sessions for the stage."""
        config, choice, graphs = self.config, self.config.training, self.graphs
        shapes = {name: p.shape for name, p in graphs.parameters.items()}
        layout, self.groups = arrange(
            {name: shapes[name] for name in graphs.trained},
            {name: p.role for name, p in graphs.parameters.items()},
            lambda name: rate_of(name, config.learning_rates) * self._depths[name],
            config.optimiser.weight_decay,
            lambda name: self.plan.since(name) * self.epoch_steps,
        )
        changing = {*graphs.trained, *graphs.statistics}
        self.weights = Weights(
            layout,
            {name: shape for name, shape in shapes.items() if name not in changing},
            {name: shapes[name] for name in graphs.statistics},
            choice.device,
        )
        with self._of_this_training():
            self.models = {
                **self._rest(),
                self.gradient_name: self._model(self.gradient_name, graphs.grad_bytes),
                EVALUATION: self._model(EVALUATION, graphs.evaluation_bytes),
            }
            self.train_step = TrainStep(
                self.models[self.gradient_name],
                {name: noise.kind for name, noise in graphs.noises.items()},
                self.weights,
                self.groups,
                config.optimiser,
                StepSettings(
                    choice.seed,
                    choice.accumulate,
                    choice.clip,
                    choice.threads,
                    graphs.class_weights,
                ),
                self.models.get(self.rest_name),
            )
            self.average = (
                Average(self.weights, choice.average, choice.threads) if choice.average else None
            )
            self.evaluator = Evaluator(
                self.models[EVALUATION], self.weights, self.average, choice.threads
            )

    @contextmanager
    def _of_this_training(self) -> Generator[None]:
        """Raise UsageError where a graph that was kept doesn't go with the weights: config.toml or
        the graph itself was changed, and whatever is missing then is raised by whoever looks first.
        """
        try:
            yield
        except (UsageError, OSError):
            raise
        except Exception as e:
            if self._kept is None:
                raise
            raise UsageError(
                f"`{self._kept}` holds graphs of another training than config.toml says "
                f"({type(e).__name__}: {e}): put back what was changed, or begin a new run"
            ) from None

    def _model(self, name: str, made: Callable[[], bytes]) -> bytes:
        """A graph of the stage: the one that is kept and was made for the same choices, else a new
        one.
        """
        kept = self._kept / name if self._kept else None
        return kept.read_bytes() if kept and self._fits(kept) else made()

    def _fits(self, kept: Path, unsaid: bool = False) -> bool:
        """Whether a graph is kept that was made for today's choices; `unsaid` is the answer for one
        of an older version, which doesn't say.
        """
        if not kept.exists():
            return False
        check_ordinary(kept)
        choices = made_for(kept)
        return unsaid if choices is None else choices == self.config.graph_choices()

    def _rest(self) -> dict[str, bytes]:
        """The gradient graph for an epoch's last batch, where that is smaller than the others."""
        size = self.feed.plan.rest
        if not size:
            return {}
        kept = self._kept
        lost = kept and not (kept / self.rest_name).exists()
        if kept and lost and self._fits(kept / self.gradient_name, unsaid=True):
            raise UsageError(
                f"`{kept.parent}` was begun by a version of cnndsl that left each epoch's last "
                f"{size} examples out, so this one can't go on with it: begin a new run"
            )

        def made() -> bytes:
            return _graphs(self.config, self.inner, self.plan, self.stage, size).grad_bytes()

        return {self.rest_name: self._model(self.rest_name, made)}

    @property
    def gradient_name(self) -> str:
        """The file of the stage's gradient graph."""
        return f"grad-{self.stage + 1}.onnx" if self.stage else GRADIENT

    @property
    def rest_name(self) -> str:
        """The file of the one for an epoch's last, smaller batch."""
        return self.gradient_name.replace("grad", "grad-rest")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._closing.close()

    @property
    def epoch_steps(self) -> int:
        """Steps in an epoch."""
        return self.feed.steps

    @property
    def rate(self) -> LearningRate:
        """The learning rate over the whole training."""
        choice = self.config.training
        warm_up = round(choice.warm_up * self.epoch_steps)
        assert choice.learning_rate is not None, "resolved when the run began"
        return LearningRate(choice.learning_rate, self.config.schedule, warm_up, self.plan.firsts)

    def rates(self, progress: Progress, points: int = 200) -> list[tuple[float, float]]:
        """The learning rate over the steps that were done, for a chart."""
        steps = self.config.training.epochs * self.epoch_steps
        places = np.unique(np.linspace(0, max(progress.steps - 1, 0), points).astype(int)).tolist()
        moments = (
            Moment(n, steps, self.epoch_steps, progress.losses[: n // self.epoch_steps])
            for n in places
        )
        return [(float(m.step), self.rate.at(m)) for m in moments]

    def split(self, name: str) -> EvaluationFeed:
        """A split to evaluate, in batches."""
        if name not in self._feeds:
            self._feeds[name] = self._feed(self.inner.data[name])
        return self._feeds[name]

    def evaluate(self) -> Scores:
        """Scores on the validation split; empty where there is none."""
        return self.scores("val") if "val" in self.inner.data else {}

    def scores(self, split: str) -> Scores:
        """Losses and all other scores on a split."""
        answer = self.inner.adapter.answer
        scorer = self.inner.target.scorer() if answer else None
        return self.evaluator.scores(self.split(split), scorer, answer or "")

    def regions(self, split: str) -> list[RegionScores]:
        """The scores of each class on a split, where answers are masks."""
        answer, scorer = self.inner.adapter.answer, self.inner.target.scorer()
        if not answer or not isinstance(scorer, RegionScorer):
            return []
        self.evaluator.scores(self.split(split), scorer, answer)
        return scorer.by_class()

    def drawn(self) -> dict[str, list[Pixels]]:
        """Some examples, and the answers of the weights as they are, as pictures by what they show,
        the answers last; none where answers are no pictures.
        """
        target, answer, data = self.inner.target, self.inner.adapter.answer, self.inner.data
        if not isinstance(target, PictureTarget) or not answer:
            return {}
        if WATCHED not in self._feeds:
            split = data["val" if "val" in data else "train"]
            chosen = np.unique(np.linspace(0, len(split) - 1, MOST_WATCHED).round().astype(int))
            self._feeds[WATCHED] = self._feed(split.part(chosen))
        drawn: dict[str, list[Pixels]] = {}
        for batch, values in self.evaluator.values(self._feeds[WATCHED], answer):
            for title, images in target.drawn(values, batch).items():
                drawn.setdefault(title, []).extend(images)
        return drawn

    def _feed(self, split: Split) -> EvaluationFeed:
        inner = self.inner
        feed = EvaluationFeed(
            split, inner.picture, inner.target, self.graphs.targets, self.config.training.batch
        )
        self._closing.callback(feed.close)
        return feed

    @property
    def untrained(self) -> int:
        """How many of the whole net's parameters stay as they are, statistics not counted."""
        every = self.task.adapter.parameters.values()
        trained = sum(self.graphs.parameters[name].size for name in self.graphs.trained)
        return sum(p.size for p in every if p.role != "statistic") - trained

    def skipped(self) -> dict[str, str]:
        """Pictures that couldn't be read so far, with the reason."""
        loaders = [self.feed.loader, *(feed.loader for feed in self._feeds.values())]
        return {name: why for loader in loaders for name, why in loader.skipped.items()}

    def start(self) -> None:
        """Put the weights where the training begins: those of a file, or the net's own."""
        self.weights.write(start_values(self.config, self.inner.adapter, self.graphs))

    def load(self, values: Mapping[str, Float]) -> None:
        """Put other weights in place, those that are evaluated too."""
        self.weights.write(values)
        if self.average:
            self.average.write(values)

    def whole(self, values: Mapping[str, Float]) -> Mapping[str, Float]:
        """The weights of the task's net, from those that are trained."""
        return values

    def sample(self) -> tuple[Array, Array | None]:
        """The first pictures that are trained on, as the net takes them, and their targets."""
        batch = next(self.feed.epoch(0, 0))
        return batch[self.task.picture.name], batch.get("target")

    def shown(self, split: str, errors: Sequence[Misclassification]) -> list[Array]:
        """The pictures of errors, as the net takes them."""
        return [error.picture for error in errors]

    def export(self, values: Mapping[str, Float], path: Path) -> None:
        """Write the weights of the whole net as an inference model."""
        task = self.task
        export(
            task.adapter,
            values,
            path,
            task.data.labels or task.data.pixels,
            task.picture.preprocessing,
            task.target.word,
        )


def start_values(config: Config, adapter: ModelAdapter, graphs: TrainingGraphs) -> dict[str, Float]:
    """Every parameter's first values. Raises UsageError where a file doesn't fit."""
    chosen = config.model
    start = adapter.start(chosen.init, config.training.seed)
    if not chosen.weights:
        return start
    given = load(adapter.weighed, chosen.weights, allow_missing=chosen.allow_missing).arrays()
    return {name: given.get(name, start[name]) for name in graphs.parameters}


def _graphs(config: Config, task: Task, plan: Plan, stage: int, batch: int) -> TrainingGraphs:
    """The stage's graphs for batches of that size."""
    choice, data = config.training, task.data
    recipe = Recipe(
        label_smoothing=choice.label_smoothing,
        class_weights=class_weights(choice.class_weights, data),
        clean=task.target.clean,
        ignoring=task.target.ignoring,
        epoch_steps=plan_epoch(len(data.train), choice.batch, choice.accumulate).steps,
    )
    graphs = task.adapter.graphs(
        batch,
        lambda name: plan.is_trained(name, stage),
        recipe,
        planner(config),
    )
    if choice.device == "cpu":
        _check_memory(graphs, batch)
    graphs.note_choices(config.graph_choices())
    classes = data.classes or len(data.pixels)
    if data.pixels and not graphs.classes and classes > 2 and graphs.targets:
        raise UsageError(
            f"the loss of {task.adapter.name} takes masks of two classes, and these have "
            f"{classes}; `loss cross_entropy(logits)` takes any number"
        )
    if classes and graphs.classes and graphs.classes != classes:
        raise UsageError(
            f"{task.adapter.name} tells {graphs.classes} classes apart, and the data has "
            f"{classes}; a spec whose last layer has a parameter `classes` adapts by itself"
        )
    return graphs


def _check_memory(graphs: TrainingGraphs, batch: int) -> None:
    """Raise UsageError where a step holds more than the machine has, before it is begun."""
    needed, there = peak_bytes(graphs.grad.graph), machine_memory()
    if there is not None and needed > there:
        fitting = batch * there // (2 * needed)
        advice = f"--batch {fitting}, or smaller inputs" if fitting else "smaller inputs"
        raise UsageError(
            f"a step of {batch} examples holds at least {needed / 1e9:,.1f} GB at once, and this "
            f"machine has {there / 1e9:,.1f} GB: take {advice}"
        )
