"""Choices written as the language writes a layer: a word, then `key=value`.

`sgd momentum=0.9 nesterov=yes` becomes `Sgd(momentum=0.9, nesterov=True)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from cnndsl.diagnostics import UsageError, did_you_mean

T = TypeVar("T")

_TRUTHS = {"yes": True, "true": True, "no": False, "false": False}


def read_choice(what: str, text: str, choices: Mapping[str, type[T]]) -> T:
    """The choice that a text names, with its settings. Raises UsageError."""
    word, *settings = text.split() or [""]
    return make_choice(what, word, dict(_pair(what, s) for s in settings), choices)


def make_choice(
    what: str, word: str, settings: Mapping[str, Any], choices: Mapping[str, type[T]]
) -> T:
    """The choice of that name; settings may be texts. Raises UsageError."""
    if word not in choices:
        hint = did_you_mean(word, choices, f"there are {', '.join(choices)}")
        raise UsageError(f"there is no {what} `{word}`; {hint}")
    kind: Any = choices[word]
    known = {field.name: field for field in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in known:
            listed = ", ".join(known) or "none"
            hint = did_you_mean(name, known, f"it has {listed}")
            raise UsageError(f"the {what} `{word}` has no setting `{name}`; {hint}")
        values[name] = _converted(f"{name}={value}", value, str(known[name].type))
    return kind(**values)


def write_choice(choice: Any) -> dict[str, Any]:
    """`name` and every setting, for a configuration."""
    return {"name": choice.word} | {f.name: getattr(choice, f.name) for f in fields(choice)}


def _pair(what: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise UsageError(f"settings of the {what} are written name=value, not `{text}`")
    return name, value


def _converted(text: str, value: Any, kind: str) -> Any:
    try:
        if kind == "bool":
            return value if isinstance(value, bool) else _TRUTHS[value]
        if kind == "int":
            return int(value)
        return float(value)
    except (ValueError, KeyError):
        expected = {"bool": "yes or no", "int": "a whole number"}.get(kind, "a number")
        raise UsageError(f"`{text}`: that setting is {expected}") from None
