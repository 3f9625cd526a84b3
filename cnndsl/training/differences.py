"""What differs between the data that a run began with and what lies there now."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnndsl.data.dataset import DataSet, Files, Split
from cnndsl.printing import printable

COLUMNS = ("example", "label", "split", "bytes")
"""Of `split.csv`; runs of before have no `bytes`."""

_LISTED = 3


@dataclass(frozen=True, slots=True)
class _Entry:
    """An example: its class, its split and, for a file, how large it is."""

    label: str
    split: str
    bytes: str


def rows(data: DataSet) -> list[dict[str, str]]:
    """List all examples for `split.csv`."""
    return [
        {"example": name, "label": e.label, "split": e.split, "bytes": e.bytes}
        for name, e in _entries(data)
    ]


def differences(kept: Path, data: DataSet) -> str:
    """Say how data differs from what `split.csv` lists; "" where that tells nothing."""
    try:
        with kept.open(encoding="utf-8", newline="") as file:
            before = {
                row["example"]: _Entry(row["label"], row["split"], row.get("bytes") or "")
                for row in csv.DictReader(file)
            }
    except (OSError, ValueError, KeyError, csv.Error):
        return ""
    now = dict(_entries(data))
    if not all(isinstance(split.source, Files) for split in data.splits.values()):
        return _counted(before, now)
    both = [name for name in now if name in before]
    found = {
        "gone": [name for name in before if name not in now],
        "new": [name for name in now if name not in before],
        "of another class": [name for name in both if before[name].label != now[name].label],
        "in another split": [name for name in both if before[name].split != now[name].split],
        "of another size": [name for name in both if _resized(before[name], now[name])],
    }
    if found["gone"] or found["new"]:
        found["in another split"] = []  # splits that are made follow from all pictures
    said = [_said(names, what) for what, names in found.items() if names]
    classes = _classes({e.label for e in before.values()}, {e.label for e in now.values()})
    if not both and before:
        said = [f"none of its {len(before):,} pictures is there by its name"]
    return "; ".join(said + classes) or "names and sizes are the same, but not what is in the files"


def _entries(data: DataSet) -> Iterator[tuple[str, _Entry]]:
    """Every example by its name, as `split.csv` may hold it."""
    for split in data.splits.values():
        sizes = _sizes(split)
        for name, target, size in zip(split.names(), split.targets, sizes, strict=True):
            label = data.labels[int(target)] if data.classes else ""
            yield printable(name), _Entry(printable(label), split.name, size)


def _sizes(split: Split) -> list[str]:
    source = split.source
    if not isinstance(source, Files):
        return [""] * len(split)
    return [str(source.paths[int(number)].stat().st_size) for number in split.index]


def _resized(before: _Entry, now: _Entry) -> bool:
    return bool(before.bytes) and before.bytes != now.bytes


def _said(names: Sequence[str], what: str) -> str:
    some = ", ".join(f"`{name}`" for name in sorted(names)[:_LISTED])
    more = ", …" if len(names) > _LISTED else ""
    return f"{len(names):,} {'is' if len(names) == 1 else 'are'} {what} ({some}{more})"


def _classes(before: set[str], now: set[str]) -> list[str]:
    said = [(sorted(before - now), "gone"), (sorted(now - before), "new")]
    return [f"of the classes {_said(names, what)}" for names, what in said if names]


def _counted(before: Mapping[str, _Entry], now: Mapping[str, _Entry]) -> str:
    """Arrays by their numbers."""
    then, today = ({(e.split, e.label) for e in entries.values()} for entries in (before, now))
    classes = _classes({label for _, label in then}, {label for _, label in today})
    said = [f"it has {len(now):,} examples, and had {len(before):,}"] * (len(now) != len(before))
    return "; ".join(said + classes) or "there are as many examples, but others"
