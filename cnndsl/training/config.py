"""Everything that defines a training: what the options said, and what was chosen for the rest.

`config.toml` in a run's folder has it all, so that the run can go on, or be done again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from cnndsl.autodiff.passes.precision import Precision
from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced
from cnndsl.training.choices import make_choice, write_choice
from cnndsl.training.optimisers import OPTIMISERS, Adamw, Optimiser
from cnndsl.training.schedules import SCHEDULES, OneCycle, Schedule
from cnndsl.training.stages import Stage
from cnndsl.training.toml import write_toml

HEAD = "# Written by cnndsl train; `cnndsl resume` reads it.\n\n"


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The net: a spec, zoo name or .onnx file, and where its weights start.

    `weights` is a file or a known name, and `allow_missing` are patterns of what it may lack. What
    no file gives is drawn by the rule `init` from the training's seed.
    """

    spec: str = ""
    settings: Mapping[str, int | float | str] = field(default_factory=dict[str, "int|float|str"])
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    weights: str | None = None
    allow_missing: tuple[str, ...] = ()
    init: str = "auto"
    freeze: tuple[str, ...] = ()
    gradual: int | None = None


@dataclass(frozen=True, slots=True)
class DataChoice:
    """The data, and what is done to it; `fingerprint` tells whether it is still the same."""

    path: str = ""
    folder: str | None = None
    augment: str = "none"
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class TrainingChoice:
    """How long, in what portions, with what beside the optimiser.

    Without a learning rate the default recipe chooses one for the net.
    """

    epochs: int = 10
    batch: int = 64
    accumulate: int = 1
    learning_rate: float | None = None
    warm_up: float = 0.0
    clip: float | None = None
    average: float | None = None
    label_smoothing: float = 0.0
    class_weights: str = "none"
    layer_decay: float | None = None
    seed: int = 0
    patience: int | None = None
    time_limit: float | None = None
    checkpoint_every: float | None = None
    device: str = "cpu"
    precision: Precision = "float32"
    threads: int | None = None
    deterministic: bool = False
    autotune: bool = False


@dataclass(frozen=True, slots=True)
class TransferChoice:
    """How a net for new data is made out of a trained one (`cnndsl transfer`)."""

    strategy: str = ""
    head: str = "linear"
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A whole training."""

    model: ModelChoice = field(default_factory=ModelChoice)
    data: DataChoice = field(default_factory=DataChoice)
    training: TrainingChoice = field(default_factory=TrainingChoice)
    optimiser: Optimiser = field(default_factory=Adamw)
    schedule: Schedule = field(default_factory=OneCycle)
    learning_rates: tuple[tuple[str, float], ...] = ()
    stages: tuple[Stage, ...] = ()
    transfer: TransferChoice | None = None

    def with_training(self, **changes: Any) -> Config:
        """The same but for some of `training`."""
        return replace(self, training=replace(self.training, **changes))

    def to_toml(self) -> str:
        """The whole as TOML."""
        tables = {name: _table(getattr(self, name)) for name in _TABLES}
        tables |= {name: write_choice(getattr(self, name)) for name in _CHOICES}
        if self.learning_rates:
            tables["learning_rates"] = dict(self.learning_rates)
        if self.stages:
            tables["stages"] = {
                str(stage.after): {"unfreeze": stage.patterns, "rate": stage.rate}
                for stage in self.stages
            }
        if self.transfer:
            tables["transfer"] = _table(self.transfer)
        return HEAD + write_toml(tables)

    @classmethod
    def from_toml(cls, text: str) -> Config:
        """What `to_toml` wrote. Raises UsageError."""
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as e:
            raise UsageError(f"it is no TOML: {e}") from None
        parts: dict[str, Any] = {}
        for name, kind in _TABLES.items():
            parts[name] = _from_table(name, kind, tables.pop(name, {}))
        for name, choices in _CHOICES.items():
            entries = dict(tables.pop(name, {}))
            word = str(entries.pop("name", ""))
            parts[name] = make_choice(name, word, entries, choices)
        rates = cast("dict[str, float]", tables.pop("learning_rates", {}))
        stages = _stages(tables.pop("stages", {}))
        transfer = None
        if "transfer" in tables:
            transfer = _from_table("transfer", TransferChoice, tables.pop("transfer"))
        if tables:
            raise UsageError(f"it has a table `{next(iter(tables))}`, which is not known here")
        learning_rates = tuple((p, float(r)) for p, r in rates.items())
        return cls(**parts, learning_rates=learning_rates, stages=stages, transfer=transfer)


_TABLES: dict[str, Any] = {"model": ModelChoice, "data": DataChoice, "training": TrainingChoice}
_CHOICES: dict[str, Mapping[str, Any]] = {"optimiser": OPTIMISERS, "schedule": SCHEDULES}


def write_config(config: Config, path: Path) -> None:
    """Write `config.toml`. Raises OSError."""
    with replaced(path) as file:
        file.write(config.to_toml().encode())


def read_config(path: Path) -> Config:
    """Read `config.toml`. Raises UsageError."""
    try:
        return Config.from_toml(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"`{path}` is no UTF-8 text") from None
    except UsageError as e:
        raise UsageError(f"`{path}`: {e}") from None


def _stages(table: Mapping[str, Any]) -> tuple[Stage, ...]:
    try:
        return tuple(
            Stage(int(after), tuple(map(str, entry["unfreeze"])), float(entry["rate"]))
            for after, entry in table.items()
        )
    except (ValueError, KeyError, TypeError):
        raise UsageError("[stages] has an entry that is no stage of a training") from None


def _table(part: Any) -> dict[str, Any]:
    return {f.name: getattr(part, f.name) for f in fields(part)}


def _from_table(name: str, kind: Any, entries: Mapping[str, Any]) -> Any:
    known = {f.name for f in fields(kind)}
    for key in entries:
        if key not in known:
            raise UsageError(f"[{name}] has `{key}`, which is not known here")
    values = {
        k: tuple(cast("list[Any]", v)) if isinstance(v, list) else v for k, v in entries.items()
    }
    return kind(**values)
