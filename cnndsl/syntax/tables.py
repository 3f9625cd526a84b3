"""Keeps the grammar's tables between runs: working them out takes longer than most reports.

They are plain data, kept as JSON in the user's cache folder under a name that changes with the
grammar and with Lark. Without a folder to write to, everything works as well, only later.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cnndsl.resources import cache_folder


def load(*key: str) -> Any:
    """What was kept under the key, or None where there is nothing, or not what was written."""
    try:
        digest, _, text = _path(key).read_text(encoding="utf-8").partition("\n")
    except (OSError, ValueError):
        return None
    if digest != _digest(text):
        return None
    return json.loads(text, object_pairs_hook=_with_numbers)


def save(data: Any, *key: str) -> None:
    """Keep plain data under the key, if there is a place for it."""
    text = json.dumps(data, separators=(",", ":"))
    try:
        path = _path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Another run may read at this moment: it finds the whole file or none.
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, delete=False, encoding="utf-8", newline="\n"
        ) as file:
            file.write(f"{_digest(text)}\n{text}")
        Path(file.name).replace(path)
    except OSError:
        return


def _path(key: tuple[str, ...]) -> Path:
    """The file for a key. OSError where the user has no home."""
    digest = _digest("\0".join(key))[:20]
    return cache_folder() / f"grammar-{digest}.json"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _with_numbers(pairs: Iterable[tuple[str, Any]]) -> dict[str | int, Any]:
    """A dictionary whose keys are numbers again, which JSON made strings."""
    return {int(key) if key.isdigit() else key: value for key, value in pairs}
