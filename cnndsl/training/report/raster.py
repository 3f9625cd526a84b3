"""Drawings as pixels: marks in the light colours of a style sheet, for what takes no SVG."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cnndsl.data.showing import Pixels
from cnndsl.show.marks import Area, Dot, Mark, Point, Stroke, Text

SCALE = 2
"""Pixels for a unit of the drawing."""

_FINE = 2
"""It is drawn so many times larger, so that slanted lines are smooth."""

_WIDTHS = {"line": 1.6, "base": 0.8, "grid": 0.8, "mark": 1.0}
_DASHES = {"grid": (2.0, 4.0), "mark": (3.0, 3.0)}
_SIZES = {"title": 13.0}
_ANCHORS = {"y": "rs", "x": "ms"}
_INKS = {"grid": "line", "base": "soft", "mark": "soft", "title": "ink", "label": "ink"}
_BAND = 0.16
"""How much of a band's colour covers what is below; as the style sheet has it."""


def pixels(marks: Sequence[Mark], width: float, height: float, style: str) -> Pixels:
    """Draw marks on a sheet of that size, in the colours of a page's style sheet: H×W×3."""
    palette = _Palette(style)
    factor = SCALE * _FINE
    size = (round(width * factor), round(height * factor))
    image = Image.new("RGB", size, palette.variables["paper"])
    for mark in marks:
        if isinstance(mark, Area):
            _fill(image, mark, palette, factor)
        else:
            _draw(image, mark, palette, factor)
    return np.asarray(image.reduce(_FINE))


class _Palette:
    """The colours that a style sheet gives; where it has two themes, those of the first."""

    def __init__(self, style: str):
        self.variables: Mapping[str, str] = dict(
            reversed(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", style))
        )
        self._numbered = dict(re.findall(r"\.(c\d+) \{ --colour: var\(--(\w+)\)", style))

    def of(self, kind: str) -> str:
        """The colour of the marks of a kind."""
        words = kind.split()
        numbered = next((self._numbered[word] for word in words if word in self._numbered), None)
        return self.variables[numbered or _INKS.get(words[0], "soft")]


def _fill(image: Image.Image, area: Area, palette: _Palette, factor: float) -> None:
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).polygon(_scaled(area.points, factor), round(255 * _BAND))
    image.paste(palette.of(area.kind), mask=mask)


def _draw(image: Image.Image, mark: Stroke | Dot | Text, palette: _Palette, factor: float) -> None:
    pen, colour, words = ImageDraw.Draw(image), palette.of(mark.kind), mark.kind.split()
    match mark:
        case Stroke(_, points):
            width = max(1, round(factor * _WIDTHS.get(words[0], 1.0)))
            dash = _DASHES.get(words[0])
            for part in _dashes(points, *dash) if dash else [points]:
                pen.line(_scaled(part, factor), colour, width, joint="curve")
        case Dot(_, (x, y), radius):
            corners = (x - radius, y - radius, x + radius, y + radius)
            pen.ellipse([n * factor for n in corners], colour)
        case Text(_, (x, y), text, turned):
            font = ImageFont.load_default(_SIZES.get(words[0], 11.0) * factor)
            shown = "".join(c if ord(c) < 256 else "-" if c in "–−" else "?" for c in text)
            anchor = _ANCHORS.get(words[0], "ls")
            if turned:
                _write_upwards(image, (x * factor, y * factor), shown, font, colour)
            else:
                pen.text((x * factor, y * factor), shown, colour, font, anchor=anchor)


def _write_upwards(image: Image.Image, place: Point, text: str, font: Any, colour: str) -> None:
    """A text about a place, on a line that goes up."""
    left, top, right, bottom = (round(n) for n in font.getbbox(text, anchor="ls"))
    mask = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(mask).text((-left, -top), text, 255, font, anchor="ls")
    turned = mask.transpose(Image.Transpose.ROTATE_90)
    corner = (round(place[0]) + top, round(place[1] - turned.height / 2))
    image.paste(colour, corner, turned)


def _dashes(points: Sequence[Point], drawn: float, left_out: float) -> Iterator[list[Point]]:
    """The parts of a line that are drawn, by their lengths."""
    part: list[Point] = [points[0]]
    rest, visible = drawn, True
    for (x0, y0), (x1, y1) in pairwise(points):
        length, done = math.hypot(x1 - x0, y1 - y0), 0.0
        while length - done > rest:
            done += rest
            place = (x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length)
            if visible:
                yield [*part, place]
            visible, rest = not visible, left_out if visible else drawn
            part = [place]
        rest -= length - done
        part.append((x1, y1))
    if visible and len(part) > 1:
        yield part


def _scaled(points: Sequence[Point], factor: float) -> list[Point]:
    return [(x * factor, y * factor) for x, y in points]
