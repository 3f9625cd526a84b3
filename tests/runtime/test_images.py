import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnndsl.diagnostics import UsageError
from cnndsl.runtime import images
from cnndsl.runtime.images import open_picture, read_picture
from tests.support.pictures import gradient, wanted, written

ORIENTATION = 0x0112

# Decoding


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_picture_is_grey_or_rgb(tmp_path: Path, mode: str, channels: int) -> None:
    name = {"CMYK": "a.tif", "YCbCr": "a.jpg"}.get(mode, "a.png")
    path = written(tmp_path, Image.new("RGB", (4, 4), "white").convert(mode), name)
    pixels = read_picture(path, wanted(channels=channels))
    np.testing.assert_allclose(pixels, np.full((channels, 4, 4), 255), atol=1)


def test_grey_is_luma(tmp_path: Path) -> None:
    path = written(tmp_path, Image.new("RGB", (1, 1), (100, 150, 200)))
    assert read_picture(path, wanted(channels=1)).item() == round(29.9 + 0.587 * 150 + 22.8)


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    path = written(tmp_path, Image.new("RGBA", (1, 1), (200, 0, 0, 0)))
    np.testing.assert_array_equal(read_picture(path, wanted()).ravel(), [255, 255, 255])
    path = written(tmp_path, Image.new("RGBA", (1, 1), (200, 0, 0, 51)))
    np.testing.assert_array_equal(read_picture(path, wanted()).ravel(), [244, 204, 204])


def test_a_palettes_transparent_colour_is_white(tmp_path: Path) -> None:
    image = Image.new("RGB", (1, 1), "red").convert("P")
    path = written(tmp_path, image, transparency=image.getpixel((0, 0)))
    np.testing.assert_array_equal(read_picture(path, wanted()).ravel(), [255, 255, 255])


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_sixteen_bits_keep_their_fraction(tmp_path: Path, name: str) -> None:
    values = np.array([[0, 257, 300], [65535, 32896, 1]], np.uint16)
    path = tmp_path / name
    if name == "a.pgm":  # which not every Pillow writes
        path.write_bytes(b"P5 3 2 65535\n" + values.astype(">u2").tobytes())
    else:
        Image.fromarray(values).save(path)
    np.testing.assert_allclose(
        read_picture(path, wanted(channels=1)), values[None] / 257, rtol=1e-6
    )
    assert read_picture(path, wanted()).shape == (3, 2, 3)


