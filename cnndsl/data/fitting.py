"""Arrays of pictures in the size and the channels that a net takes, once and for all."""

from __future__ import annotations

import math

import numpy as np

from cnndsl.data.arrays import Array, check_room
from cnndsl.data.dataset import Arrays, DataSet
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.pictures import PictureInput

MOST_BYTES = 1 << 29
"""How much fitted pictures may take in memory; beyond it they are fitted batch by batch."""


def check_channels(source: Arrays, picture: PictureInput) -> None:
    """Raise UsageError unless the pictures' channels go with the net's."""
    channels, wanted = source.images.shape[1], picture.channels
    if channels != wanted and {channels, wanted} != {1, 3}:
        raise UsageError(
            f"the pictures have {channels} channels, and input `{picture.name}` takes {wanted}"
        )


def check_volumes(data: DataSet, picture: PictureInput) -> None:
    """Raise UsageError unless a net that takes volumes is given such ones, and others pictures."""
    if not picture.depth:
        if data.depth:
            raise UsageError(f"{data.name} has volumes, and input `{picture.name}` takes pictures")
        return
    channels, sides = picture.channels // picture.depth, picture.sides
    if not data.depth or data.shape is None:
        wanted = "x".join(map(str, (picture.depth, *sides)))
        raise UsageError(
            f"{data.name} has pictures, and input `{picture.name}` takes volumes, "
            f"{channels}@{wanted}: arrays NxCxDxHxW, or a folder of frames for each clip, "
            f"CLASS/CLIP/0001.png"
        )
    found = data.shape[0] // data.depth, data.depth
    if found != (channels, picture.depth):
        own = "x".join(map(str, (data.depth, *data.shape[1:])))
        raise UsageError(
            f"volumes of {data.name} are {found[0]}@{own}, and input `{picture.name}` takes "
            f"{channels} channels of {picture.depth} layers: --input {found[0]}@{own} may suit"
        )


def suits(source: Arrays, picture: PictureInput) -> bool:
    """Whether the pictures are what the net takes already."""
    _, channels, height, width = source.images.shape
    how = picture.preprocessing
    as_it_is = how.crop == "stretch" or how.resize is None
    wanted = picture.channels, picture.height, picture.width
    return as_it_is and (channels, height, width) == wanted


def fitted(source: Arrays, picture: PictureInput) -> Array | None:
    """All of a source's pictures as the net takes them, N×C×H×W, 0 to 255; kept with the source.

    Grey becomes colour by repetition, colour grey by luma, and sizes as the preprocessing says:
    the same pixels that `cnndsl run` makes of a file of them. None where that would take too
    much memory. Raises UsageError.
    """
    check_channels(source, picture)
    if suits(source, picture):
        return source.images
    height, width = picture.height or 0, picture.width or 0
    images = source.images
    shape = len(images), picture.channels, height, width
    if _plain(images[0]) and math.prod(shape) > MOST_BYTES:
        return None
    how = picture.preprocessing
    geometry = shape, how.crop, how.resize, how.interpolation
    if geometry in source.fitted:
        return source.fitted[geometry]
    if picture.depth:
        check_room(4 * math.prod(shape), f"volumes of {picture.depth}x{height}x{width}")
    result = np.empty(shape, np.uint8 if _plain(images[0]) else np.float32)
    for number, image in enumerate(images):
        result[number] = fitted_one(image, picture)
    source.fitted[geometry] = result
    return result


def fitted_one(image: Array, picture: PictureInput) -> Array:
    """One picture C×H×W, likewise; float32 unless it is a plain one."""
    from cnndsl.data import photos

    if _plain(image):
        return photos.pixels_of(photos.covering(photos.of_pixels(image, picture), picture), picture)
    planes = [photos.plane(plane, picture) for plane in image.astype(np.float32)]
    if len(planes) == picture.channels:
        return np.stack(planes)
    if len(planes) == 1:
        return np.broadcast_to(planes[0], (picture.channels, *planes[0].shape))
    red, green, blue = planes
    return (0.299 * red + 0.587 * green + 0.114 * blue)[None]


def _plain(image: Array) -> bool:
    """Whether Pillow has a kind of picture for it: bytes, grey or colour."""
    return image.dtype == np.uint8 and len(image) in (1, 3)
