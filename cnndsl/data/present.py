"""What a check found, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from cnndsl.data.check import Extent, Findings, Group
from cnndsl.data.dataset import DataSet
from cnndsl.data.looking import LEAST_SIDE
from cnndsl.data.near_duplicates import LEAST_CORRELATION
from cnndsl.preprocessing import Preprocessing
from cnndsl.printing import printable
from cnndsl.show.figures import grouped, size
from cnndsl.show.table import Column, full_width, give_way, text_row, widths

VERSION = 1
WIDTH = 100

_MOST_CLASSES = 24
_MOST_LISTED = 8
_UNEVEN = 10  # times as many examples as the rarest class


def as_text(found: Findings, how: Preprocessing | None) -> str:
    """Classes, pictures and everything that is amiss; `how` is what was measured."""
    data = found.data
    parts = [data.describe(), ""]
    if data.labels:
        parts += [*_classes(data), ""]
    parts += [*_pictures(found, how), ""]
    parts += _damaged(found)
    parts += _groups("leaks", found.leaks, "the same picture in several splits")
    parts += _groups("contradictions", found.contradictions, "one picture in several classes")
    parts += _groups("copies", found.copies, "within a split and a class")
    parts += ["", *_remarks(found)]
    return "\n".join(map(printable, parts)).rstrip()


def as_data(found: Findings, how: Preprocessing | None, mosaic: Path | None) -> dict[str, Any]:
    """Everything, for JSON."""
    data = found.data
    return {
        "version": VERSION,
        "data": data.name,
        "kind": data.kind,
        "where": str(data.where) if data.where else None,
        "fingerprint": data.fingerprint,
        "labels": list(data.labels),
        "splits": {
            name: {
                "count": len(split),
                "made": name in data.made,
                "classes": split.class_counts(data.classes).tolist() if data.labels else None,
            }
            for name, split in data.splits.items()
        },
        "pictures": {
            "formats": found.formats,
            "modes": found.modes,
            "width": _as_data(found.width),
            "height": _as_data(found.height),
            "bytes": found.bytes,
            "mean": list(how.mean) if how else None,
            "deviation": list(how.std) if how else None,
        },
        "ignored": data.ignored,
        "notes": list(data.notes),
        "damaged": [
            {"split": d.member.split, "name": d.member.name, "reason": d.reason}
            for d in found.damaged
        ],
        "compared": found.compared,
        "groups": [
            {
                "exact": group.exact,
                "leaks": group.leaks,
                "contradicts": group.contradicts,
                "members": [
                    {"split": m.split, "name": m.name, "label": m.label or None}
                    for m in group.members
                ],
            }
            for group in found.groups
        ],
        "sound": found.sound,
        "mosaic": str(mosaic) if mosaic else None,
    }


def _as_data(extent: Extent) -> dict[str, int]:
    return {"least": extent.least, "median": extent.median, "most": extent.most}


def _classes(data: DataSet) -> Iterator[str]:
    """How many examples each class has in each split."""
    names = list(data.splits)
    columns = [Column("class", least=12), *(Column(name, "right") for name in names)]
    counts = [split.class_counts(data.classes).tolist() for split in data.splits.values()]
    rows = [
        [label, *(grouped(count[n], "·") for count in counts)]
        for n, label in enumerate(data.labels[:_MOST_CLASSES])
    ]
    if data.classes > _MOST_CLASSES:
        rows.append([f"… {data.classes - _MOST_CLASSES} more", *("…" for _ in names)])
    rows.append(["all", *(grouped(sum(count)) for count in counts)])
    found = give_way(columns, widths(columns, rows), WIDTH)
    yield text_row(columns, [column.title for column in columns], found)
    yield "─" * full_width(found)
    for row in rows:
        yield text_row(columns, row, found)


def _pictures(found: Findings, how: Preprocessing | None) -> Iterator[str]:
    """What pictures are like."""
    kinds = ", ".join(f"{count:,} {name}" for name, count in found.formats.items())
    modes = ", ".join(f"{count:,} {name}" for name, count in found.modes.items())
    yield f"pictures        {'; '.join(filter(None, [kinds, modes]))}; {size(found.bytes)}"
    for name, extent in (("widths", found.width), ("heights", found.height)):
        if extent.least == extent.most:
            yield f"{name:<15} {extent.most}"
        else:
            yield f"{name:<15} {extent.least} to {extent.most}, in the middle {extent.median}"
    if how:
        yield f"mean            {_listed(how.mean)} on the scale of 0 to 1"
        yield f"deviation       {_listed(how.std)}"


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:.4g}" for number in numbers)


def _damaged(found: Findings) -> Iterator[str]:
    count = len(found.damaged)
    yield f"{'damaged':<15} {count:,} of {sum(map(len, found.data.splits.values())):,} pictures"
    for damaged in found.damaged[:_MOST_LISTED]:
        yield f"  {damaged.member.name} ({damaged.member.split}): {damaged.reason}"
    yield from _more(count)


def _groups(title: str, groups: Sequence[Group], meaning: str) -> Iterator[str]:
    exact = sum(group.exact for group in groups)
    yield f"{title:<15} {exact:,} exact, {len(groups) - exact:,} nearly: {meaning}"
    for group in groups[:_MOST_LISTED]:
        sign = "=" if group.exact else "≈"
        labels = group.contradicts
        names = [
            f"{m.name} ({m.split}{f', {m.label}' if labels else ''})" for m in group.members[:4]
        ]
        more = f" and {len(group.members) - 4:,} more" if len(group.members) > 4 else ""
        yield f"  {f' {sign} '.join(names)}{more}"
    yield from _more(len(groups))


def _more(count: int) -> Iterator[str]:
    if count > _MOST_LISTED:
        yield f"  … {count - _MOST_LISTED:,} more (--format json has all)"


def _remarks(found: Findings) -> Iterator[str]:
    data = found.data
    for note in data.notes:
        yield f"note: {note}"
    damaged = Counter((d.member.split, d.member.label) for d in found.damaged)
    for name, split in data.splits.items() if data.labels else ():
        for label, count in zip(data.labels, split.class_counts(data.classes), strict=True):
            if count and damaged[name, label] == count:
                yield f"note: no picture of `{label}` in {name} can be read"
    if data.labels and "train" in data:
        counts = data.train.class_counts(data.classes)
        rarest, commonest = int(counts.argmin()), int(counts.argmax())
        if counts[rarest] and counts[commonest] > _UNEVEN * counts[rarest]:
            yield (
                f"note: of `{data.labels[commonest]}` there are {counts[commonest]:,} training "
                f"examples, of `{data.labels[rarest]}` {counts[rarest]:,}; class weights help"
            )
    if "train" not in data:
        yield "note: there is nothing to train on; `cnndsl eval` judges by such data"
    elif data.unlabelled:
        yield "note: pictures alone train nets whose loss compares with the picture itself"
    elif data.paired:
        yield (
            "note: pairs of pictures train nets whose loss compares with them, `loss mse(out, "
            "target)`; for a net with classes, two folders are two classes"
        )
    elif data.classes == 1:
        yield "note: training takes two classes at least; `cnndsl eval` judges by one, too"
    if data.made:
        yield f"note: {' and '.join(data.made)} taken from the training examples by the seed"
    if found.compared:
        text = (
            f"exact: the file or the array is the same, byte by byte. nearly: the pictures as "
            f"16×16 grey correlate by {LEAST_CORRELATION} and more; other sizes, compressions and "
            f"small shifts are found, larger crops and mirrored copies are not"
        )
    else:
        text = (
            f"exact: the file or the array is the same, byte by byte. Pictures below "
            f"{LEAST_SIDE} pixels are not compared for likeness"
        )
    yield from wrap(text, WIDTH)
