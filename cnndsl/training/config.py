"""Everything that defines a training: what the options said, and what was chosen for the rest.

`config.toml` in a run's folder has it all, so that the run can go on, or be done again.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

import tomli_w

from cnndsl.diagnostics import UsageError
from cnndsl.files import read_bounded, replaced
from cnndsl.shape import Shape
from cnndsl.specs import read_shape
from cnndsl.training.choices import make_choice, write_choice
from cnndsl.training.fields import check, checked
from cnndsl.training.optimisers import OPTIMISERS, Adamw, Optimiser
from cnndsl.training.options import (
    DataChoice,
    Factor,
    ModelChoice,
    PictureChoice,
    Positive,
    TrainingChoice,
    TransferChoice,
)
from cnndsl.training.schedules import SCHEDULES, OneCycle, Schedule
from cnndsl.training.stages import Stage

HEAD = (
    "# Written by cnndsl train. `cnndsl resume` reads it; `cnndsl train --config` begins another "
    "training with it.\n\n"
)
MOST_BYTES = 1 << 20


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
    pictures: PictureChoice = field(default_factory=PictureChoice)

    def shapes(self) -> dict[str, Shape]:
        """The shapes of inputs that are given, by their names. Raises UsageError."""
        return {name: read_shape(text) for name, text in self.model.inputs.items()}

    def with_training(self, **changes: Any) -> Config:
        """The same but for some of `training`."""
        return replace(self, training=replace(self.training, **changes))

    def graph_choices(self) -> str:
        """What the training graphs depend on beside net and data, as JSON: who changes that in a
        run's config.toml gets other graphs.
        """
        model, training = self.model, self.training
        chosen = {name: getattr(training, name) for name in _OF_GRAPHS}
        stages = [(stage.after, stage.patterns) for stage in self.stages]
        trained = {"freeze": model.freeze, "gradual": model.gradual, "stages": stages}
        return json.dumps(chosen | trained)

    def to_toml(self) -> str:
        """The whole as TOML; None is left out, since TOML has no such thing."""
        tables = {name: _table(getattr(self, name)) for name in _TABLES}
        tables |= {name: write_choice(getattr(self, name)) for name in _CHOICES}
        if self.learning_rates:
            tables["learning_rates"] = dict(self.learning_rates)
        if self.stages:
            tables["stages"] = {
                str(stage.after): {"unfreeze": stage.patterns, "rate": stage.rate}
                for stage in self.stages
            }
        if self.pictures.given():
            tables["pictures"] = _table(self.pictures)
        if self.transfer:
            tables["transfer"] = _table(self.transfer)
        given = {
            name: {key: value for key, value in table.items() if value is not None}
            for name, table in tables.items()
        }
        return HEAD + tomli_w.dumps(given)

    @classmethod
    def from_toml(cls, text: str) -> Config:
        """What `to_toml` wrote. Raises UsageError."""
        try:
            tables = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as e:
            raise UsageError(f"it is no TOML: {str(e)[:200]}") from None
        for name in tables:
            if name not in _KNOWN:
                raise UsageError(f"it has a table `{name}`, which is not known here")
        parts: dict[str, Any] = {
            name: checked(kind, _table_of(tables, name), f"[{name}] ")
            for name, kind in _TABLES.items()
        }
        for name, choices in _CHOICES.items():
            entries = dict(_table_of(tables, name))
            word = check(str, entries.pop("name", ""), f"[{name}] name")
            parts[name] = make_choice(name, word, entries, choices)
        rates = {
            pattern: check(Factor, rate, f"[learning_rates] {pattern}")
            for pattern, rate in _table_of(tables, "learning_rates").items()
        }
        stages = tuple(_stage(*entry) for entry in _table_of(tables, "stages").items())
        pictures = checked(PictureChoice, _table_of(tables, "pictures"), "[pictures] ")
        transfer = None
        if "transfer" in tables:
            transfer = checked(TransferChoice, _table_of(tables, "transfer"), "[transfer] ")
        return cls(
            **parts,
            learning_rates=tuple(rates.items()),
            stages=stages,
            pictures=pictures,
            transfer=transfer,
        )


_TABLES: dict[str, Any] = {"model": ModelChoice, "data": DataChoice, "training": TrainingChoice}
_OF_GRAPHS = ("batch", "label_smoothing", "class_weights", "device", "precision")
_CHOICES: dict[str, Mapping[str, Any]] = {"optimiser": OPTIMISERS, "schedule": SCHEDULES}
_KNOWN = {*_TABLES, *_CHOICES, "learning_rates", "stages", "pictures", "transfer"}


def write_config(config: Config, path: Path) -> None:
    """Write `config.toml`. Raises OSError, UsageError."""
    try:
        text = config.to_toml().encode()
    except UnicodeEncodeError:
        where = config.data.path
        raise UsageError(f"`{where}` is no UTF-8 text, as a run needs it: rename it") from None
    with replaced(path) as file:
        file.write(text)


def read_config(path: Path) -> Config:
    """Read `config.toml`. Raises UsageError."""
    try:
        return Config.from_toml(read_bounded(path, MOST_BYTES, "a configuration").decode())
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"`{path}` is no UTF-8 text") from None
    except UsageError as e:
        raise UsageError(f"`{path}`: {e}") from None


def _stage(after: str, entry: Any) -> Stage:
    where = f"[stages] {after}"
    if not re.fullmatch(r"[0-9]{1,9}", after):
        raise UsageError(f"{where} must be a number of epochs")
    if not isinstance(entry, dict):
        raise UsageError(f"{where} must be a table with `unfreeze` and `rate`")
    given = cast("dict[str, Any]", entry)
    for name in given.keys() ^ {"unfreeze", "rate"}:
        raise UsageError(f"{where} has `unfreeze` and `rate`, so `{name}` is out of place")
    patterns = check(tuple[str, ...], given["unfreeze"], f"{where} unfreeze")
    return Stage(int(after), patterns, check(Positive, given["rate"], f"{where} rate"))


def _table(part: Any) -> dict[str, Any]:
    return {f.name: getattr(part, f.name) for f in fields(part)}


def _table_of(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = tables.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"`{name}` must be a table: [{name}]")
    return cast("Mapping[str, Any]", table)
