"""Many runs: found below a folder, and as rows of figures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, overload

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.printing import html_table
from cnndsl.runs.choices import DATA, EPOCHS, NET, Choice, choices, differing
from cnndsl.runs.record import RunRecord
from cnndsl.training.folder import RunFolder

DEPTH = 4
MOST_FOLDERS = 20_000
SEARCH = "search.toml"

Row = dict[str, Choice]


@dataclass(frozen=True)
class Runs(Sequence[RunRecord]):
    """Runs in the order of their names; `problems` says of folders that are none, or are damaged,
    why, a sentence each.
    """

    records: tuple[RunRecord, ...]
    problems: tuple[str, ...] = ()

    @overload
    def __getitem__(self, index: int) -> RunRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RunRecord]: ...
    def __getitem__(self, index: int | slice) -> RunRecord | Sequence[RunRecord]:
        return self.records[index]

    def __len__(self) -> int:
        return len(self.records)

    def sorted_by(self, column: str, *, reverse: bool = False) -> Runs:
        """The same runs in the order of one of the `rows`' columns, smallest first, and those
        without a value last; by `score` the best first. Raises UsageError.
        """
        if column == "score":
            values = [run.best.goodness if run.best else None for run in self.records]
            reverse = not reverse
        else:
            values = [_orderly(value) for value in self.column(column)]
        known = [pair for pair in zip(values, self.records, strict=True) if pair[0] is not None]
        known.sort(key=lambda pair: pair[0], reverse=reverse)  # pyright: ignore
        others = [r for value, r in zip(values, self.records, strict=True) if value is None]
        return replace(self, records=(*(record for _, record in known), *others))

    def column(self, name: str) -> list[Choice]:
        """One column of the rows; any choice is one, too. Raises UsageError."""
        rows = self.rows()
        if all(name in row for row in rows):
            return [row[name] for row in rows]
        found = [choices(run.config) for run in self.records]
        if any(name in chosen for chosen in found):
            return [chosen.get(name) for chosen in found]
        columns = ["score", *(rows[0] if rows else ())]
        known = [*columns, *(found[0] if found else ())]
        hint = did_you_mean(name, known, f"there are {', '.join(columns)}")
        raise UsageError(f"runs have no column `{name}`; {hint}")

    def rows(self) -> list[Row]:
        """A row a run: its figures, then the choices in which the runs differ; None for what a run
        hasn't. Scores are those of the best epoch, parts of 1 where they are percentages.
        """
        chosen = differing(self.records)
        return [_row(run, c) for run, c in zip(self.records, chosen, strict=True)]

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a run a row. Raises ImportError without pandas."""
        return import_module("pandas").DataFrame(self.rows())

    def __str__(self) -> str:
        return f"{len(self)} run{'s' * (len(self) != 1)}"

    def _repr_html_(self) -> str:
        """What notebooks show."""
        rows = self.rows()
        columns = list(rows[0]) if rows else []
        return html_table(str(self), columns, ([row[name] for name in columns] for row in rows))


def find_runs(folder: Path) -> Runs:
    """Read every run below a folder, or the one that it is. Raises UsageError where there is no
    such folder, or more is below it than can be looked through.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder `{folder}`")
    records: list[RunRecord] = []
    problems: list[str] = []
    for path, is_run in _found(folder):
        try:
            if not is_run:
                raise UsageError(f"`{path}` holds no run")
            records.append(RunRecord.read(path))
        except UsageError as e:
            problems.append(str(e))
        except OSError as e:
            problems.append(f"`{path}` can't be read: {e.strerror or e}")
    return Runs(tuple(records), tuple(problems))


def holds_runs(path: Path) -> bool:
    """Whether that is a run's folder, or there is one below it."""
    return path.is_dir() and any(is_run for _, is_run in _found(path))


def _found(root: Path) -> Iterator[tuple[Path, bool]]:
    """Folders in the order of their names, and whether they are runs; those that are none and hold
    none are named at the top alone, and in the folder of a search, which has its own, not at all.
    """
    if _is_run(root):
        yield root, True
        return
    seen = {root.resolve()}
    for path in _folders(root, seen):
        below = list(_runs(path, seen, DEPTH))
        yield from ((run, True) for run in below)
        if not below and not (root / SEARCH).is_file():
            yield path, False


def _runs(path: Path, seen: set[Path], depth: int) -> Iterator[Path]:
    if _is_run(path):
        yield path
    elif depth > 1:
        for folder in _folders(path, seen):
            yield from _runs(folder, seen, depth - 1)


def _folders(path: Path, seen: set[Path]) -> list[Path]:
    """Those in a folder that weren't seen by another way, in the order of their names."""
    try:
        names = [entry.name for entry in os.scandir(path) if entry.is_dir()]
    except OSError:  # it may not be looked into
        return []
    found: list[Path] = []
    for name in sorted(names, key=_natural):
        if name.startswith("."):
            continue
        true = (path / name).resolve()
        if true not in seen:
            seen.add(true)
            found.append(path / name)
    if len(seen) > MOST_FOLDERS:
        raise UsageError(f"more than {MOST_FOLDERS:,} folders: name one that holds fewer runs")
    return found


def _is_run(path: Path) -> bool:
    return RunFolder(path).config.is_file()


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """So that `net-999` comes before `net-1000`."""
    parts = re.split(r"([0-9]{1,18})", name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _orderly(value: Choice) -> tuple[int, float, list[tuple[bool, int, str]]] | None:
    """What values are in order by: truths and numbers by size, before texts."""
    if isinstance(value, str):
        return 1, 0.0, _natural(value)
    return None if value is None else (0, float(value), [])


def _row(run: RunRecord, chosen: Row) -> Row:
    best, test = run.best, run.test or {}
    row: Row = {
        "run": str(run.folder.path),
        "net": run.net,
        "data": run.data,
        "epochs": len(run.epochs),
        "planned_epochs": run.planned,
        "ended": run.ended or None,
        "best_epoch": best.number if best else None,
        "train_loss": best.train.get("loss") if best else None,
        "val_loss": best.val.get("loss") if best else None,
        "metric": run.metric,
        "train_score": best.train.get(run.metric) if best and run.metric else None,
        "val_score": best.val.get(run.metric) if best and run.metric else None,
        "test_loss": test.get("loss"),
        "test_score": run.test_score,
        "parameters": run.parameters,
        "macs": run.macs,
        "seconds": round(run.seconds, 3),
    }
    for name, value in chosen.items():
        if name not in (NET, DATA, EPOCHS):  # they are among the figures
            row[f"set {name}" if name in row else name] = value
    return row
