"""Which parameters share learning rate and weight decay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def arrange(
    shapes: Mapping[str, tuple[int, ...]],
    roles: Mapping[str, Role],
    rates: Rates = (),
    weight_decay: float = 0.0,
) -> tuple[Layout, list[Group]]:
    """Parameters side by side with those they share settings with.

    Weight decay is for weights alone: biases and norms are left alone. Raises UsageError for a
    pattern that matches nothing.
    """
    for pattern, _ in rates:
        if not any(rate_of(name, [(pattern, 0.0)]) == 0.0 for name in shapes):
            raise UsageError(f"no trained parameter is called `{pattern}`")
    settings: dict[tuple[float, float], list[str]] = {}
    for name in shapes:
        decay = weight_decay if roles[name] == "weight" else 0.0
        settings.setdefault((rate_of(name, rates), decay), []).append(name)
    layout = Layout({name: shapes[name] for names in settings.values() for name in names})
    groups: list[Group] = []
    for (rate, decay), names in settings.items():
        start = layout[names[0]].offset
        groups.append(Group(start, layout[names[-1]].end - start, rate, decay))
    return layout, groups
