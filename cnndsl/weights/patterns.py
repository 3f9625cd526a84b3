"""Patterns that choose parameters: by their names, their layers', or those of blocks around."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern fits a parameter's name, its layer's, or a block's around it."""
    parts = name.split(".")
    names = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
    return any(fnmatchcase(candidate, pattern) for pattern in patterns for candidate in names)
