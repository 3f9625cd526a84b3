"""What is wanted, and what follows from it: the strategy, and every number of the training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cnndsl.data.dataset import DataSet
from cnndsl.diagnostics import UsageError
from cnndsl.training.adapters import SpecAdapter
from cnndsl.training.config import Config
from cnndsl.training.options import HeadKind, Pool, Strategy, TransferChoice
from cnndsl.training.settings import configure
from cnndsl.training.stages import Stage
from cnndsl.transfer.heads import Renewed
from cnndsl.transfer.pretrained import Pretrained
from cnndsl.transfer.strategies import DEFAULTS, SMALL_SET, choose, fine_rate, stages


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted: a net with its weights, data, a strategy, and options that were given.

    `options` are arguments of `configure`; where one is missing, the strategy's default is taken.
    `similar` is whether the data is like what the net knows, for "auto" alone.
    """

    model: str
    data: str
    strategy: Strategy | Literal["auto"] = "auto"
    head: HeadKind = "linear"
    at: str | None = None
    pool: Pool = "mean"
    similar: bool = True
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def for_head(self) -> Request:
        """The same for a head that is fitted to features: its recipe is none of the options'."""
        return replace(self, options={n: v for n, v in self.options.items() if n in _OF_ANY})


_OF_ANY = (
    *("seed", "device", "threads"),
    *("settings", "input_shapes", "weights", "data_dir", "preprocessing"),
)


def decided(
    request: Request, data: DataSet, found: Pretrained
) -> tuple[Request, Strategy, list[str]]:
    """The request with what "auto" means in its place, the strategy, and why. Raises UsageError."""
    trained = found.weights is not None
    if request.pool != "mean" and request.at is None:
        raise UsageError("--pool is for the maps of an earlier layer: name one by --at")
    if request.strategy != "auto":
        if not trained and request.strategy != "scratch":
            raise UsageError(
                f"`{request.model}` is a spec, so it has no weights to start from: name a file by "
                f"--weights, or take --strategy scratch"
            )
        if request.strategy != "features" and request.head == "logistic":
            raise UsageError("--head logistic is fitted to features: take --strategy features")
        return request, request.strategy, []
    chosen = choose(data, found.network, request.similar, trained)
    if request.head == "logistic":
        chosen = replace(chosen, strategy="features", why="--head logistic is fitted to features")
    at = request.at or chosen.at
    words = f"strategy {chosen.strategy}{f' at {at}' if at else ''}: {chosen.why}"
    return replace(request, at=at), chosen.strategy, [words]


def configured(request: Request, strategy: Strategy, data: DataSet | None = None) -> Config:
    """The options that were given over the strategy's defaults."""
    small = data is not None and len(data.train) < SMALL_SET
    options: dict[str, Any] = {
        "batch": 16 if small and strategy != "features" else 32,
        **DEFAULTS[strategy],
        **request.options,
    }
    return configure(request.model, request.data, **options)


def with_stages(
    config: Config,
    request: Request,
    strategy: Strategy,
    renewed: Renewed,
    adapter: SpecAdapter,
) -> Config:
    """The configuration with the strategy's stages, where none are given."""
    choice = TransferChoice(strategy, request.head, request.at, request.pool)
    if strategy in ("features", "scratch"):
        if strategy == "features" and config.data.augment != "none":
            raise UsageError(
                "features are made once of each picture, so they can't be augmented: leave "
                "--augment out, or take --strategy last"
            )
        if request.head == "logistic":
            config = config.with_training(epochs=1)
        return replace(config, transfer=choice)
    kept, planned = config.model.freeze, config.stages
    config = replace(config, transfer=choice)
    if config.training.learning_rate is None:
        rate = fine_rate(config.optimiser.word, adapter.layers, adapter.has_norms)
        config = config.with_training(learning_rate=rate)
    if config.model.gradual or (strategy == "full" and not planned):
        return config  # all but what --freeze names
    if not planned:
        planned = stages(strategy, renewed, adapter.parameters, config.training.epochs, kept)
    if all(stage.after for stage in planned):
        planned = (Stage(0, renewed.layers), *planned)
    model = replace(config.model, freeze=tuple(dict.fromkeys((*kept, "*"))))
    return replace(config, model=model, stages=planned)
