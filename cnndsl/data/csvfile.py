"""Pictures that a CSV file lists: `path,label` or `path,label,split`, with a first row that says so
or without one, as people and competitions write them.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnndsl.data.csvpaths import Places, listed
from cnndsl.data.csvtext import Row, first_rows, read_rows
from cnndsl.data.dataset import SPLITS, Files, Split, split_word
from cnndsl.data.folders import Found, without_training
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.labels import composed, ordered
from cnndsl.runtime.searching import PICTURE_SUFFIXES

PATH_WORDS = (
    "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img",
    "img_path", "image_file", "image_name", "img_name", "images", "image_id", "imageid", "img_id",
    "id_code", "picture", "photo", "fname", "name", "id",
)  # fmt: skip
_LABEL = (
    "label", "labels", "class", "classes", "category", "target", "y", "class_name", "classname",
    "label_name", "category_name", "class_id", "label_id", "category_id", "tag", "tags", "species",
    "breed", "diagnosis", "dx",
)  # fmt: skip
SPLIT_COLUMNS = ("split", "set", "subset", "partition")
FLAGS = {"is_valid": "val", "is_val": "val", "is_validation": "val", "is_test": "test"}
_YES, _NO = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no", "")
_ONES, _ZEROS = ("1", "1.0"), ("0", "0.0")
_ONLY_NAMES = ("name", "id")  # many other tables have such columns
_MOST_MISSING = 0.1
_LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which column is what. Of several labels one column each is 1 or 0."""

    path: int
    labels: tuple[int, ...]
    names: tuple[str, ...]
    split: int | None = None
    flag: str | None = None
    aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A line of a list: its number from 1, the picture's name, what it answers with, its split."""

    line: int
    name: str
    label: str
    split: str


def read_csv(path: Path) -> Found:
    """Read the splits that a CSV file lists; paths are seen from its folder.

    Labels are names or numbers, in their natural order (`2` before `10`), or columns of which one
    is 1. Raises UsageError.
    """
    rows, note = read_rows(path)
    columns, rows = _columns(rows, path)
    if not rows:
        raise UsageError(f"`{path}` lists no pictures below its first line")
    notes = [note] if note else []
    if columns.aside:
        notes.append(f"columns of `{path.name}` that aren't used: {listed(columns.aside, 5)}")
    examples = [_example(row, columns, path) for row in rows]
    examples = without_repeats(examples, path, notes)
    _check_single_labels(examples, path)
    places = Places(path, [example.name for example in examples])
    files = places.find()
    check_missing([example.name for example in examples], files, path, notes)
    notes += places.notes
    labels = ordered(e.label for e, file in zip(examples, files, strict=True) if file)
    number = {label: n for n, label in enumerate(labels)}
    splits: dict[str, Split] = {}
    for name in SPLITS:
        found = [
            (file, number[example.label])
            for example, file in zip(examples, files, strict=True)
            if file and example.split == name
        ]
        if found:
            targets = np.array([target for _, target in found], np.int64)
            source = Files(tuple(file for file, _ in found), path.parent)
            splits[name] = Split(name, source, np.arange(len(found)), targets)
    if len(columns.labels) > 1:
        unused = [name for name in columns.names if composed(name) not in number]
        if unused:
            notes.append(f"no picture is of {listed(unused, 5)}")
    return Found(splits, labels, notes=(*notes, *without_training(splits, labels)))


def lists_pictures(path: Path) -> bool:
    """Whether the first lines of a CSV file name the columns, or files that are there."""
    if "submission" in path.stem.lower():  # what a competition wants to be filled in
        return False
    try:
        rows = [(n, row) for n, row in enumerate(first_rows(path), 1)]
        if not rows or len(rows[0][1]) < 2:
            return False
        columns, examples = _columns(rows, path)
        first = [word.strip().lower() for word in rows[0][1]]
        named = len(examples) < len(rows) and not {*_LABEL}.isdisjoint(first)
        if named and first[columns.path] in PATH_WORDS and first[columns.path] not in _ONLY_NAMES:
            return True
        names = [row[columns.path].strip() for _, row in examples[:_LOOKED_AT]]
        return any(Places(path, names).find())
    except (OSError, ValueError, IndexError, csv.Error, UsageError):
        return False


def _columns(rows: Sequence[Row], path: Path) -> tuple[_Columns, Sequence[Row]]:
    """Which column is what, and the rows that are examples. Raises UsageError."""
    first = [field.strip() for field in rows[0][1]]
    words = [word.lower() for word in first]
    known = {*PATH_WORDS, *_LABEL, *SPLIT_COLUMNS, *FLAGS}
    if not known & set(words) or any(Path(word).suffix in PICTURE_SUFFIXES for word in words):
        if _is_title(rows, path):
            return _Columns(0, (1,), ()), rows[1:]
        return _Columns(0, (1,), (), 2 if len(first) > 2 else None), rows
    split = next((words.index(name) for name in SPLIT_COLUMNS if name in words), None)
    flags = [name for name in FLAGS if name in words] if split is None else []
    if flags:
        split = words.index(flags[0])
    place = next((words.index(name) for name in PATH_WORDS if name in words), None)
    label = next((words.index(n) for n in _LABEL if n in words and words.index(n) != place), None)
    free = [n for n in range(len(words)) if n not in (place, label, split) and words[n]]
    if place is None and label is not None and len(free) == 1:
        place, free = free[0], []
    if place is None:
        raise UsageError(
            f"the first line of `{path}` names no column of paths: call it `path`, and that of the "
            f"classes `label`"
        )
    flag = flags[0] if flags else None
    several = free if label is None else sorted([*free, label])
    some = [row for _, row in rows[1 : 1 + _LOOKED_AT]]
    if len(several) > 1 and all(_is_one_hot(row, several, label is not None) for row in some):
        names = tuple(first[n] for n in several)
        return _Columns(place, tuple(several), names, split, flag), rows[1:]
    if label is not None:
        aside = tuple(first[n] for n in free)
        return _Columns(place, (label,), (), split, flag, aside), rows[1:]
    if len(free) == 1:
        return _Columns(place, (free[0],), (), split, flag), rows[1:]
    others = f": {listed((first[n] for n in free), 5)}" if free else ""
    raise UsageError(
        f"the first line of `{path}` must name the columns path and label; call one of the others "
        f"`label`{others}"
    )


