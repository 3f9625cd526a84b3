"""Answers as people read them, and as programs do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from cnndsl.printing import json_text, printable
from cnndsl.runtime.answers import Answer, Best, Extent, Ranked, Reading, answer, extent
from cnndsl.runtime.model import Model
from cnndsl.runtime.running import Results
from cnndsl.runtime.samples import Samples
from cnndsl.runtime.session import Array

VERSION = 1
"""The version of the JSON form, which docs/run.md describes."""

MOST_PRINTED = 1000
"""Numbers of an array that are all printed."""
WIDTH = 100

Read = Callable[[Results], list[Reading]]
"""How outputs are to be read, decided by the first results."""

_BY = {"probabilities": "", "softmax": ", softmax", "values": ", plain values"}


def text_lines(stream: Iterable[Results], read: Read) -> Iterator[str]:
    """Lines for people, an example at a time."""
    for source, output, what in _answers(stream, read):
        yield as_text(source, output, what)


def array_lines(stream: Iterable[Results]) -> Iterator[str]:
    """The arrays themselves, as NumPy writes them: rows below each other, numbers aligned. Of one
    with more than MOST_PRINTED numbers the first and the last are shown.
    """
    for results in stream:
        by_rows = [name for name in results if results.has_rows(name)]
        for number, source in enumerate(results.sources):
            for name in by_rows:
                yield _array(source, name, results[name][number])
        for name in results:
            if name not in by_rows:
                yield _array(_whole(results), name, results[name])


def _array(source: str, output: str, values: Array) -> str:
    shape = "x".join(map(str, values.shape)) or "one number"
    with np.errstate(all="ignore"):  # NumPy looks at differences that may be too large
        rows = np.array2string(
            values,
            max_line_width=WIDTH,
            precision=4,
            suppress_small=True,
            threshold=MOST_PRINTED,
        )
    return f"{printable(source)}: {printable(output)} {shape}\n{rows}"


def json_lines(
    stream: Iterable[Results], read: Read, model: Model, samples: Samples
) -> Iterator[str]:
    """One JSON object over several lines: what holds for all, and an entry for each answer."""
    head = json_text(_head(model, samples))
    line = f'{head[:-1]}, "results": ['
    for number, (source, output, what) in enumerate(_answers(stream, read)):
        yield line + "," * (number > 0)
        line = json_text(as_json(source, output, what), allow_nan=False)
    yield line
    lost = [{"input": e.source, "error": e.reason} for e in samples.unreadable or []]
    yield f'], "unreadable": {json_text(lost)}}}' if lost else "]}"


def _answers(stream: Iterable[Results], read: Read) -> Iterator[tuple[str, str, Answer]]:
    """Source, output and answer, example by example.

    An output without a row for each example has one answer, whose source is the whole batch's.
    """
    readings: list[Reading] | None = None
    for results in stream:
        readings = readings or read(results)
        by_rows = [r for r in readings if results.has_rows(r.output)]
        for number, source in enumerate(results.sources):
            for reading in by_rows:
                yield source, reading.output, answer(reading, results[reading.output][number])
        for reading in readings:
            if reading not in by_rows:
                yield _whole(results), reading.output, extent(results[reading.output])


def _whole(results: Results) -> str:
    """The source of what belongs to a whole batch."""
    return " … ".join(dict.fromkeys((results.sources[0], results.sources[-1])))


def as_text(source: str, output: str, what: Answer) -> str:
    """One example's answer, in one line or a line a class."""
    source, output = printable(source), printable(output)
    if isinstance(what, Extent):
        return f"{source}: {output} {_extent(what)}"
    lines = [f"{source}: {output}{_BY[what.scores]}"]
    lines += [f"  {_score(what, ranked):>9}  {_class(ranked)}" for ranked in what.ranked]
    return "\n".join(lines)


def _head(model: Model, samples: Samples) -> dict[str, object]:
    """What holds for all examples."""
    how = samples.picture.preprocessing if samples.picture else None
    return {
        "version": VERSION,
        "model": model.name.strip("`"),
        "random_weights": model.fresh,
        "device": model.device,
        "preprocessing": how.as_dict() if how else None,
    }


def as_json(source: str, output: str, what: Answer) -> dict[str, object]:
    """One example's answer for `json_text`; numbers that JSON lacks are null."""
    entry: dict[str, object] = {"input": source, "output": output}
    if isinstance(what, Best):
        entry["scores"] = what.scores
        entry["top"] = [
            {"class": r.number, "label": r.label or None, "score": _number(r.score)}
            for r in what.ranked
        ]
        return entry
    return entry | {
        "shape": list(what.shape),
        "minimum": what.minimum,
        "maximum": what.maximum,
        "mean": what.mean,
        "not_finite": what.not_finite,
        "values": [_number(v) for v in what.values] or None,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _class(ranked: Ranked) -> str:
    return (
        f"{printable(ranked.label)} ({ranked.number})" if ranked.label else f"class {ranked.number}"
    )


def _score(best: Best, ranked: Ranked) -> str:
    return f"{ranked.score:.4g}" if best.scores == "values" else f"{100 * ranked.score:.2f} %"


def _extent(what: Extent) -> str:
    shape = "x".join(map(str, what.shape))
    if what.values:
        return " ".join(f"{v:.6g}" for v in what.values)
    text = f"{shape}, no numbers in it"
    if what.minimum is not None:
        text = f"{shape}, {what.minimum:.4g} to {what.maximum:.4g}, mean {what.mean:.4g}"
    plural = "s" * (what.not_finite != 1)
    return f"{text}, {what.not_finite} value{plural} NaN or infinite" if what.not_finite else text
