"""What a training shows: a table with a row an epoch, below it a bar for the one that runs.

Where there is no terminal the bar is left out and a line comes now and then; `JsonLines` is for
programs.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TextIO

from cnndsl.data.targets import SCORES
from cnndsl.printing import is_live, json_text, printable
from cnndsl.show.table import cut, shown_width
from cnndsl.training.callbacks import Callback, EpochEnd, RunBegin, RunEnd, StepEnd
from cnndsl.training.environment import memory_in_use
from cnndsl.training.folder import finite

BAR, SHORT_BAR = 24, 10
WIDE = 100  # columns from which on the bar has its whole length
REFRESH = 0.1  # seconds between two states of the bar
PLAIN = 30.0  # and between two lines where there is no terminal

_USUAL = ("top1", "top5")
_MANY = 100.0  # a loss that has no room for four digits behind the point


@dataclass(frozen=True, slots=True)
class _Column:
    """`score` is the metric that it shows; a narrow terminal does without those that are
    `dispensable`, in the order of the numbers.
    """

    title: str
    width: int
    score: str = ""
    dispensable: int = 0


def _columns(scores: Sequence[str]) -> list[_Column]:
    """Those of validation's `scores` at the right; right answers of training too."""
    first, last = scores[:1], len(scores) - 1
    return [
        _Column("epoch", 7),
        _Column("lr", 8, dispensable=2),
        _Column("train loss", 11, "train_loss"),
        *(_Column(SCORES[n].title, 10, f"train_{n}", 3) for n in first if n == _USUAL[0]),
        _Column("val loss", 9, "val_loss"),
        *(
            _Column(SCORES[n].title, 10, f"val_{n}", 1 if place and place == last else 0)
            for place, n in enumerate(scores)
        ),
        _Column("time", 9),
        _Column("", 5),
    ]


class Table(Callback):
    """For people."""

    def __init__(self, stream: TextIO | None = None):
        self.epochs = 0
        self.stream = stream or sys.stdout
        self.live = is_live(self.stream)
        self._speed = _Speed()
        self._next, self._began, self._shown = 0.0, False, ""
        self._columns = _columns(_USUAL)
        self._ranks = True  # whether being among the five best says anything
        self._seen = "images"  # what a step is done on

    def on_begin(self, begin: RunBegin, /) -> None:
        self.epochs = begin.epochs
        self._columns = _columns(begin.facts.get("scores", _USUAL))
        self._ranks = begin.facts.get("classes", 0) > 5
        self._seen = "feature vectors" if begin.facts.get("strategy") == "features" else "images"
        for line in [*begin.lines, ""]:
            self.on_note(line)

    def on_end(self, end: RunEnd, /) -> None:
        for line in ["", *end.lines] if end.lines else ():
            self.on_note(line)

    def on_note(self, text: str, /) -> None:
        self._clear()
        text = printable(text)
        print(_wrapped(text, self._width()) if self.live else text, file=self.stream, flush=True)

    def _width(self) -> int:
        """Columns that a line may take: the last stays free, since some terminals wrap there."""
        return shutil.get_terminal_size().columns - 1

    def on_step(self, step: StepEnd, /) -> None:
        now = monotonic()
        self._speed.add(now, step.running_metrics.examples)
        if not self._began:
            self._next = now + (0 if self.live else PLAIN)
            self._begin()
        if now < self._next:
            return
        self._next = now + (REFRESH if self.live else PLAIN)
        part, text = step.place / step.steps, self._status(step)
        if self.live:
            self._show(part, text)
        else:
            self.on_note(f"  {100 * part:3.0f} %  {'  '.join(text)}")

    def on_evaluation(self) -> None:
        if self.live:
            self._show(None, ["evaluating"])

    def on_epoch(self, epoch: EpochEnd, /) -> None:
        self._begin()
        self.on_note(self._row(self._cells(epoch)))
        if skipped := epoch.metrics.get("train_skipped"):
            self.on_note(
                f"  skipped for a gradient that overflowed float16: {skipped:.0f} of its steps"
            )
        self._speed = _Speed()
        self._next = monotonic() + (0 if self.live else PLAIN)

    def _begin(self) -> None:
        if not self._began:
            self._began = True
            self.on_note(self._row([column.title for column in self._columns]))

    def _row(self, cells: list[str]) -> str:
        """A row of the table, without what there is no room for."""
        chosen = dict(zip(self._columns, cells, strict=True))
        spare = sorted((c for c in chosen if c.dispensable), key=lambda c: c.dispensable)
        for column in spare if self.live else ():
            if sum(c.width for c in chosen) > self._width():
                del chosen[column]
        return "".join(f"{cell:>{column.width}}" for column, cell in chosen.items()).rstrip()

    def _status(self, step: StepEnd) -> list[str]:
        """What is said of the epoch that runs, the most important first."""
        speed = self._speed.value()
        parts = [f"epoch {step.epoch}/{self.epochs}"]
        scores = step.running_metrics.scores()
        parts.append(f"loss {scores['loss']:.4f}")
        if "top1" in scores:
            parts.append(f"top-1 {100 * scores['top1']:.2f} %")
        if speed:
            whole = step.steps * step.running_metrics.examples / step.place / speed
            left = whole * (1 - step.place / step.steps)
            parts += [f"{duration(left)} left", f"{speed:,.0f} {self._seen}/s"]
            further = self.epochs - step.epoch
            if further > 0:
                parts.append(f"all epochs in {duration(left + further * whole)}")
        memory = memory_in_use()
        if memory:
            parts.append(f"{memory / 1e9:.1f} GB")
        return parts

    def _cells(self, epoch: EpochEnd) -> list[str]:
        metrics = epoch.metrics
        others = {
            "epoch": f"{epoch.epoch}/{self.epochs}",
            "lr": f"{metrics['lr']:.2g}",
            "time": duration(metrics["seconds"]),
            "": "best" if epoch.best else "",
        }
        return [
            self._figure(column.score, metrics) if column.score else others[column.title]
            for column in self._columns
        ]

    def _figure(self, score: str, metrics: Mapping[str, float]) -> str:
        """A metric as it is written; a dash where there is none, or it says nothing."""
        value, kind = metrics.get(score), score.split("_", 1)[1]
        if kind == "loss":
            return "–" if value is None else f"{value:.4f}" if value < _MANY else f"{value:.3g}"
        return SCORES[kind].text(None if kind == "top5" and not self._ranks else value)

    def _show(self, part: float | None, text: Sequence[str]) -> None:
        """A line that the next one takes the place of: a bar, shorter on a narrow terminal, and as
        many of the parts of the text as fit beside it.
        """
        width = self._width()
        bar = "" if part is None else f"{_bar(part, BAR if width >= WIDE else SHORT_BAR)} "
        shown = list(text)
        while len(shown) > 1 and len(bar) + len("  ".join(shown)) > width:
            shown.pop()
        self._shown = cut(printable(bar + "  ".join(shown)), width)
        self.stream.write(f"\r{self._shown}\033[K")
        self.stream.flush()

    def _clear(self) -> None:
        if self._shown:
            self.stream.write("\r\033[K")
            self._shown = ""


