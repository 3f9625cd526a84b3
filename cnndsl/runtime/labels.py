"""The names of classes: how they are read, compared and ordered."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from cnndsl.diagnostics import UsageError
from cnndsl.files import read_bounded
from cnndsl.printing import encodable

MOST_BYTES = 64 << 20

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_MOST_DIGITS = 9  # of the number of a class
_DIGITS = re.compile(r"([0-9]+)")


def composed(name: str) -> str:
    """Return the name in Unicode's NFC: `ä` is one character, also where macOS writes two.

    What is no Unicode in the name of a folder is spelled in escapes.
    """
    return unicodedata.normalize("NFC", encodable(name))


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Sort the names of classes, each once: numbers by value, other names with the numbers in them
    by value (`class 9` before `class 10`) and the rest by its characters' codes.
    """
    distinct = set(names)
    if all(_NUMBER.fullmatch(name) for name in distinct):
        return tuple(sorted(distinct, key=lambda name: (Decimal(name), name)))
    return tuple(sorted(distinct, key=_natural))


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Texts and numbers in turn; a number with more digits is larger, whatever its length."""
    parts = _DIGITS.split(name)
    parts[1::2] = [digits.lstrip("0") for digits in parts[1::2]]
    return [(len(part) if n % 2 else 0, part) for n, part in enumerate(parts)], name


def read_labels(path: Path, *, whole: bool = False) -> tuple[str, ...]:
    """Names in the order of their classes.

    A text file has one a line. JSON is a list of names; an object from class number to name, or to
    a list that ends in the name, as Keras' imagenet_class_index.json; or an object from name to
    class number. `whole` keeps what such a list has before the name: `n01440764 tench`. Raises
    UsageError where the file is none of these or leaves a class out.
    """
    try:
        text = read_bounded(path, MOST_BYTES, "a file of labels").decode("utf-8-sig")
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror or e}") from None
    except UnicodeDecodeError:
        raise UsageError(f"`{path}` is no UTF-8 text; labels are a text file or JSON") from None
    labels = _from_json(path, text, whole) if path.suffix.lower() == ".json" else _from_lines(text)
    if not labels:
        raise UsageError(f"`{path}` holds no labels")
    return labels


def _from_lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.rstrip().splitlines())


def _from_json(path: Path, text: str, whole: bool) -> tuple[str, ...]:
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"`{path}` is no JSON") from None
    if isinstance(content, list):
        return tuple(_name(entry, whole) for entry in cast("list[Any]", content))
    if not isinstance(content, Mapping):
        raise UsageError(f"`{path}` holds neither a list of labels nor an object with them")
    entries = cast("Mapping[str, Any]", content)
    if all(isinstance(number, int) for number in entries.values()):
        by_number = {number: encodable(name) for name, number in entries.items()}
    elif all(number.isdecimal() and len(number) <= _MOST_DIGITS for number in entries):
        by_number = {int(number): _name(name, whole) for number, name in entries.items()}
    else:
        raise UsageError(f"`{path}` has neither class numbers nor names with class numbers")
    if sorted(by_number) != list(range(len(entries))):
        raise UsageError(
            f"`{path}` must number its {len(entries)} classes from 0 to {len(entries) - 1}"
        )
    return tuple(by_number[number] for number in range(len(entries)))


def _name(entry: Any, whole: bool) -> str:
    """`["n01440764", "tench"]` is called by its last part, or by all of them."""
    parts = cast("list[Any]", entry) if isinstance(entry, list) else [entry]
    return encodable(" ".join(map(str, parts if whole else parts[-1:])))
