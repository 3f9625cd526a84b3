"""What drawings are made of, strokes, areas, dots and texts, and how they become SVG.

`kind` has the classes of a page's style sheet, which gives the colours: `line c2`. Places are in
the drawing's own units, x to the right and y down.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cnndsl.printing import escape

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points."""

    kind: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Area:
    """What a line around points encloses."""

    kind: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Dot:
    """A small filled circle."""

    kind: str
    middle: Point
    radius: float = 2.6


@dataclass(frozen=True, slots=True)
class Text:
    """A text at a place; its kind says which part of it stands there. `turned`, it goes up."""

    kind: str
    place: Point
    text: str
    turned: bool = False


Mark = Stroke | Area | Dot | Text


def as_svg(marks: Iterable[Mark]) -> str:
    """The marks as elements of an SVG."""
    return "".join(map(_element, marks))


def _element(mark: Mark) -> str:
    match mark:
        case Stroke(kind, points):
            return f'<path class="{kind}" d="M{_path(points)}"/>'
        case Area(kind, points):
            return f'<path class="{kind}" d="M{_path(points)}Z"/>'
        case Dot(kind, (x, y), radius):
            return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'
        case Text(kind, (x, y), text, turned):
            place = f'x="{x:.1f}" y="{y:.1f}"'
            if turned:
                place = f'transform="translate({x:.1f} {y:.1f}) rotate(-90)"'
            return f'<text class="{kind}" {place}>{escape(text)}</text>'


def _path(points: Sequence[Point]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
