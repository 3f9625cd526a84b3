"""A search as a TOML file, written by hand or by another search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.searching.parameters import options as varied
from cnndsl.searching.search import read_toml
from cnndsl.training.settings import TrialOptions

_DERIVED = ("spec_mark", "data_mark", "seed")
"""What a search writes beside what was asked for; the seed is one of the options."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a file says: `vary` and `options` by names, and the rest, `plan`, by those of `Plan`."""

    spec: str | None
    data: str | None
    vary: Mapping[str, Any]
    options: Mapping[str, Any]
    plan: Mapping[str, Any]


def read_file(path: Path) -> Written:
    """Read a search's file. Raises UsageError."""
    tables = {name: value for name, value in read_toml(path).items() if name not in _DERIVED}
    places = {name: tables.pop(name, None) for name in ("spec", "data")}
    for name, place in places.items():
        if place is not None and not isinstance(place, str):
            raise UsageError(f"`{path}`: {name} must be a text")
    vary, options = (dict(_table(path, tables, name)) for name in ("vary", "options"))
    known = {flag: option.keyword for flag, option in varied().items()}
    known |= {name: name for name in TrialOptions.__annotations__}
    for name in options:
        if name not in known:
            hint = did_you_mean(name, known, "options are those of `cnndsl train --help`")
            raise UsageError(f"`{path}`: [options] has `{name}`, which is none; {hint}")
    named = {known[name]: value for name, value in options.items()}
    return Written(places["spec"], places["data"], vary, named, tables)


def _table(path: Path, tables: dict[str, Any], name: str) -> Mapping[str, Any]:
    found = tables.pop(name, {})
    if not isinstance(found, dict):
        raise UsageError(f"`{path}`: `{name}` must be a table: [{name}]")
    return cast("Mapping[str, Any]", found)
