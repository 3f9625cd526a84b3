"""Which parameters share learning rate and weight decay."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase

from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Role
from cnndsl.training.apply import Group
from cnndsl.training.layout import Layout

Rates = Sequence[tuple[str, float]]
"""Patterns of names (`stem.*`, `conv?.weight`) with what multiplies the learning rate there."""


def rate_of(name: str, rates: Rates) -> float:
    """The multiplier of the last pattern that matches a parameter's name or its layer's; else 1."""
    layer = name.rpartition(".")[0]
    found = [rate for p, rate in rates if fnmatchcase(name, p) or fnmatchcase(layer, p)]
    return found[-1] if found else 1.0


def check_rates(rates: Rates, names: Collection[str]) -> None:
    """Raise UsageError for a pattern that matches none of the parameters."""
    for pattern, _ in rates:
        if not any(rate_of(name, [(pattern, 0.0)]) == 0.0 for name in names):
            raise UsageError(f"no trained parameter is called `{pattern}`")


def arrange(
    shapes: Mapping[str, tuple[int, ...]],
    roles: Mapping[str, Role],
    rate: Callable[[str], float] = lambda name: 1.0,
    weight_decay: float = 0.0,
    since: Callable[[str], int] = lambda name: 0,
) -> tuple[Layout, list[Group]]:
    """Parameters side by side with those they share settings with.

    `rate` multiplies a parameter's learning rate; `since` is the first step that trains it. Weight
    decay is for weights alone: biases and norms are left alone.
    """
    settings: dict[tuple[float, float, int], list[str]] = {}
    for name in shapes:
        decay = weight_decay if roles[name] == "weight" else 0.0
        settings.setdefault((rate(name), decay, since(name)), []).append(name)
    layout = Layout({name: shapes[name] for names in settings.values() for name in names})
    groups: list[Group] = []
    for (factor, decay, begin), names in settings.items():
        start = layout[names[0]].offset
        groups.append(Group(start, layout[names[-1]].end - start, factor, decay, begin))
    return layout, groups
