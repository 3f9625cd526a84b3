"""A lesson as text: grids side by side, what stands between them at half their height."""

from __future__ import annotations

from textwrap import wrap

from cnndsl.show.numbers.lesson import Equation, Grid, Lesson, Piece, beside, is_operator

WIDTH = 100
GAP = 3
BRACKETS = {"chosen": "[]"}

Block = list[str]
"""Lines of one width."""


def as_text(lesson: Lesson, notes: tuple[str, ...] = ()) -> str:
    """The whole lesson."""
    parts = ["\n".join([lesson.title, *(f"  {note}" for note in notes)])]
    for section in lesson.sections:
        lines, above = [section.title], ""
        for line in beside(section.lines):
            if isinstance(above, Equation):
                lines.append("")
            if isinstance(line, str):
                wrapped = wrap(line, WIDTH - 2, subsequent_indent="  ") or [""]
                lines += [f"  {part}".rstrip() for part in wrapped]
            else:
                lines += [f"  {part}".rstrip() for part in _written(line)]
            above = line
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _written(line: Equation) -> Block:
    """Side by side, in several rows where there isn't room."""
    rows, used = list[list[Piece]]([[]]), 0
    for piece in line.pieces:
        if isinstance(piece, Grid) and piece.drawn_only:
            continue
        width = max(map(len, _block(piece, True, 1, 0)))
        if rows[-1] and used + width > WIDTH - 2:
            operators = [rows[-1].pop()] if is_operator(rows[-1][-1]) else []
            rows.append(operators)
            used = sum(len(str(operator)) + GAP for operator in operators)
        rows[-1].append(piece)
        used += width + GAP
    return [text for row in rows for text in _row(row)]


def _row(pieces: list[Piece]) -> Block:
    captioned = any(isinstance(piece, Grid) and piece.caption for piece in pieces)
    heights = [len(p.rows) for p in pieces if isinstance(p, Grid)] or [1]
    height, middle = max(heights), (min(heights) - 1) // 2
    blocks = [_block(piece, captioned, height, middle) for piece in pieces]
    return [(" " * GAP).join(parts).rstrip() for parts in zip(*blocks, strict=True)]


def _block(piece: Piece, captioned: bool, height: int, middle: int) -> Block:
    if isinstance(piece, str):
        lines = [""] * height
        lines[middle] = piece
    else:
        lines = _grid(piece)
        lines += [""] * (height - len(lines))
    if captioned:
        lines = [piece.caption if isinstance(piece, Grid) else "", *lines]
    width = max(map(len, lines))
    return [line.ljust(width) for line in lines]


def _grid(grid: Grid) -> Block:
    bracketed = "chosen" in grid.marks.values()
    columns = list(zip(*grid.rows, strict=True))
    widths = [max(1, *map(len, column)) for column in columns]
    names = max(map(len, grid.names), default=0)
    lines: Block = []
    for r, row in enumerate(grid.rows):
        cells = [f"{grid.names[r]:>{names}}"] if names else []
        for c, (text, width) in enumerate(zip(row, widths, strict=True)):
            cell = text or "·"
            if bracketed:
                left, right = BRACKETS.get(grid.marks.get((r, c), ""), "  ")
                cells.append(f"{left + cell:>{width + 1}}{right}")
            else:
                cells.append(f"{cell:>{width}}")
        lines.append((" " if bracketed else "  ").join(cells))
    return lines
