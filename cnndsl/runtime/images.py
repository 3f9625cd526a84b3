"""The one door to Pillow: from the file of a picture to the array that a net takes, and back."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.pictures import PictureInput

try:
    from PIL import ExifTags, Image
except ModuleNotFoundError:
    raise UsageError("pictures need Pillow: `pip install pillow`") from None

# Named so that no picture wakes Pillow's rarer decoders, one of which starts other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
Image.init()  # or Pillow, of which not every build has all formats, doesn't know which it has
_FORMATS = [name for name in FORMATS if name in Image.OPEN]
_HEIF = re.compile(rb"....ftyp(hei[cxms]|hev[cmsx]|mif1|msf1)", re.DOTALL)
_AVIF = re.compile(rb"....ftyp(avi[fs]|mif1.{8}avif)", re.DOTALL)

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What sets a picture upright, by its EXIF orientation."""

_SIXTEEN_BITS = 257.0  # 65535 / 255
_MOST_PIXELS = 1 << 25  # a strip of 1x10,000 pixels would be enlarged beyond all bounds


def read_picture(path: Path, picture: PictureInput) -> npt.NDArray[Any]:
    """A picture's file as the array that the input takes: CHW, or HWC where it wants that.

    Raises UsageError where the file is no picture, a damaged one, or one of too many pixels.
    """
    return prepare(open_picture(path, picture.channels), picture)


def open_picture(path: Path, channels: int | None) -> Image.Image:
    """The decoded picture, upright, grey (1 channel) or RGB (3), 0 to 255; None: as it is stored.

    The first one where a file holds several. What is transparent lies on white. Grey pictures of
    16 bits keep their fraction (Pillow's mode F).
    """
    try:
        # As a stream: a TIFF that it may map into memory, Pillow turns wrongly.
        with path.open("rb") as stream, opened(stream) as file:
            file.load()
            upright = _upright(file)
            return upright.copy() if channels is None else _in_mode(upright, channels)
    except UsageError as e:
        raise UsageError(f"`{path}` {e}") from None
    except Image.UnidentifiedImageError:
        empty = path.stat().st_size == 0
        what = "is empty" if empty else "is no picture in a known format"
        raise UsageError(f"`{path}` {what}") from None
    except Image.DecompressionBombError:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise UsageError(f"`{path}` has more than {most:,} pixels; make it smaller first") from None
    except FileNotFoundError:
        raise UsageError(f"there is no file `{path}`") from None
    except MemoryError:
        raise UsageError(f"`{path}` doesn't fit into memory; make it smaller first") from None
    except IsADirectoryError:
        raise UsageError(f"`{path}` is a folder") from None
    except Exception as e:  # decoders raise whatever they stumble over in a damaged file
        reason = (isinstance(e, OSError) and e.strerror) or str(e) or type(e).__name__
        raise UsageError(f"`{path}` can't be read as a picture: {reason.strip('. ')}") from None


def opened(stream: BinaryIO) -> Image.Image:
    """A picture's file whose pixels aren't decoded yet.

    Raises UsageError where a library is missing for its format, else what Pillow raises.
    """
    start = stream.read(32)
    stream.seek(0)
    if _AVIF.match(start):
        if "AVIF" not in Image.OPEN:
            raise UsageError(
                "is an AVIF picture, which needs Pillow 11.3 or newer: `pip install -U pillow`"
            )
    elif _HEIF.match(start):
        return Image.open(stream, formats=[_heif()])
    return Image.open(stream, formats=_FORMATS)


@cache
def _heif() -> str:
    """Make Pillow read HEIC and HEIF; what it calls that format. Raises UsageError."""
    try:
        import pillow_heif  # pyright: ignore
    except ImportError:
        raise UsageError(
            "is a HEIC picture, for which pillow-heif is missing: `pip install pillow-heif`"
        ) from None
    pillow_heif.register_heif_opener()  # pyright: ignore
    return "HEIF"


def prepare(image: Image.Image, picture: PictureInput) -> npt.NDArray[Any]:
    """A decoded picture as the array that the input takes."""
    how = picture.preprocessing
    image = _resized(image, picture.height, picture.width, how)
    pixels = np.asarray(image, np.float32)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], picture.channels, axis=2)
    if how.order == "BGR":
        pixels = pixels[..., ::-1]
    pixels = pixels / np.float32(how.scale)
    pixels -= np.asarray(how.mean, np.float32)
    pixels /= np.asarray(how.std, np.float32)
    if not picture.channels_last:
        pixels = pixels.transpose(2, 0, 1)
    if not picture.type.startswith("float"):
        pixels = np.rint(pixels)
    return np.ascontiguousarray(pixels, np.dtype(picture.type))


def write_picture(
    file: BinaryIO, pixels: npt.NDArray[np.uint8], palette: bytes | None = None
) -> None:
    """Write bytes as a PNG: HxW, or HxWxC with C of 2 to 4, where an even one ends with opacity;
    with a palette they are places in it.
    """
    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette)
    image.save(file, "PNG")


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF data, around sound pixels
        return image
    return image if turn is None else image.transpose(turn)


def _in_mode(image: Image.Image, channels: int) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _deep_grey(image: Image.Image) -> Image.Image:
    """Grey of 16 bits on the scale of 8; the fraction stays."""
    values = np.asarray(image)
    if not np.issubdtype(values.dtype, np.integer) or values.min() < 0 or values.max() > 65535:
        raise ValueError("its values have no known range; save them as an array (.npy)")
    return Image.fromarray((values / _SIXTEEN_BITS).astype(np.float32))


def _resized(
    image: Image.Image, height: int | None, width: int | None, how: Preprocessing
) -> Image.Image:
    """Resized and cropped. An open size follows the picture, one of two in its proportions."""
    interpolation = FILTERS[how.interpolation]
    if height is None and width is None:
        if how.resize is None:
            return image
        return _resize(image, *_covering(image, how.resize, how.resize), interpolation)
    if height is None or width is None:
        across = width or max(1, round(image.width * (height or 1) / image.height))
        down = height or max(1, round(image.height * across / image.width))
        return _resize(image, across, down, interpolation)
    if how.crop == "stretch" or (how.resize is None and image.size == (width, height)):
        return _resize(image, width, height, interpolation)
    shorter, resize = min(height, width), how.resize_for(height, width)
    box = width * resize // shorter, height * resize // shorter
    image = _resize(image, *_covering(image, *box), interpolation)
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))


def _covering(image: Image.Image, width: int, height: int) -> tuple[int, int]:
    """Width and height that just cover a box in the picture's own proportions.

    The longer side is rounded down, as torchvision does it.
    """
    if image.width * height <= image.height * width:
        return width, int(width * image.height / image.width)
    return int(height * image.width / image.height), height


def _resize(
    image: Image.Image, width: int, height: int, interpolation: Image.Resampling
) -> Image.Image:
    if width * height > _MOST_PIXELS:
        raise UsageError(
            f"a picture of {image.width}x{image.height} would become one of {width}x{height}; "
            f"its proportions can't be meant"
        )
    return image if image.size == (width, height) else image.resize((width, height), interpolation)