@pytest.mark.parametrize("values", [np.float32([[0.5]]), np.int32([[70_000]]), np.int32([[-1]])])
def test_values_of_unknown_range_are_refused(tmp_path: Path, values: Any) -> None:
    path = written(tmp_path, Image.fromarray(values), "a.tif")
    with pytest.raises(UsageError, match="its values have no known range; save them as an array"):
        open_picture(path, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_pictures_are_set_upright(tmp_path: Path, orientation: int, name: str) -> None:
    # What a camera stores, for a picture whose top left quarter is white and top right grey
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :16], upright[:8, 16:] = 255, 128
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright[::-1, ::-1].T,
        8: upright.T[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = written(tmp_path, Image.fromarray(np.ascontiguousarray(stored)), name, exif=exif)
    np.testing.assert_allclose(read_picture(path, wanted(channels=1))[0], upright, atol=3)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_data_don_t_matter(tmp_path: Path) -> None:
    path = written(tmp_path, gradient(8, 8), "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert read_picture(path, wanted()).shape == (3, 8, 8)


def test_unreadable_exif_data_don_t_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: Image.Image) -> Any:
        raise SyntaxError("not a TIFF file")

    path = written(tmp_path, gradient(8, 8))
    monkeypatch.setattr(Image.Image, "getexif", failing)
    assert read_picture(path, wanted()).shape == (3, 8, 8)


def test_the_first_of_several_frames_counts(tmp_path: Path) -> None:
    frames = [Image.new("L", (2, 2), value) for value in (10, 200)]
    path = written(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert set(read_picture(path, wanted(channels=1)).ravel()) == {10}


# What is no picture


def test_what_is_no_picture_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n")
    for reason, content in (("PostScript", path.read_bytes()), ("text", b"hello")):
        path.write_bytes(content)
        with pytest.raises(UsageError) as error:
            open_picture(path, 3)
        assert str(error.value) == f"`{path}` is no picture in a known format", reason
    path.write_bytes(b"")
    with pytest.raises(UsageError, match="is empty"):
        open_picture(path, 3)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.tif", "a.bmp", "a.webp"])
def test_half_a_picture_is_said(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = written(tmp_path, Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UsageError, match=rf"`{path}` (can't be read as a picture: |is no picture)"):
        open_picture(path, 3)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, Image.new("L", (100, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(UsageError, match="has more than 2,000 pixels; make it smaller first"):
        open_picture(path, 3)


def test_a_strip_is_not_enlarged_without_bounds(tmp_path: Path) -> None:
    path = written(tmp_path, Image.new("L", (1, 4000)))
    with pytest.raises(UsageError, match="a picture of 1x4000 would become one of 256x1024000"):
        read_picture(path, wanted(224, 224))


def test_missing_and_forbidden_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        open_picture(tmp_path / "a.png", 3)
    with pytest.raises(UsageError, match="is a folder"):
        open_picture(tmp_path, 3)


def test_too_little_memory_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: Any, **__: Any) -> Any:
        raise MemoryError

    path = written(tmp_path, gradient(4, 4))
    monkeypatch.setattr(Image, "open", exhausted)
    with pytest.raises(UsageError, match="doesn't fit into memory"):
        open_picture(path, 3)


@given(st.data())
def test_any_damage_is_met(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / f"damaged.{data.draw(st.sampled_from(['png', 'jpg']))}"
    gradient(16, 16).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        assert open_picture(path, 3).mode in ("RGB", "F")
    except UsageError:
        return


def test_without_pillow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cnndsl.runtime.images")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(UsageError, match="pictures need Pillow: `pip install pillow`"):
        __import__("cnndsl.runtime.images")


# What phones make


def corners(path: Path) -> list[int]:
    """Left top, right top and left bottom of a picture, in grey."""
    grey = np.asarray(open_picture(path, 1))
    assert grey.shape == (32, 64)
    return [round(grey[y, x] / 64) for y, x in ((4, 4), (4, -4), (-4, 4))]


def turned(path: Path, kind: str, orientation: int) -> Path:
    """White at the left top and grey at the right top, as a camera on its side stores it."""
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:16, :32], upright[:16, 32:] = 255, 128
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    turn = {1: 0, 3: 180, 6: 90, 8: -90}[orientation]
    image = Image.fromarray(upright).rotate(turn, expand=True)
    image.save(path, kind, exif=exif.tobytes())
    return path


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "WEBP", "JPEG"])
def test_a_phones_pictures_are_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    elif kind == "AVIF" and kind not in Image.SAVE:
        pytest.skip("this Pillow knows no AVIF")
    assert corners(turned(tmp_path / "IMG_1.HEIC", kind, orientation)) == [4, 2, 0]


def test_a_library_that_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "IMG_1.HEIC"
    path.write_bytes(b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf")
    images._heif.cache_clear()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(UsageError) as error:
        open_picture(path, 3)
    missing = "is a HEIC picture, for which pillow-heif is missing: `pip install pillow-heif`"
    assert str(error.value) == f"`{path}` {missing}"
    path.write_bytes(b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B")
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    with pytest.raises(UsageError, match=r"which needs Pillow 11\.3 or newer: `pip install -U pil"):
        open_picture(path, 3)


def test_a_picture_of_two_is_the_first(tmp_path: Path) -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    for name, kind in (("a.jpg", "MPO"), ("a.gif", "GIF"), ("a.webp", "WEBP"), ("a.png", "PNG")):
        first.save(tmp_path / name, kind, save_all=True, append_images=[second])
        pixel = open_picture(tmp_path / name, 3).getpixel((4, 4))
        assert isinstance(pixel, tuple) and pixel[0] > 240 and pixel[2] < 10, kind


def test_names_that_say_something_else_don_t_matter(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.heic", "a"):
        Image.new("RGB", (2, 2), "white").save(tmp_path / name, "PNG")
        assert open_picture(tmp_path / name, 1).getpixel((0, 0)) == 255
