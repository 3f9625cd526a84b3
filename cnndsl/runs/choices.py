"""What was chosen for a run, flat and by the names of the command line; and where runs differ."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import fields
from typing import Any

from cnndsl.runs.record import RunRecord
from cnndsl.training.choices import describe_choice
from cnndsl.training.config import Config

Choice = bool | int | float | str | None
Choices = dict[str, Choice]

SEED = "seed"
NET, DATA, EPOCHS = "net", "data", "epochs"
_HOW = {"threads", "checkpoint_every", "deterministic", "autotune", "folder", "fingerprint"}
"""These say how a training is done, not what is learnt."""

_ELSEWHERE = {"spec": NET, "path": DATA, "settings": "", "inputs": ""}


def choices(config: Config) -> Choices:
    """Every choice of a training; those that are left to a default's None too."""
    found: Choices = {}
    for part in (config.model, config.data, config.training, config.pictures, config.transfer):
        for f in fields(part) if part else ():
            if f.name not in _HOW and f.name not in _ELSEWHERE:
                name = f.metadata.get("flag") or f.name.replace("_", "-")
                found[name] = _plain(getattr(part, f.name))
    found |= {NET: config.model.spec, DATA: config.data.path}
    for name, value in config.model.settings.items():
        found[f"set {name}" if name in found else name] = value
    found |= {"input " + name if name else "input": v for name, v in config.model.inputs.items()}
    found |= {"optimiser": describe_choice(config.optimiser)}
    found |= {"schedule": describe_choice(config.schedule)}
    found |= {f"lr of {pattern}": rate for pattern, rate in config.learning_rates}
    if config.stages:
        found["stages"] = "; ".join(stage.describe() for stage in config.stages)
    return found


def differing(runs: Sequence[RunRecord]) -> list[Choices]:
    """For each run its value of every choice in which they differ, in the same order; None where
    it has no such choice.

    `network` is six digits of a net that changed while all that was said of it stayed, `examples`
    of data that did.
    """
    found = [choices(run.config) for run in runs]
    networks = [run.network_mark for run in runs]
    examples = [run.config.data.fingerprint[:6] for run in runs]
    if _changed([_said_of_net(run) for run in runs], networks):
        found = [c | {"network": mark} for c, mark in zip(found, networks, strict=True)]
    if _changed([f"{run.data} {run.config.training.seed}" for run in runs], examples):
        found = [c | {"examples": mark} for c, mark in zip(found, examples, strict=True)]
    names = _unique(name for chosen in found for name in chosen)
    differ = [n for n in names if len({_key(c.get(n)) for c in found}) > 1]
    return [{name: chosen.get(name) for name in differ} for chosen in found]


def _said_of_net(run: RunRecord) -> str:
    model = run.config.model
    return repr((model.spec, model.settings, model.inputs, run.config.transfer, run.data))


def _changed(names: Sequence[str], marks: Sequence[str]) -> bool:
    """Whether one name has several marks."""
    return len(set(zip(names, marks, strict=True))) > len(set(names))


def said(chosen: Choices) -> str:
    """Choices in words, `lr=0.003 seed=1`, without what is said otherwise: net, data, epochs."""
    return " ".join(
        _said(name, value)
        for name, value in chosen.items()
        if value not in (None, "") and name not in (NET, DATA, EPOCHS)
    )


def _said(name: str, value: Choice) -> str:
    if isinstance(value, bool):
        return f"{name}={'yes' if value else 'no'}"
    return f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"


def _plain(value: Any) -> Choice:
    """A field's value, a list of them as one text."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType]
    return value


def _key(value: Choice) -> Hashable:
    """What two equal values have in common; True isn't 1 here."""
    return type(value) is bool, value


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
