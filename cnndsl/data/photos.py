"""Pillow's part in the data: pictures of any size are resized, moved and cut here.

Beside `cnndsl.runtime.images`, which reads and writes them, the only place that knows Pillow. Its
functions give up Python's lock while they work, so that threads share the cores.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ImageDraw, ImageFont

from cnndsl.data.augmentation import Plan
from cnndsl.data.warp import beyond
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime import images
from cnndsl.runtime.images import FILTERS, Image, open_picture
from cnndsl.runtime.pictures import PictureInput

Picture = Image.Image
Box = tuple[int, int, int, int]

MOST_PIXELS = 1 << 25
"""A strip of 1x10,000 pixels would be enlarged beyond all bounds."""

MANY_PIXELS = 1 << 25
_LONGEST = 200  # characters that are written
_one_at_a_time = Lock()
_TURNING = {
    "nearest": Image.Resampling.NEAREST,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.BICUBIC,
}
"""How pixels are read between places; bilinear where nothing else is said."""


def opened(path: Path, channels: int) -> Picture:
    """A file's picture as it is; `cnndsl.runtime.images.open_picture` for several threads.

    Very large ones are decoded one at a time, or a folder of them would fill the memory.
    """
    try:
        _, _, width, height = header(path)
    except Exception:  # whatever decoders raise over damaged files is told apart there
        width = height = 0
    if width * height <= MANY_PIXELS:
        return open_picture(path, channels)
    with _one_at_a_time:
        return open_picture(path, channels)


def of_pixels(pixels: npt.NDArray[Any], picture: PictureInput) -> Picture:
    """A picture C×H×W in memory, bytes of 1 or 3 channels, as it is."""
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    mode = "L" if picture.channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def of_bytes(pixels: npt.NDArray[np.uint8]) -> Picture:
    """A grey picture of bytes H×W."""
    return Image.fromarray(pixels)


def raw(path: Path) -> tuple[npt.NDArray[Any], str]:
    """A file's numbers as they are, upright, H×W or H×W×channels, and what Pillow calls their kind;
    of a palette the places in it. Raises UsageError.
    """
    image = open_picture(path, None)
    return np.asarray(image), {"F": "float"}.get(image.mode, image.mode)


def mask_input(picture: PictureInput) -> PictureInput:
    """How a mask goes the way of its picture: nothing is mixed."""
    how = Preprocessing(
        resize=picture.preprocessing.resize,
        crop=picture.preprocessing.crop,
        interpolation="nearest",
        scale=1.0,
    )
    return replace(picture, channels=1, preprocessing=how)


def plane(values: npt.NDArray[np.float32], picture: PictureInput) -> npt.NDArray[np.float32]:
    """One channel H×W of a picture in memory, resized and cropped."""
    return pixels_of(covering(Image.fromarray(values), picture), picture)[0].astype(np.float32)


def covering(image: Picture, picture: PictureInput) -> Picture:
    """Resized as `cnndsl.runtime.images.prepare` does it, but not cropped yet.

    What lies around the crop is what shifts and turns bring into sight.
    """
    how, (height, width) = picture.preprocessing, picture.sides
    if how.crop == "stretch" or (how.resize is None and image.size == (width, height)):
        return _resized(image, width, height, how.interpolation)
    shorter, resize = min(height, width), how.resize_for(height, width)
    across, down = width * resize // shorter, height * resize // shorter
    if image.width * down <= image.height * across:
        down = int(across * image.height / image.width)
    else:
        across = int(down * image.width / image.height)
    return _resized(image, across, down, how.interpolation)


def pixels_of(
    image: Picture, picture: PictureInput, plan: Plan | None = None
) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32]:
    """The pixels that the net sees of a covering picture, C×H×W, 0 to 255.

    `plan` is that of this picture alone. Bytes; float32 for grey pictures of 16 bits.
    """
    height, width = picture.sides
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    if plan is None or not plan.augmentation.geometric:
        cut = image.crop((left, top, left + width, top + height))
    elif plan.augmentation.turns:
        cut = _turned(image, picture, plan)
    else:
        cut = _moved(image, (left, top, left + width, top + height), plan)
    pixels = np.asarray(cut)
    if pixels.ndim == 2:
        return np.broadcast_to(pixels, (picture.channels, *pixels.shape))
    return pixels.transpose(2, 0, 1)


def _resized(image: Picture, width: int, height: int, interpolation: str) -> Picture:
    if width * height > MOST_PIXELS:
        raise UsageError(
            f"a picture of {image.width}x{image.height} would become one of {width}x{height}; "
            f"its proportions can't be meant"
        )
    if image.size == (width, height):
        return image
    return image.resize((width, height), FILTERS[interpolation])


def _moved(image: Picture, box: Box, plan: Plan) -> Picture:
    """A crop shifted by whole pixels, and mirrored; see `cnndsl.data.warp` for the same."""
    left, top, right, bottom = box
    mirrored, upside_down = plan.matrices[0, 0, 0] < 0, plan.matrices[0, 1, 1] < 0
    across = round(plan.shifts[0, 0] * (right - left)) * (1 if mirrored else -1)
    down = round(plan.shifts[0, 1] * (bottom - top)) * (1 if upside_down else -1)
    box = left + across, top + down, right + across, bottom + down
    image, box = _surrounded(image, box, plan)
    cut = image.crop(box)
    if mirrored:
        cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return cut.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if upside_down else cut


def _turned(image: Picture, picture: PictureInput, plan: Plan) -> Picture:
    """Any affine change, about the middle of the picture."""
    height, width = picture.sides
    (a, b), (d, e) = plan.matrices[0].tolist()
    x, y = (0.5 + plan.shifts[0]) * (width, height)
    c = image.width / 2 - a * x - b * y
    f = image.height / 2 - d * x - e * y
    corners = [(across, down) for across in (0, width) for down in (0, height)]
    xs = [a * across + b * down + c for across, down in corners]
    ys = [d * across + e * down + f for across, down in corners]
    box = math.floor(min(xs)), math.floor(min(ys)), math.ceil(max(xs)), math.ceil(max(ys))
    image, moved = _surrounded(image, box, plan)
    return image.transform(
        (width, height),
        Image.Transform.AFFINE,
        (a, b, c + moved[0] - box[0], d, e, f + moved[1] - box[1]),
        _TURNING.get(picture.preprocessing.interpolation, Image.Resampling.BILINEAR),
        fillcolor=_colour(image, plan),
    )


def _surrounded(image: Picture, box: Box, plan: Plan) -> tuple[Picture, Box]:
    """The picture with what lies beyond its edges, as far as a box looks; and the box in it."""
    left, top = max(0, -box[0]), max(0, -box[1])
    right, bottom = max(0, box[2] - image.width), max(0, box[3] - image.height)
    if not (left or top or right or bottom):
        return image, box
    if plan.augmentation.fill == "constant":
        size = image.width + left + right, image.height + top + bottom
        around = Image.new(image.mode, size, _colour(image, plan))
        around.paste(image, (left, top))
    else:
        rows = _beyond(image.height, top, bottom, plan)
        columns = _beyond(image.width, left, right, plan)
        around = Image.fromarray(np.asarray(image).take(rows, axis=0).take(columns, axis=1))
    return around, (box[0] + left, box[1] + top, box[2] + left, box[3] + top)


def _beyond(size: int, before: int, after: int, plan: Plan) -> npt.NDArray[np.int64]:
    margin = max(before, after)
    places = beyond(size, margin, plan.augmentation.fill)
    return places[margin - before : margin + size + after]


def _colour(image: Picture, plan: Plan) -> Any:
    value = plan.augmentation.fill_value
    return value if image.mode == "F" else (round(value),) * len(image.getbands())


def header(path: Path) -> tuple[str, str, int, int]:
    """A file's format, its kind of pixels, and its width and height, from its beginning alone.

    Raises what Pillow does where it is no picture.
    """
    with path.open("rb") as stream, images.opened(stream) as image:
        return image.format or "", image.mode, image.width, image.height


def small_grey(image: Picture, side: int) -> npt.NDArray[np.uint8]:
    """The whole picture, squeezed to a few pixels."""
    return np.asarray(image.convert("L").resize((side, side), Image.Resampling.BOX))


def written_beside(
    pixels: npt.NDArray[np.uint8], texts: list[tuple[str, int]], width: int
) -> npt.NDArray[np.uint8]:
    """The picture H×W×3 with texts at its left edge, each about its height, cut if too long."""
    return written_on(pixels, [(text, 4, middle, width) for text, middle in texts])


def written_on(
    pixels: npt.NDArray[np.uint8], texts: Iterable[tuple[str, int, int, int]], size: int = 10
) -> npt.NDArray[np.uint8]:
    """The picture H×W×3 with texts: each at a left edge, about a height, cut to a width."""
    image = Image.fromarray(pixels)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    for text, left, middle, width in texts:
        shown = "".join(c if c.isprintable() and ord(c) < 256 else "?" for c in text[:_LONGEST])
        while shown and draw.textlength(shown, font) > width:
            shown = shown[:-1]
        _, top, _, bottom = draw.textbbox((0, 0), "Ag", font)
        draw.text((left, middle - (top + bottom) / 2), shown, "black", font)
    return np.asarray(image)
