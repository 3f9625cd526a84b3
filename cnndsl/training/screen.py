"""What a training shows: a table with a row an epoch, below it a bar for the one that runs.

Where there is no terminal the bar is left out and a line comes now and then; `JsonLines` is for
programs, `Quiet` for nobody.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, Protocol, TextIO

from cnndsl.printing import is_live, json_text, printable
from cnndsl.training.environment import memory_in_use
from cnndsl.training.folder import finite
from cnndsl.training.progress import Epoch, Progress

BAR = 24
REFRESH = 0.1  # seconds between two states of the bar
PLAIN = 30.0  # and between two lines where there is no terminal

_COLUMNS = (
    ("epoch", 7),
    ("lr", 9),
    ("train loss", 11),
    ("top-1", 10),
    ("val loss", 11),
    ("top-1", 10),
    ("top-5", 10),
    ("time", 10),
    ("", 5),
)


class Screen(Protocol):
    """A listener of the loop that can also say something."""

    def begin(self, lines: Sequence[str], facts: Mapping[str, Any]) -> None:
        """What was found and chosen, in lines for people and as facts."""
        ...

    def say(self, text: str) -> None:
        """A line for people."""
        ...

    def end(self, lines: Sequence[str], results: Mapping[str, Any]) -> None:
        """What came of it."""
        ...

    def step(self, progress: Progress, number: int, steps: int, rate: float) -> None: ...
    def evaluating(self) -> None: ...
    def epoch(self, progress: Progress) -> None: ...


class Table:
    """For people."""

    def __init__(self, epochs: int, batch: int, stream: TextIO | None = None):
        self.epochs, self.batch = epochs, batch
        self.stream = stream or sys.stdout
        self.live = is_live(self.stream)
        self._speed = _Speed()
        self._next, self._began, self._shown = 0.0, False, ""
        self._ranks = True  # whether being among the five best says anything
        self._seen = "images"  # what a step is done on

    def begin(self, lines: Sequence[str], facts: Mapping[str, Any]) -> None:
        self._ranks = facts.get("classes", 0) > 5
        self._seen = "feature vectors" if facts.get("strategy") == "features" else "images"
        for line in [*lines, ""]:
            self.say(line)

    def end(self, lines: Sequence[str], results: Mapping[str, Any]) -> None:
        for line in ["", *lines]:
            self.say(line)

    def say(self, text: str) -> None:
        self._clear()
        print(printable(text), file=self.stream, flush=True)

    def step(self, progress: Progress, number: int, steps: int, rate: float) -> None:
        now = monotonic()
        self._speed.add(now, progress.tally.examples)
        if not self._began:
            self._next = now + (0 if self.live else PLAIN)
            self._begin()
        if now < self._next:
            return
        self._next = now + (REFRESH if self.live else PLAIN)
        text = self._status(progress, number, steps)
        if self.live:
            self._show(f"{_bar(number / steps)} {text}")
        else:
            self.say(f"  {100 * number / steps:3.0f} %  {text}")

    def evaluating(self) -> None:
        if self.live:
            self._show("evaluating")

    def epoch(self, progress: Progress) -> None:
        self._begin()
        epoch = progress.epochs[-1]
        self.say(_row(self._cells(epoch, progress.best is epoch)))
        if skipped := epoch.train.get("skipped"):
            self.say(
                f"  skipped for a gradient that overflowed float16: {skipped:.0f} of its steps"
            )
        self._speed = _Speed()
        self._next = monotonic() + (0 if self.live else PLAIN)

    def _begin(self) -> None:
        if not self._began:
            self._began = True
            self.say(_row([title for title, _ in _COLUMNS]))

    def _status(self, progress: Progress, number: int, steps: int) -> str:
        speed = self._speed.value()
        parts = [f"epoch {len(progress.epochs) + 1}/{self.epochs}"]
        scores = progress.tally.scores()
        parts.append(f"loss {scores['loss']:.4f}")
        if "top1" in scores:
            parts.append(f"top-1 {100 * scores['top1']:.2f} %")
        if speed:
            whole = steps * progress.tally.examples / max(number, 1) / speed
            left = whole * (1 - number / steps)
            parts += [f"{speed:,.0f} {self._seen}/s", f"{duration(left)} left"]
            further = self.epochs - len(progress.epochs) - 1
            if further > 0:
                parts[-1] += f", {duration(left + further * whole)} with all epochs"
        memory = memory_in_use()
        if memory:
            parts.append(f"{memory / 1e9:.1f} GB")
        return "  ".join(parts)

    def _cells(self, epoch: Epoch, best: bool) -> list[str]:
        return [
            f"{epoch.number}/{self.epochs}",
            f"{epoch.rate:.2g}",
            _number(epoch.train.get("loss")),
            _percent(epoch.train.get("top1")),
            _number(epoch.val.get("loss")),
            _percent(epoch.val.get("top1")),
            _percent(epoch.val.get("top5") if self._ranks else None),
            duration(epoch.seconds),
            "best" if best else "",
        ]

    def _show(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self._shown = printable(text[:width])
        self.stream.write(f"\r{self._shown}\033[K")
        self.stream.flush()

    def _clear(self) -> None:
        if self._shown:
            self.stream.write("\r\033[K")
            self._shown = ""


class JsonLines:
    """For programs: an object a line, `event` says what it is."""

    def __init__(self, stream: TextIO | None = None):
        self.stream = stream or sys.stdout

    def write(self, event: str, **content: object) -> None:
        """One line."""
        line = json_text(finite({"event": event, **content}), allow_nan=False)
        print(line, file=self.stream, flush=True)

    def begin(self, lines: Sequence[str], facts: Mapping[str, Any]) -> None:
        self.write("begin", **facts)

    def end(self, lines: Sequence[str], results: Mapping[str, Any]) -> None:
        self.write("end", **results)

    def say(self, text: str) -> None:
        self.write("note", text=text)

    def step(self, progress: Progress, number: int, steps: int, rate: float) -> None:
        pass

    def evaluating(self) -> None:
        pass

    def epoch(self, progress: Progress) -> None:
        epoch = progress.epochs[-1]
        self.write("epoch", **epoch.row(), best=progress.best is epoch)


class Quiet:
    """Says nothing."""

    def begin(self, lines: Sequence[str], facts: Mapping[str, Any]) -> None:
        pass

    def end(self, lines: Sequence[str], results: Mapping[str, Any]) -> None:
        pass

    def say(self, text: str) -> None:
        pass

    def step(self, progress: Progress, number: int, steps: int, rate: float) -> None:
        pass

    def evaluating(self) -> None:
        pass

    def epoch(self, progress: Progress) -> None:
        pass


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


def _bar(part: float) -> str:
    eighths = round(8 * BAR * part)
    full, rest = divmod(eighths, 8)
    text = "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    return f"▕{text:<{BAR}}▏"


def _row(cells: list[str]) -> str:
    return "".join(
        f"{cell:>{width}}" for cell, (_, width) in zip(cells, _COLUMNS, strict=True)
    ).rstrip()


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"
