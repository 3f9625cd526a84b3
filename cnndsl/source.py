"""Where text comes from: a source file and the stretches of it that things were written in."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, eq=False)
class Source:
    """A named text. `name` is what messages show: the path as the user gave it.

    `folder` is where it lies, which the files it uses may not leave; None for a text of no file.
    """

    name: str
    text: str
    folder: Path | None = None

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of each line's first character."""
        starts = [0]
        starts.extend(i + 1 for i, character in enumerate(self.text) if character == "\n")
        return starts

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its end."""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return (self.text[start:] if end < 0 else self.text[start:end]).rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source, as offsets `start` ≤ i < `end`."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """Line of the first character, counted from 1."""
        return bisect_right(self.source.line_starts, self.start)

    @property
    def column(self) -> int:
        """Column of the first character, counted from 1."""
        return self.start - self.source.line_starts[self.line - 1] + 1

    @property
    def text(self) -> str:
        """The text itself."""
        return self.source.text[self.start : self.end]

    @property
    def place(self) -> str:
        """`file:line:column`, as editors understand it."""
        return f"{self.source.name}:{self.line}:{self.column}"

    @property
    def region(self) -> dict[str, int]:
        """Lines and columns of both ends, counted from 1; the end is exclusive."""
        last = Span(self.source, self.end, self.end)
        return {
            "line": self.line,
            "column": self.column,
            "end_line": last.line,
            "end_column": last.column,
        }

    def to(self, other: Span) -> Span:
        """From this span's start to the other's end."""
        return Span(self.source, self.start, max(self.end, other.end))
