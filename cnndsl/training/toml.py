"""Writing TOML; reading it is in Python's library."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def write_toml(tables: Mapping[str, Any]) -> str:
    """Values, then tables of values; None is left out, since TOML has no such thing.

    A value is a number, a text, a truth, a list of values, or (in a table) a table of values.
    """
    plain = {k: v for k, v in tables.items() if not isinstance(v, Mapping) and v is not None}
    parts = ["".join(f"{_key(k)} = {_value(v)}\n" for k, v in plain.items())] if plain else []
    for name, table in tables.items():
        if isinstance(table, Mapping):
            entries = cast("Mapping[str, Any]", table)
            lines = [f"{_key(k)} = {_value(v)}\n" for k, v in entries.items() if v is not None]
            parts.append(f"[{_key(name)}]\n" + "".join(lines))
    return "\n".join(parts)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = repr(value)
        return text if any(c in text for c in ".einf") else f"{text}.0"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value)
        inside = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in entries.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_value, cast('Sequence[Any]', value)))}]"
    raise TypeError(f"TOML has no form for {type(value).__name__}")


def _text(text: str) -> str:
    """JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
