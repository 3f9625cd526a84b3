"""The classes of masks from a file beside them: names, with or without colours.

`name,r,g,b` or `r g b name` in each line (CamVid's), a name a line (fastai's `codes.txt`), or JSON:
a list of names, `{"road": [128, 64, 128]}`, or `[{"name": "road", "color": [128, 64, 128]}]`.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cnndsl.data.csvtext import parsed
from cnndsl.diagnostics import UsageError
from cnndsl.files import check_ordinary

FILES = (
    *("classes.csv", "class_dict.csv", "classes.json", "classes.txt", "labels.csv", "labels.json"),
    *("labels.txt", "codes.txt", "label_colors.txt", "labelmap.txt"),
)
NO_CLASS = ("void", "ignore", "ignored", "unlabelled", "unlabeled")
"""Names of what is no class."""

_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ClassTable:
    """Names in their order, and the colour of each where the file has them."""

    path: Path
    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...] = ()


def table_beside(*folders: Path) -> ClassTable | None:
    """The table in the first folder that has one. Raises UsageError where it can't be read."""
    paths = (folder / name for folder in folders for name in FILES)
    path = next((path for path in paths if path.is_file()), None)
    return None if path is None else read_table(path)


def read_table(path: Path) -> ClassTable:
    """Read a table of classes. Raises UsageError."""
    check_ordinary(path)
    if path.stat().st_size > _MOST_BYTES:
        raise UsageError(f"`{path}` is too large for a table of classes")
    entries = _of_json(path) if path.suffix.lower() == ".json" else _of_lines(path)
    entries = [(name.strip(), colour) for name, colour in entries if name.strip()]
    coloured = [colour for _, colour in entries if colour is not None]
    if not entries or len(coloured) not in (0, len(entries)):
        raise UsageError(
            f"`{path}` is no table of classes: each line has a name, or a name and a colour, as "
            f"in road,128,64,128"
        )
    if any(not 0 <= part <= 255 for colour in coloured for part in colour):
        raise UsageError(f"`{path}` has colours beyond 0 to 255")
    if len(set(coloured)) < len(coloured):
        raise UsageError(f"`{path}` has one colour for two classes")
    return ClassTable(path, tuple(name for name, _ in entries), tuple(coloured))


Entry = tuple[str, tuple[int, int, int] | None]


def _of_lines(path: Path) -> list[Entry]:
    try:
        text = path.read_bytes().decode("utf-8-sig", "replace")
        rows = parsed(text)
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror or e}") from None
    except csv.Error as e:
        raise UsageError(f"`{path}` is no table of classes: {e}") from None
    found = [_entry(fields) for _, fields in rows]
    if found and found[0][1] is None and any(colour for _, colour in found):
        found = found[1:]  # a line of titles
    return found


def _entry(fields: list[str]) -> Entry:
    """Of one line: three numbers are a colour, what is left a name."""
    if len(fields) == 1:
        fields = re.split(r"[\s:]+", fields[0].strip())
    parts = (f.split() if re.fullmatch(r"[\d\s]+", f) else [f.strip()] for f in fields)
    words = [word for some in parts for word in some if word]
    numbers = [n for n, word in enumerate(words) if re.fullmatch(r"\d{1,3}", word)]
    if len(numbers) > 3 and numbers[0] == 0 and numbers[1] != 1:  # the class's own number
        words, numbers = words[1:], [n - 1 for n in numbers[1:]]
    if len(numbers) >= 3 and len(words) > 3:
        chosen = numbers[:3] if numbers[0] == 0 else numbers[-3:]
        red, green, blue = (int(words[n]) for n in chosen)
        return " ".join(w for n, w in enumerate(words) if n not in chosen), (red, green, blue)
    return " ".join(words), None


def _of_json(path: Path) -> list[Entry]:
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise UsageError(f"`{path}` can't be read as JSON: {e}") from None
    if isinstance(found, dict):
        pairs = cast("dict[str, Any]", found).items()
        return [(str(name), _colour(value)) for name, value in pairs]
    if not isinstance(found, list):
        return []
    entries: list[Entry] = []
    for entry in cast("list[Any]", found):
        if isinstance(entry, dict):
            about = cast("dict[str, Any]", entry)
            colour = about.get("color", about.get("colour", about.get("rgb")))
            entries.append((str(about.get("name", "")), _colour(colour)))
        else:
            entries.append((str(entry), None))
    return entries


def _colour(value: Any) -> tuple[int, int, int] | None:
    if not isinstance(value, list):
        return None
    parts = [part for part in cast("list[Any]", value) if isinstance(part, int)]
    return (parts[0], parts[1], parts[2]) if len(parts) >= 3 else None
