"""Patterns of names: which parameters are frozen, and freed again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.weights.patterns import matches


def is_trained(name: str, freeze: Sequence[str]) -> bool:
    """Whether no pattern matches a parameter's name, its layer's, or a block's around it."""
    return not matches(name, freeze)


def check_pattern(option: str, pattern: str, names: Collection[str]) -> None:
    """Raise UsageError for a pattern that none of the parameters matches."""
    if all(is_trained(name, [pattern]) for name in names):
        layers = {name.split(".")[0] for name in names}
        few = ", ".join(f"`{layer}`" for layer in sorted(layers)[:4])
        hint = did_you_mean(pattern, layers, f"there are {few} …")
        raise UsageError(f"{option} `{pattern}` matches no parameter; {hint}")
