"""How a layer's arguments are written and what their defaults are, for reference pages."""

from __future__ import annotations

from typing import Any, cast, get_args

from pydantic_core import PydanticUndefined

from cnndsl.layers.arguments import Argument
from cnndsl.layers.base import Layer


def arguments_table(layer: type[Layer]) -> list[list[str]]:
    """A row for each argument: its name, the ways to write it, and its default, as Markdown."""
    rows: list[list[str]] = []
    for name, argument in layer.arguments().items():
        field = layer.model_fields[name]
        ways = ", ".join(_ways(name, argument, get_args(field.annotation)))
        rows.append([f"`{name}`", ways, _default(argument, field.default)])
    return rows


def _ways(name: str, argument: Argument, choices: tuple[Any, ...]) -> list[str]:
    letter = argument.letters
    match argument.positional:
        case "size":
            ways = ["a size", f"`{letter}…`"]
        case "word":
            named = [word for choice in choices for word in get_args(choice)]
            return [f"`{word}`" for word in named]
        case None:
            ways = [f"`{letter}…`"] if letter else []
        case kind:
            ways = [f"a {kind}" if kind != "numbers" else kind]
            ways += [f"`{letter}…`"] if letter else []
    ways += [f"`{word}`" for word in argument.words]
    return ways if argument.words and not letter else [*ways, f"`{name}=`"]


def _default(argument: Argument, value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    for word, meant in argument.words.items():
        if meant == value and type(meant) is type(value):
            return f"`{word}`"
    if value is False:
        return "off"
    if value in (None, ()):
        return "–"
    if isinstance(value, tuple):
        return "x".join(map(str, cast("tuple[int, ...]", value)))
    return f"{value:g}" if isinstance(value, float) else str(value)
