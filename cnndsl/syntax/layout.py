"""Rows of text, comments and blank lines → the lines of a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cnndsl.syntax import tree

WIDTH = 100
INDENT = "    "


@dataclass(slots=True)
class Row:
    """A line without its comment: its level, its text, and the offsets that it was written at."""

    level: int
    text: str
    start: int
    end: int
    continues: bool = False  # the row above, a level further in

    @property
    def indentation(self) -> int:
        """How many levels it is indented by."""
        return self.level + self.continues


@dataclass(slots=True)
class _Printed:
    text: str
    comment: str = ""


def lay_out(rows: Iterable[Row], file: tree.File) -> str:
    """The text of a file: its rows, with its comments and blank lines between."""
    layout = _Layout(file)
    for row in rows:
        layout.comments_before(row.start, row)
        layout.row(row)
    layout.comments_before(len(file.source.text) + 1, None)
    return layout.text()


class _Layout:
    def __init__(self, file: tree.File):
        self.source = file.source.text
        self.comments = list(reversed(file.comments))
        self.printed: list[_Printed] = []
        self.columns = [0]  # in the source, of each level that is open
        self.end = 0  # in the source, of what was printed last

    def row(self, row: Row) -> None:
        if not row.continues:
            self._blank_line(row.start)
            self.columns[row.level :] = [self._column(row.start)]
        self.printed.append(_Printed(INDENT * row.indentation + row.text))
        self.end = max(self.end, row.end)

    def comments_before(self, offset: int, row: Row | None) -> None:
        """Comments up to an offset: behind the row above, or on lines of their own."""
        while self.comments and self.comments[-1].span.start < offset:
            comment = self.comments.pop()
            text = f"# {comment.text}".rstrip()
            if comment.alone:
                self._blank_line(comment.span.start)
                level = self._level(comment, row)
                self.printed.append(_Printed(INDENT * level + text))
            else:
                above = self.printed[-1]
                above.comment = f"{above.comment} {text}".lstrip()
            self.end = max(self.end, comment.span.end)

    def _level(self, comment: tree.Comment, row: Row | None) -> int:
        """A comment goes with the next row, or further in if it stands further in than that."""
        if row is not None and (row.continues or row.level >= len(self.columns)):
            return row.indentation
        least = 0 if row is None else row.level
        column = self._column(comment.span.start)
        deeper = range(least + 1, len(self.columns))
        return max((level for level in deeper if self.columns[level] <= column), default=least)

    def _blank_line(self, start: int) -> None:
        """Keep one blank line before what started there, except at the top and below a colon."""
        if not self.printed or self.printed[-1].text.endswith(":"):
            return
        if self.source.count("\n", self.end, start) > 1:
            self.printed.append(_Printed(""))

    def _column(self, offset: int) -> int:
        """How far the source's line at an offset is indented."""
        start = self.source.rfind("\n", 0, offset) + 1
        line = self.source[start:offset]
        return len(line) - len(line.lstrip(" \t\ufeff"))

    def text(self) -> str:
        """All lines. Comments behind consecutive lines start in one column."""
        lines: list[str] = []
        index = 0
        while index < len(self.printed):
            block = [self.printed[index]]
            while block[0].comment and index + len(block) < len(self.printed):
                following = self.printed[index + len(block)]
                if not following.comment:
                    break
                block.append(following)
            width = max(len(line.text) for line in block)
            lines.extend(
                f"{line.text:{width}}  {line.comment}" if line.comment else line.text
                for line in block
            )
            index += len(block)
        return "".join(f"{line}\n" for line in lines)