def _is_title(rows: Sequence[Row], path: Path) -> bool:
    """Whether the first of two columns begins with a title, since what follows are files."""
    if len(rows) < 2 or len(rows[0][1]) != 2:
        return False
    first, second = (path.parent / row[0].strip().replace("\\", "/") for _, row in rows[:2])
    try:
        return second.is_file() and not first.is_file()
    except (OSError, ValueError):
        return False


def _is_one_hot(row: Sequence[str], columns: Sequence[int], strictly: bool) -> bool:
    """Whether all of these are 1 or 0; `strictly`: a single 1 among them."""
    values = [row[n].strip() for n in columns if n < len(row)]
    ones = sum(value in _ONES for value in values)
    return all(value in (*_ONES, *_ZEROS) for value in values) and (ones == 1 or not strictly)


def _example(row: Row, columns: _Columns, path: Path) -> Example:
    """What a row says. Raises UsageError."""
    line, fields = row
    last = max(columns.path, *columns.labels, columns.split or 0)
    if len(fields) <= last:
        raise UsageError(f"line {line} of `{path}` has {len(fields)} fields, too few")
    name = fields[columns.path].strip()
    label = fields[columns.labels[0]].strip()
    if len(columns.labels) > 1:
        label = _chosen(line, fields, columns, path)
    if not name or not label:
        raise UsageError(f"line {line} of `{path}` names no file, or no label for it")
    split = "train"
    if columns.split is not None:
        word = fields[columns.split].strip()
        split = flagged(word, columns.flag) if columns.flag else split_word(word)
        if split is None:
            wanted = "True or False" if columns.flag else "train, val or test"
            what = f"`{columns.flag}`" if columns.flag else "the split"
            raise UsageError(f"line {line} of `{path}` has {what} `{word[:40]}`: {wanted}")
    return Example(line, name, composed(label), split)


def flagged(word: str, flag: str) -> str | None:
    """The split that True or False means in a column such as `is_valid`; None for other words."""
    if word.lower() in _YES:
        return FLAGS[flag]
    return "train" if word.lower() in _NO else None


def _chosen(line: int, fields: Sequence[str], columns: _Columns, path: Path) -> str:
    """The class whose column is 1. Raises UsageError where it isn't exactly one."""
    chosen = [
        name
        for name, n in zip(columns.names, columns.labels, strict=True)
        if fields[n].strip() in _ONES
    ]
    if len(chosen) != 1:
        said = f"`{'`, `'.join(chosen[:3])}`" if chosen else "no class"
        raise UsageError(
            f"line {line} of `{path}` gives a picture {said}; a net with classes takes exactly one "
            f"for each"
        )
    return chosen[0]


def without_repeats(
    examples: Sequence[Example], path: Path, notes: list[str], labels: str = "labels"
) -> list[Example]:
    """Each line once; remarks on pictures that are listed with several labels or splits."""
    met: dict[str, Example] = {}
    kept: list[Example] = []
    repeated, contradicting, leaking = 0, list[str](), list[str]()
    for example in examples:
        before = met.setdefault(example.name, example)
        if before is not example:
            if before.label != example.label:
                contradicting.append(example.name)
            elif before.split != example.split:
                leaking.append(example.name)
            else:
                repeated += 1
                continue
        kept.append(example)
    if repeated:
        notes.append(f"`{path.name}` repeats lines, {repeated:,} in all, which count once")
    for names, what in ((contradicting, f"with several {labels}"), (leaking, "in several splits")):
        if names:
            notes.append(f"`{path.name}` lists pictures {what}: {listed(dict.fromkeys(names))}")
    return kept


def _check_single_labels(examples: Sequence[Example], path: Path) -> None:
    """Raise UsageError where a label is a list of labels: `scab rust`, `road|water`."""
    single = {example.label for example in examples}
    for example in examples:
        for sign in "|;, ":
            parts = [part.strip() for part in example.label.split(sign) if part.strip()]
            alone = sign == "|" or all(part in single for part in parts)
            if len(parts) > 1 and alone and len(set(parts)) == len(parts):
                raise UsageError(
                    f"line {example.line} of `{path}` gives a picture several labels, "
                    f"`{example.label[:60]}`; a net with classes takes exactly one for each"
                )


def check_missing(
    names: Sequence[str],
    files: Sequence[Path | None],
    path: Path,
    notes: list[str],
) -> None:
    """A remark on files that aren't there. Raises UsageError where they are many."""
    missing = [name for name, file in zip(names, files, strict=True) if file is None]
    if len(missing) > _MOST_MISSING * len(names):
        many = "a file that isn't there"
        if len(missing) > 1:
            many = f"{len(missing):,} of {len(names):,} files that aren't there"
        some = listed(str(path.parent / name) for name in missing)
        raise UsageError(
            f"`{path}` lists {many}: {some}; paths are seen from the folder of the list"
        )
    if missing:
        notes.append(
            f"{len(missing):,} of {len(names):,} files that `{path.name}` lists aren't there, "
            f"left out: {listed(missing)}"
        )
