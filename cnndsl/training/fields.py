"""Typed fields of a configuration: what a value must be, checked by pydantic and said in words.

A field is `Annotated[int, Field(ge=1)] = 10` of a dataclass: type, bounds and default stand in one
place. Numbers are finite.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import ConfigDict, TypeAdapter, ValidationError

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.printing import encodable

T = TypeVar("T")

MOST = 10**12
"""More than this is no number of epochs, pictures or anything else here."""

_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
_PLURALS = {int: "whole numbers", float: "numbers", str: "texts"}
_LONGEST_VALUE = 60


def checked(kind: type[T], values: Mapping[str, Any], where: str = "", *, texts: bool = False) -> T:
    """A dataclass of values by its fields' names; None leaves a field at its default.

    `where` stands before a field's name in messages. With `texts` a number or a truth may be
    written as text, as on the command line. Raises UsageError for a value that a field doesn't
    take, and for a name that isn't known.
    """
    known = _hints(kind)
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            hint = did_you_mean(name, known, f"it has {', '.join(known) or 'none'}")
            raise UsageError(f"{where}`{name}` is not known here; {hint}")
        found[name] = check(known[name], value, f"{where}{name}", texts=texts)
    return kind(**found)


def check(hint: Any, value: Any, name: str, *, texts: bool = False) -> Any:
    """A value in the type of a field. Raises UsageError, calling the field by a name."""
    try:
        if texts:
            return _adapter(hint).validate_python(value)
        # JSON has the kinds of values that TOML has: lists for tuples, tables for mappings.
        return _adapter(hint).validate_json(json.dumps(value, default=_plain), strict=True)
    except (ValidationError, ValueError):
        if isinstance(value, str) and encodable(value) != value:
            raise UsageError(f"`{value}` is no UTF-8 text, as a run needs it: rename it") from None
        raise UsageError(f"{name} must be {described(hint)}, not {_shown(value)}") from None


def described(hint: Any) -> str:
    """What a value of a field must be: `a whole number of at least 1`."""
    kind, bounds = kind_of(hint)
    if get_origin(kind) is Literal:
        *some, last = [f"`{word}`" for word in get_args(kind)]
        return f"{', '.join(some)} or {last}" if some else last
    if get_origin(kind) is tuple:
        return f"a list of {_plural(get_args(kind)[0])}"
    if get_origin(kind) is not None:
        return f"a table of {_plural(get_args(kind)[1])}"
    return _NAMES[kind] + _bounds(bounds)


def kind_of(hint: Any) -> tuple[Any, dict[str, float]]:
    """A type without None and without what is said about it; and its bounds: ge, gt, le, lt."""
    bounds: dict[str, float] = {}
    while True:
        if get_origin(hint) is Annotated:
            hint, *notes = get_args(hint)
            for bound in (b for note in notes for b in getattr(note, "metadata", ())):
                bounds |= {n: getattr(bound, n) for n in _WORDS if hasattr(bound, n)}
        elif get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
            (hint,) = (kind for kind in get_args(hint) if kind is not NoneType)
        else:
            return hint, {name: end for name, end in bounds.items() if abs(end) < MOST}


_WORDS = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}


def _bounds(bounds: Mapping[str, float]) -> str:
    if set(bounds) == {"ge", "le"}:
        return f" from {bounds['ge']:,} to {bounds['le']:,}"
    said = [f"{_WORDS[name]} {end:,}" for name, end in bounds.items()]
    return f" {' and '.join(said)}" if said else ""


def _plural(hint: Any) -> str:
    kind, _ = kind_of(hint)
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    names = {_PLURALS[kind_of(kind)[0]]: None for kind in kinds}
    return " or ".join(names)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def _plain(value: Any) -> Any:
    """Numbers of numpy are numbers; TOML's dates fit no field."""
    if hasattr(value, "item"):
        return value.item()
    raise ValueError(f"{type(value).__name__} is no value of a configuration")


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def _adapter(hint: Any) -> TypeAdapter[Any]:
    key = repr(hint)
    if key not in _adapters:
        _adapters[key] = TypeAdapter(hint, config=ConfigDict(allow_inf_nan=False))
    return _adapters[key]


_adapters: dict[str, TypeAdapter[Any]] = {}
