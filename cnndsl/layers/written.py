"""A layer back in the words of the language: the inverse of binding a line's arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from cnndsl.layers.arguments import Argument
from cnndsl.layers.base import Layer
from cnndsl.shape import Shape

PLACES = ("size", "number", "numbers", "shape", "option", "keyed", "words")
"""What comes first on a line, as the formatter has it."""

LETTERS = ("k", "s", "p", "d", "g", "op")
"""The order of the short options."""

MOST_IN_AN_OPTION = 3  # `p1x2x3`; more are `p=(…)`


def written(layer: Layer, references: Sequence[str] = ()) -> str:
    """The layer as a spec says it, defaults left out: `conv 3x3 64 s2 same nobias`.

    Parameters
    ----------
    layer
        A layer whose fields hold values, none of them an expression.
    references
        The labels that it takes beside the current value: `concat e4`, `crop to=x`.

    Raises
    ------
    TypeError
        Where a field holds what no argument can say, such as a truth value without a word for it.
    """
    key = layer.reference_key
    labels = [f"{key}={name}" if key else name for name in references]
    parts: list[tuple[int, int, str]] = []
    skipped = False  # a number left out: those after it can't stand bare
    for field, argument in layer.arguments().items():
        value = getattr(layer, field)
        if value == type(layer).model_fields[field].default:
            skipped |= argument.positional == "number"
            continue
        place, text = _argument(field, argument, value, skipped)
        letters = argument.letters if place == "option" else None
        rank = LETTERS.index(letters) if letters in LETTERS else len(LETTERS)
        parts.append((PLACES.index(place), rank, text))
    ordered = sorted(parts, key=lambda part: part[:2])
    return " ".join([layer.word, *labels, *(text for *_, text in ordered)])


def _argument(field: str, argument: Argument, value: object, skipped: bool) -> tuple[str, str]:
    """The place of an argument and its text."""
    for text, meant in argument.words.items():
        if value == meant and type(value) is type(meant):
            return "words", text
    match argument.positional:
        case "size":
            sizes = cast("tuple[float, ...]", value)
            if len(sizes) > 1 and all(isinstance(n, int) for n in sizes):
                return "size", "x".join(map(str, sizes))
            return _named(field, argument.letters, value)  # `3` alone would be a number
        case "numbers" if not skipped:
            return "numbers", " ".join(map(_atom, cast("tuple[float, ...]", value)))
        case "number" if not skipped and not _atom(value).startswith("("):
            return "number", _atom(value)
        case "shape":
            return "shape", _atom(value)
        case "word":
            return "words", _atom(value)
        case _:
            return _named(field, argument.letters, value)


def _named(field: str, letters: str | None, value: object) -> tuple[str, str]:
    """By a short option where its values are few and whole, else by key: `p=(1,2,3,4)`."""
    values = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    short = len(values) <= MOST_IN_AN_OPTION and all(
        isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in values
    )
    if letters and short:
        return "option", letters + "x".join(map(str, values))
    if short and len(values) > 1:
        return "keyed", f"{field}={'x'.join(map(str, values))}"
    place = "option" if letters else "keyed"
    return place, f"{letters or field}={_atom(values)}"


def _atom(value: object) -> str:
    """A number, word, shape, or several in parentheses."""
    if isinstance(value, tuple):
        items = cast("tuple[object, ...]", value)
        return f"({','.join(map(_atom, items))})" if len(items) != 1 else _atom(items[0])
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, (int, str, Shape)) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"{value!r} can't be written in the language")


def _float(value: float) -> str:
    """The shortest text that reads back as the same number: `2`, `0.75`, `1e-5`."""
    text = repr(value).removesuffix(".0")
    digits, exponent, power = text.partition("e")
    return f"{digits}e{int(power)}" if exponent else text
