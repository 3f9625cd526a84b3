from pathlib import Path

import pytest

from cnndsl.data.augmentation import Augmentation, preset
from cnndsl.data.recipe import read_augmentation
from cnndsl.diagnostics import UsageError


def read(folder: Path, text: str, mirror: bool = True) -> Augmentation | None:
    path = folder / "a.toml"
    path.write_text(text)
    return read_augmentation(path, mirror)


def test_presets_go_by_their_names() -> None:
    for name in ("none", "light", "strong"):
        for mirror in (True, False):
            assert read_augmentation(name, mirror) == preset(name, mirror)


def test_a_file_says_everything(tmp_path: Path) -> None:
    text = """
        rotation = 15
        width-shift = 0.1
        height_shift = 0.2
        shear = 5.5
        zoom = [0.8, 1.3]
        horizontal-flip = true
        vertical-flip = 0.25
        brightness = 0.1
        contrast = 0.2
        noise = 0.02
        erase = 0.3
        fill = "wrap"
        fill-value = 12
    """
    assert read(tmp_path, text) == Augmentation(
        15, 0.1, 0.2, 5.5, (0.8, 1.3), 0.5, 0.25, 0.1, 0.2, 0.02, 0.3, "wrap", 12
    )


def test_a_file_begins_with_a_preset(tmp_path: Path) -> None:
    made = read(tmp_path, 'base = "strong"\nnoise = 0\nhorizontal-flip = false', mirror=False)
    strong = preset("strong", mirror=False)
    assert made and strong and made.rotation == strong.rotation
    assert made.noise == 0 and made.horizontal_flip == 0
    mirrored = read(tmp_path, 'base = "light"\nhorizontal-flip = true', mirror=False)
    assert mirrored and mirrored.horizontal_flip == 0.5


def test_a_single_zoom_goes_both_ways(tmp_path: Path) -> None:
    made = read(tmp_path, "zoom = 0.2")
    assert made and made.zoom == (0.8, 1.2)


@pytest.mark.parametrize("text", ["", 'base = "none"', 'fill = "wrap"', "rotation = 0"])
def test_nothing_is_nothing(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rotate = 1", r"`.*a\.toml` has `rotate`; did you mean `rotation`\?"),
        ("xyz = 1", "it may have base, rotation, width-shift, "),
        ("mean = [0.5]", "`mean`; how pixels are scaled .* belongs to the preprocessing"),
        ("rescale = 255", "belongs to the preprocessing"),
        ('rotation = "15"', "`rotation` in `.*` is a number"),
        ("rotation = true", "`rotation` in `.*` is a number"),
        ("rotation = nan", "`rotation` in `.*` is a number"),
        ("rotation = 200", "`.*`: `rotation` is a number from 0 to 180"),
        ('horizontal-flip = "yes"', "`horizontal-flip` in `.*` is true, false or a number"),
        ("zoom = [1]", "`zoom` in `.*` is a number, or the least and the most"),
        ("zoom = [1, 2, 3]", "`zoom` in `.*` is a number, or the least and the most"),
        ('zoom = "big"', "`zoom` in `.*` is a number, or the least and the most"),
        ("zoom = [1.5, 1.2]", "`zoom` is the least and the most enlargement"),
        ("fill = 3", "`fill` in `.*` is a word"),
        ('fill = "mirror"', "`fill` is one of constant"),
        ('base = "heavy"', "`base` in `.*` is one of none, light, strong"),
        ("base = 3", "`base` in `.*` is one of none, light, strong"),
        ("width-shift = 0.1\nwidth_shift = 0.2", "says something twice"),
        ("rotation = ", "is no TOML: "),
        ("[table]\nrotation = 3", "has `table`"),
    ],
)
def test_mistakes_are_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(tmp_path, text)


def test_files_that_are_none_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no augmentation `lite`; did you mean `light`\?"):
        read_augmentation("lite")
    with pytest.raises(UsageError, match=r"`x`; it is none, light, strong or a \.toml file"):
        read_augmentation("x")
    with pytest.raises(UsageError, match="can't be read: No such file"):
        read_augmentation(tmp_path / "missing.toml")
    with pytest.raises(UsageError, match="can't be read: it is no ordinary file"):
        read_augmentation(_folder(tmp_path))
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="it is no UTF-8 text"):
        read_augmentation(tmp_path / "b.toml")
    (tmp_path / "c.toml").write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(UsageError, match="is larger than such a file may be"):
        read_augmentation(tmp_path / "c.toml")


def _folder(path: Path) -> Path:
    (path / "d.toml").mkdir()
    return path / "d.toml"
