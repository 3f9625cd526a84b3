"""Pictures that a CSV file lists: `path,label` or `path,label,split`, with a first row that says so
or without one.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from cnndsl.data.dataset import SPLITS, Files, Split, split_word
from cnndsl.data.folders import Found, without_training
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.labels import composed, ordered

MOST_BYTES = 1 << 30

_PATH = ("path", "file", "filename", "file_name", "filepath", "image", "image_path", "img")
_LABEL = ("label", "class", "category", "target", "y", "class_name", "label_name")
_SPLIT = ("split", "set", "subset", "partition")
_LISTED = 3


def read_csv(path: Path) -> Found:
    """The splits that a CSV file lists; paths are seen from its folder.

    Labels are names or numbers, in their natural order (`2` before `10`). Fields are separated by
    commas, semicolons or tabs. Raises UsageError.
    """
    rows = _rows(path)
    columns = _columns(rows[0][1], path)
    if columns:
        rows = rows[1:]
    else:
        columns = {"path": 0, "label": 1} | ({"split": 2} if len(rows[0][1]) > 2 else {})
    by_split: dict[str, tuple[list[Path], list[str]]] = {name: ([], []) for name in SPLITS}
    for line, row in rows:
        if len(row) <= max(columns.values()):
            raise UsageError(f"line {line} of `{path}` has {len(row)} fields, too few")
        file, label = row[columns["path"]].strip(), row[columns["label"]].strip()
        if not file or not label or "\0" in file:
            raise UsageError(f"line {line} of `{path}` names no file, or no label for it")
        name = split_word(row[columns["split"]]) if "split" in columns else "train"
        if name is None:
            word = row[columns["split"]][:40]
            raise UsageError(f"line {line} of `{path}` has the split `{word}`: train, val or test")
        by_split[name][0].append(path.parent / file)
        by_split[name][1].append(composed(label))
    _check([file for files, _ in by_split.values() for file in files], path)
    labels = ordered(label for _, labels in by_split.values() for label in labels)
    number = {label: n for n, label in enumerate(labels)}
    splits = {
        name: Split(
            name,
            Files(tuple(files), path.parent),
            np.arange(len(files)),
            np.array([number[label] for label in given], np.int64),
        )
        for name, (files, given) in by_split.items()
        if files
    }
    return Found(splits, labels, notes=tuple(without_training(splits, labels)))


def lists_pictures(path: Path) -> bool:
    """Whether a CSV file's first line names the columns, or a file that is there."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            line = file.readline(1 << 16)
        rows = list(csv.reader([line], delimiter=_delimiter(line)))
        row = rows[0] if rows else []
        return len(row) > 1 and (bool(_columns(row, path)) or (path.parent / row[0]).is_file())
    except (OSError, ValueError, csv.Error, UsageError):
        return False


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Lines that aren't empty, with their numbers; at least one."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"`{path}` is larger than such a list may be ({MOST_BYTES:,} bytes)")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"`{path}` is no UTF-8 text") from None
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror or e}") from None
    delimiter = _delimiter(text.split("\n", 1)[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [(reader.line_num, row) for row in reader if any(field.strip() for field in row)]
    except csv.Error as e:
        raise UsageError(f"line {reader.line_num} of `{path}` is no CSV: {e}") from None
    if not rows or len(rows[0][1]) < 2:
        raise UsageError(f"`{path}` has no lines `path,label`")
    return rows


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _columns(first: list[str], path: Path) -> dict[str, int]:
    """Which column is what, if the first row says it; empty where it is an example already."""
    words = [word.strip().lower() for word in first]
    found = {
        what: next(n for n, word in enumerate(words) if word in names)
        for what, names in (("path", _PATH), ("label", _LABEL), ("split", _SPLIT))
        if any(word in names for word in words)
    }
    if {"path", "label"} <= found.keys():
        return found
    if found:
        raise UsageError(f"the first line of `{path}` must name the columns path and label")
    return {}


def _check(files: list[Path], path: Path) -> None:
    """Every file is there."""
    missing = [file for file in files if not file.is_file()]
    if missing:
        some = ", ".join(f"`{file}`" for file in missing[:_LISTED])
        more = f" and {len(missing) - _LISTED:,} more" if len(missing) > _LISTED else ""
        raise UsageError(f"`{path}` lists files that aren't there: {some}{more}")
