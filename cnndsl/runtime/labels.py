"""The names of classes: from a text file, from JSON, or from a model's metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from cnndsl.diagnostics import UsageError

MOST_BYTES = 64 << 20


def read_labels(path: Path) -> tuple[str, ...]:
    """Names in the order of their classes.

    A text file has one a line. JSON is a list of names; an object from class number to name, or to
    a list that ends in the name, as Keras' imagenet_class_index.json; or an object from name to
    class number. Raises UsageError where the file is none of these or leaves a class out.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror or e}") from None
    if len(data) > MOST_BYTES:
        raise UsageError(f"`{path}` is larger than a file of labels may be ({MOST_BYTES:,} bytes)")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"`{path}` is no UTF-8 text; labels are a text file or JSON") from None
    labels = _from_json(path, text) if path.suffix.lower() == ".json" else _from_lines(text)
    if not labels:
        raise UsageError(f"`{path}` holds no labels")
    return labels


def _from_lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.rstrip().splitlines())


def _from_json(path: Path, text: str) -> tuple[str, ...]:
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"`{path}` is no JSON") from None
    if isinstance(content, list):
        return tuple(map(_name, cast("list[Any]", content)))
    if not isinstance(content, Mapping):
        raise UsageError(f"`{path}` holds neither a list of labels nor an object with them")
    entries = cast("Mapping[str, Any]", content)
    if all(isinstance(number, int) for number in entries.values()):
        by_number = {number: name for name, number in entries.items()}
    elif all(number.isdecimal() for number in entries):
        by_number = {int(number): _name(name) for number, name in entries.items()}
    else:
        raise UsageError(f"`{path}` has neither class numbers nor names with class numbers")
    if sorted(by_number) != list(range(len(entries))):
        raise UsageError(
            f"`{path}` must number its {len(entries)} classes from 0 to {len(entries) - 1}"
        )
    return tuple(by_number[number] for number in range(len(entries)))


def _name(entry: Any) -> str:
    """`["n01440764", "tench"]` is called by its last part."""
    parts = cast("list[Any]", entry) if isinstance(entry, list) else [entry]
    return str(parts[-1]) if parts else ""
