"""A lesson as a drawing: numbers in squares, the window and what counts in colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from cnndsl.printing import escape
from cnndsl.show.document import document, standalone, styles
from cnndsl.show.numbers.lesson import (
    Equation,
    Grid,
    Lesson,
    Piece,
    Section,
    beside,
    is_operator,
)

STYLE = Path(__file__).parent / "drawing.css"

WIDTH, MARGIN = 960, 24
CELL, LETTER, CAPTION = 32, 8.6, 20
"""A square's side, how wide a digit is, and how high a caption."""
GAP, LINE = 16, 24
LONGEST = 104  # letters of a line


def as_svg(lesson: Lesson, notes: tuple[str, ...] = ()) -> str:
    """A file of its own, light or dark as its reader has it."""
    return standalone(_drawing(lesson.title, notes, lesson.sections), styles(STYLE))


def as_page(lesson: Lesson, notes: tuple[str, ...] = ()) -> str:
    """An HTML page with a drawing for each step."""
    content = "".join(
        f'<section><h2>{escape(s.title)}</h2><div class="scroll">'
        f"{_drawing('', (), (s,))}</div></section>\n"
        for s in lesson.sections
    )
    extra = ".scroll svg { max-width: 960px; min-width: 640px; }\n"
    return document(lesson.title, " ".join(notes), content, styles(STYLE) + extra)


@dataclass(frozen=True, slots=True)
class _Block:
    """Something drawn at 0, 0, its size, and where its middle is, from above."""

    drawn: str
    width: float
    height: float
    middle: float = 0.0


def _drawing(title: str, notes: tuple[str, ...], sections: tuple[Section, ...]) -> str:
    parts: list[str] = []
    y, widest = float(MARGIN), 0.0
    for block in _blocks(title, notes, sections):
        parts.append(f'<g transform="translate({MARGIN} {y:g})">{block.drawn}</g>')
        y += block.height
        widest = max(widest, block.width)
    width, height = max(WIDTH, widest + 2 * MARGIN), y + MARGIN - GAP
    name = escape(title or sections[0].title)
    return (
        f'<svg class="numbers" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{name}">'
        f'<rect class="ground" width="{width:g}" height="{height:g}"/>{"".join(parts)}</svg>'
    )


def _blocks(title: str, notes: tuple[str, ...], sections: tuple[Section, ...]) -> Iterator[_Block]:
    if title:
        yield _text(title, "title", 34)
        yield from (_text(part, "note", 20) for note in notes for part in wrap(note, LONGEST))
        yield _Block("", 0, GAP / 2)
    for section in sections:
        if title:
            yield _text(section.title, "section", 30)
        for line in beside(section.lines):
            if isinstance(line, Equation):
                yield from _rows(line)
            else:
                yield from (_text(part, "", LINE) for part in wrap(line, LONGEST) or [""])
        yield _Block("", 0, GAP)


def _text(text: str, kind: str, height: float) -> _Block:
    name = f' class="{kind}"' if kind else ""
    drawn = f'<text{name} x="0" y="{height - 9:g}">{escape(text)}</text>'
    return _Block(drawn, len(text) * LETTER, height)


def _rows(line: Equation) -> Iterator[_Block]:
    """Side by side; what is drawn only where there is room, the rest in several rows if need be."""
    room, row = WIDTH - 2 * MARGIN, list[_Block]()
    pieces = [(piece, _piece(piece)) for piece in line.pieces]
    if sum(block.width + GAP for _, block in pieces) - GAP > room:
        pieces = [(p, b) for p, b in pieces if not (isinstance(p, Grid) and p.drawn_only)]
    before: Piece = ""
    for piece, block in pieces:
        if row and sum(b.width + GAP for b in row) + block.width > room:
            carried = len(row) - (is_operator(before) and len(row) > 1)
            yield _row(row[:carried])
            row = row[carried:]
        row.append(block)
        before = piece
    yield _row(row)


def _row(blocks: list[_Block]) -> _Block:
    """Blocks beside each other, their middles at one height."""
    middle, x = max(block.middle for block in blocks), 0.0
    height = max(middle - block.middle + block.height for block in blocks)
    parts: list[str] = []
    for block in blocks:
        y = middle - block.middle
        parts.append(f'<g transform="translate({x:g} {y:g})">{block.drawn}</g>')
        x += block.width + GAP
    return _Block("".join(parts), x - GAP, height + GAP)


def _piece(piece: Piece) -> _Block:
    if isinstance(piece, Grid):
        return _grid(piece)
    width = len(piece) * LETTER
    kind = "between" if len(piece) < 3 else "result"
    x = width / 2 if kind == "between" else 0
    return _Block(f'<text class="{kind}" x="{x:g}" y="15">{escape(piece)}</text>', width, 20, 10)


def _grid(grid: Grid) -> _Block:
    longest = max(len(cell) for row in grid.rows for cell in row)
    side = max(CELL, longest * LETTER + 18)
    top = CAPTION if grid.caption else 0
    left = max(map(len, grid.names), default=0) * LETTER + (GAP / 2 if grid.names else 0)
    parts = (
        [f'<text class="caption" x="{left:g}" y="13">{escape(grid.caption)}</text>'] if top else []
    )
    for r, name in enumerate(grid.names):
        place = f'x="{left - GAP / 2:g}" y="{top + (r + 0.5) * CELL + 5:g}"'
        parts.append(f'<text class="name" {place}>{escape(name)}</text>')
    marked: list[str] = []  # after the others, so that all of their edges are seen
    for r, row in enumerate(grid.rows):
        for c, cell in enumerate(row):
            mark, x, y = grid.marks.get((r, c), ""), left + c * side, top + r * CELL
            kind = mark or grid.role
            name = f' class="{kind}"' if kind else ""
            (marked if mark else parts).append(
                f'<rect{name} x="{x:g}" y="{y:g}" width="{side:g}" height="{CELL}"/>'
                f'<text class="cell{f" {mark}" * bool(mark)}" x="{x + side / 2:g}" '
                f'y="{y + CELL / 2 + 5:g}">{escape(cell)}</text>'
            )
    width = left + max(len(grid.rows[0]) * side, len(grid.caption) * LETTER * 0.8)
    height = len(grid.rows) * CELL
    return _Block("".join([*parts, *marked]), width, top + height, top + height / 2)
