"""Choices written as the language writes a layer: a word, then `key=value`.

`sgd momentum=0.9 nesterov=yes` becomes `Sgd(momentum=0.9, nesterov=True)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.training.fields import checked

T = TypeVar("T")


def read_choice(what: str, text: str, choices: Mapping[str, type[T]]) -> T:
    """The choice that a text names, with its settings. Raises UsageError."""
    word, *settings = text.split() or [""]
    return make_choice(what, word, dict(_pair(what, s) for s in settings), choices, texts=True)


def make_choice(
    what: str,
    word: str,
    settings: Mapping[str, Any],
    choices: Mapping[str, type[T]],
    *,
    texts: bool = False,
) -> T:
    """The choice of that name; with `texts`, settings are texts. Raises UsageError."""
    if word not in choices:
        hint = did_you_mean(word, choices, f"there are {', '.join(choices)}")
        raise UsageError(f"there is no {what} `{word[:60]}`; {hint}")
    return checked(choices[word], settings, f"the {what} `{word}`: ", texts=texts)


def write_choice(choice: Any) -> dict[str, Any]:
    """`name` and every setting, for a configuration."""
    return {"name": choice.word} | {f.name: getattr(choice, f.name) for f in fields(choice)}


def describe_choice(choice: Any) -> str:
    """`sgd momentum=0.9 nesterov=yes`: the word, and what differs from the defaults."""
    given = {f.name: getattr(choice, f.name) for f in fields(choice)}
    others = [f for f in fields(choice) if given[f.name] != f.default]
    return " ".join([choice.word, *(f"{f.name}={_written(given[f.name])}" for f in others)])


def _written(value: bool | float) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else f"{value:g}"


def _pair(what: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise UsageError(f"settings of the {what} are written name=value, not `{text}`")
    return name, value
