"""Whether there is something to learn from: a picture of each class that can be read."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from cnndsl.data.dataset import DataSet, Files, Split
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.session import available_cores

_HEIC = (".heic", ".heif", ".hif")
_LISTED = 5


def with_remarks(data: DataSet) -> DataSet:
    """Add remarks for those who train: on classes of which no training picture can be read, and on
    classes without pictures for validation.
    """
    if not data.classes or "train" not in data or not isinstance(data.train.source, Files):
        return data
    reasons = unreadable_classes(data.train)
    notes = [
        f"no training picture of `{data.labels[number]}` can be read: {reason}"
        for number, reason in list(reasons.items())[:_LISTED]
    ]
    if len(reasons) > _LISTED:
        notes.append(f"nor of {len(reasons) - _LISTED} more classes")
    if "val" in data:
        train, val = (data[name].class_counts(data.classes) for name in ("train", "val"))
        without = [data.labels[n] for n in range(data.classes) if train[n] and not val[n]]
        if without:
            some = ", ".join(f"`{label}`" for label in without[:_LISTED])
            more = f" and {len(without) - _LISTED} more" if len(without) > _LISTED else ""
            notes.append(f"there are no validation pictures of {some}{more}")
    return replace(data, notes=(*data.notes, *notes))


def unreadable_classes(split: Split) -> dict[int, str]:
    """Find the classes of pictures in files of which none can be read, with the first's reason."""
    source = split.source
    assert isinstance(source, Files)
    paths: dict[int, list[Path]] = {}
    for place, target in zip(split.index.tolist(), split.targets.tolist(), strict=True):
        paths.setdefault(int(target), []).append(source.paths[int(place)])
    with ThreadPoolExecutor(available_cores(), "data") as pool:
        reasons = pool.map(_reason, paths.values())
        return {number: why for number, why in zip(paths, reasons, strict=True) if why}


def heic_remark(splits: Sequence[Split]) -> list[str]:
    """Say that HEIC pictures need a library, where there are some and it is missing."""
    sources = {id(split.source): split.source for split in splits}.values()
    count = sum(
        path.suffix.lower() in _HEIC
        for source in sources
        if isinstance(source, Files)
        for path in source.paths
    )
    if not count or find_spec("pillow_heif"):
        return []
    return [
        f"{count:,} pictures are HEIC, which needs pillow-heif (`pip install pillow-heif`); until "
        f"then they can't be read"
    ]


def _reason(paths: Sequence[Path]) -> str:
    """Why none of these pictures can be read; empty where one can."""
    from cnndsl.data import photos

    first = ""
    for path in paths:
        try:
            photos.opened(path, 3)
        except UsageError as e:
            first = first or str(e)
        else:
            return ""
    return first
