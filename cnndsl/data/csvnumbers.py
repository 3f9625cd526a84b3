"""Pictures that a CSV file lists with one or several numbers each: `path,width,height`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnndsl.data.csvfile import (
    FLAGS,
    PATH_WORDS,
    SPLIT_COLUMNS,
    Example,
    check_missing,
    flagged,
    without_repeats,
)
from cnndsl.data.csvpaths import Places, listed
from cnndsl.data.csvtext import Row, read_rows
from cnndsl.data.dataset import SPLITS, Files, Split, split_word
from cnndsl.data.folders import Found
from cnndsl.diagnostics import UsageError

_LARGEST = float(np.finfo(np.float32).max)


def read_numbers(path: Path) -> Found:
    """Read the splits that a CSV file lists, whose first line names its columns; every column that
    has numbers in most lines is something to answer with, in their order. Raises UsageError.
    """
    rows, note = read_rows(path)
    titles, rows = [field.strip() for field in rows[0][1]], rows[1:]
    words = [title.lower() for title in titles]
    place = next((words.index(word) for word in PATH_WORDS if word in words), None)
    if place is None or not rows:
        raise UsageError(
            f"the first line of `{path}` must name the columns, and one of them `path`, and "
            f"pictures with numbers must follow"
        )
    split = next((words.index(n) for n in (*SPLIT_COLUMNS, *FLAGS) if n in words), None)
    others = [n for n in range(len(words)) if n not in (place, split)]
    columns = [n for n in others if _are_numbers(rows, n) and words[n] not in ("", *PATH_WORDS)]
    if not columns:
        raise UsageError(f"`{path}` has no column of numbers beside `{titles[place]}`")
    notes = [note] if note else []
    notes.append(f"numbers to answer with: {listed(titles[n] for n in columns)}")
    if aside := [titles[n] for n in others if n not in columns and titles[n]]:
        notes.append(f"columns of `{path.name}` that aren't used: {listed(aside, 5)}")
    flag = words[split] if split is not None and words[split] in FLAGS else None
    numbers = {row[0]: _numbers(row, columns, titles, path) for row in rows}
    examples = [
        Example(row[0], _field(row, place), repr(numbers[row[0]]), _split(row, split, flag, path))
        for row in rows
    ]
    examples = without_repeats(examples, path, notes, "numbers")
    names = [example.name for example in examples]
    splits = [example.split for example in examples]
    targets = np.array([numbers[example.line] for example in examples], np.float32)
    places = Places(path, names)
    files = places.find()
    check_missing(names, files, path, notes)
    notes += places.notes
    found: dict[str, Split] = {}
    for name in SPLITS:
        chosen = [n for n, file in enumerate(files) if file and splits[n] == name]
        if chosen:
            source = Files(tuple(file for n in chosen if (file := files[n])), path.parent)
            found[name] = Split(name, source, np.arange(len(chosen)), targets[chosen])
    return Found(found, (), notes=tuple(notes))


def _field(row: Row, number: int) -> str:
    return row[1][number].strip() if number < len(row[1]) else ""


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= _LARGEST else None


def _are_numbers(rows: Sequence[Row], column: int) -> bool:
    """Whether at least half of a column's entries are numbers."""
    return 2 * sum(_number(_field(row, column)) is not None for row in rows) >= len(rows)


def _numbers(row: Row, columns: Sequence[int], titles: Sequence[str], path: Path) -> list[float]:
    """A line's numbers. Raises UsageError."""
    found: list[float] = []
    for n in columns:
        value = _number(_field(row, n))
        if value is None:
            raise UsageError(
                f"line {row[0]} of `{path}` has `{_field(row, n)[:40]}` for `{titles[n]}`, and "
                f"numbers are wanted"
            )
        found.append(value)
    return found


def _split(row: Row, column: int | None, flag: str | None, path: Path) -> str:
    """A line's split. Raises UsageError."""
    if column is None:
        return "train"
    word = _field(row, column)
    found = flagged(word, flag) if flag else split_word(word)
    if found is None:
        raise UsageError(
            f"line {row[0]} of `{path}` has the split `{word[:40]}`: train, val or test"
        )
    return found
