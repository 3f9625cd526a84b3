"""Plain tables: columns as wide as they need to be, a few that give way, figures to the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cnndsl.printing import printable

GAP = "  "
ELLIPSIS = "…"
_JOINING = "\u200c\u200d"
_VARIATIONS = "\ufe0e\ufe0f"
UNLIMITED = 1 << 20  # as a width: nothing gives way


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head and side; one that gives way is cut off with `…`, but not below `least`."""

    title: str
    side: Literal["left", "right"] = "left"
    least: int | None = None

    def fit(self, text: str, width: int) -> str:
        """The text in exactly so many columns of a terminal, all of it printable."""
        text = cut(printable(text), width)
        space = " " * (width - shown_width(text))
        return text + space if self.side == "left" else space + text


def shown_width(text: str) -> int:
    """How many columns of a terminal a text takes: two for Chinese, Japanese and Korean characters
    and for emoji, none for marks that stand on the character before.
    """
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0
        if combining(c) or c in _JOINING or c in _VARIATIONS
        else 2
        if east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def cut(text: str, width: int) -> str:
    """A text in at most so many columns, with `…` at its end where something is missing."""
    if shown_width(text) <= width:
        return text
    end = len(text)
    while end and shown_width(text[:end]) > width - 1:
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    """Each column's natural width."""
    titles = [column.title for column in columns]
    return [max(map(shown_width, cells)) for cells in zip(titles, *rows, strict=True)]


def give_way(columns: Sequence[Column], natural: Sequence[int], most: int) -> list[int]:
    """Widths with which a row has at most `most` characters, where columns can give way.

    The widest of those that can gives way first.
    """
    found = list(natural)
    spare = full_width(found) - most
    while spare > 0:
        flexible = [
            (found[i], i)
            for i, column in enumerate(columns)
            if column.least is not None and found[i] > column.least
        ]
        if not flexible:
            break
        _, widest = max(flexible)
        found[widest] -= 1
        spare -= 1
    return found


def narrowed(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], most: int, dispensable: Sequence[str]
) -> tuple[list[Column], list[Sequence[str]], list[int]]:
    """A table with rows of at most `most` characters, where that can be: its columns, rows and
    widths. It does without columns of the `dispensable` titles, one after the other, before those
    that give way are too narrow.
    """
    natural, left_out = widths(columns, rows), list(dispensable)
    kept = list(range(len(columns)))
    while True:
        chosen = [columns[i] for i in kept]
        found = give_way(chosen, [natural[i] for i in kept], most)
        if full_width(found) <= most or not left_out:
            return chosen, [[row[i] for i in kept] for row in rows], found
        title = left_out.pop(0)
        kept = [i for i in kept if columns[i].title != title]


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], found: Sequence[int]) -> str:
    """Titles, a rule, rows and a rule, in columns of the given widths."""
    rule = "─" * full_width(found)
    lines = [text_row(columns, row, found) for row in rows]
    return "\n".join([text_row(columns, [c.title for c in columns], found), rule, *lines, rule])


def text_row(columns: Sequence[Column], cells: Sequence[str], found: Sequence[int]) -> str:
    """A row in columns of the given widths."""
    fitted = (c.fit(text, w) for c, text, w in zip(columns, cells, found, strict=True))
    return GAP.join(fitted).rstrip()


def full_width(found: Sequence[int]) -> int:
    """Of a whole row."""
    return sum(found) + len(GAP) * (len(found) - 1)


def markdown_rows(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as GitHub's Markdown has it."""
    sides = ["---:" if c.side == "right" else "---" for c in columns]
    body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in ([c.title for c in columns], sides, *body)]