class JsonLines(Callback):
    """For programs: an object a line, `event` says what it is."""

    def __init__(self, stream: TextIO | None = None):
        self.stream = stream or sys.stdout

    def write(self, event: str, **content: object) -> None:
        """One line."""
        line = json_text(finite({"event": event, **content}), allow_nan=False)
        print(line, file=self.stream, flush=True)

    def on_begin(self, begin: RunBegin, /) -> None:
        self.write("begin", run=str(begin.run), **begin.facts)

    def on_end(self, end: RunEnd, /) -> None:
        if end.results:
            self.write("end", **end.results)

    def on_note(self, text: str, /) -> None:
        self.write("note", text=text)

    def on_epoch(self, epoch: EpochEnd, /) -> None:
        self.write("epoch", **epoch.metrics, best=epoch.best)


class _Speed:
    """Examples a second over the last while."""

    def __init__(self, window: float = 10.0):
        self._window = window
        self._seen: list[tuple[float, int]] = []

    def add(self, now: float, examples: int) -> None:
        self._seen.append((now, examples))
        while len(self._seen) > 2 and self._seen[0][0] < now - self._window:
            self._seen.pop(0)

    def value(self) -> float:
        (start, first), (end, last) = self._seen[0], self._seen[-1]
        return (last - first) / (end - start) if end > start else 0.0


def duration(seconds: float) -> str:
    """`48 s`, `3:05 min`, `2:10 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if seconds < 6000:
        whole = round(seconds)
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d} h"


def _wrapped(line: str, width: int) -> str:
    """A line between words where it is too long for the terminal, its rest below its text."""
    if shown_width(line) <= width:
        return line
    found = re.match(r"\S+ {2,}|optimiser ", line)  # `data      hymenoptera: class folders …`
    start = found[0] if found else line[: len(line) - len(line.lstrip())]
    margin = " " * (len(start) if found else len(start) + 2)
    lines, last = list[str](), start
    for word in line[len(start) :].split():
        if last.strip() and shown_width(last) + shown_width(word) > width:
            lines.append(last.rstrip())
            last = margin
        last += word + " "
    return "\n".join([*lines, last.rstrip()])


def _bar(part: float, length: int) -> str:
    eighths = round(8 * length * part)
    full, rest = divmod(eighths, 8)
    text = "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    return f"▕{text:<{length}}▏"
