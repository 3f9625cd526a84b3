"""A newcomer's folder from a phone, through all commands that take one."""

import json
import shutil
import unicodedata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.making import smooth
from tests.support.command_line import cnndsl

SPEC = """cnndsl 1
net Tiny(classes=3)
input image 3@32x32
conv 3x3 4 s2 same bn relu -> gap
logits: fc classes
"""
ROTATED = {6: 90, 8: -90}
"""How a camera stores a picture that is to be turned so."""


def phone(root: Path) -> Path:
    """40 pictures of two classes, one of a third, and what phones and computers put beside them."""
    for name in ("Große Ameisen", "Bienen & Käfer", "Selten", "Filme"):
        (root / unicodedata.normalize("NFD", name)).mkdir(parents=True)
    ants, bees, rare, films = (
        root / unicodedata.normalize("NFD", name)
        for name in ("Große Ameisen", "Bienen & Käfer", "Selten", "Filme")
    )
    for seed, folder in enumerate((ants, bees)):
        for number in range(20):
            picture(folder, number, seed)
        shutil.copy(folder / "IMG_02.jpeg", folder / "IMG_02 (1).jpeg")
        for name in (".DS_Store", "._IMG_02.jpeg", "IMG_00.MOV", "IMG_00.AAE"):
            (folder / name).write_bytes(b"\0")
    Image.fromarray(smooth(40, 60, seed=99)).save(rare / "WhatsApp Bild.jpg")
    (films / "IMG_9.MOV").write_bytes(b"\0")
    (ants / "IMG_90.JPG").write_bytes(b"")
    (bees / "IMG_91.JPG").write_bytes((bees / "IMG_02.jpeg").read_bytes()[:400])
    (root / "Thumbs.db").write_bytes(b"\0")
    return root


def picture(folder: Path, number: int, seed: int) -> None:
    """One as a phone has it, by its number: HEIC, turned by EXIF, as it is, of a screen."""
    image = Image.fromarray(smooth(40 + number, 60, seed=100 * seed + number))
    exif = Image.Exif()
    kind = number % 4
    exif[0x0112] = 6 if kind == 0 else 8
    turned = image.rotate(ROTATED[exif[0x0112]], expand=True)
    if kind == 0 and find_spec("pillow_heif"):
        import pillow_heif

        pillow_heif.register_heif_opener()
        turned.save(folder / f"IMG_{number:02}.HEIC", "HEIF", exif=exif.tobytes(), quality=95)
    elif kind < 2:
        turned.save(folder / f"IMG_{number:02}.JPG", "JPEG", exif=exif, quality=95)
    elif kind == 2:
        image.save(folder / f"IMG_{number:02}.jpeg", quality=95)
    else:
        image.save(folder / f"Screenshot {number}.PNG")


@pytest.fixture
def roll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.cnn").write_text(SPEC)
    phone(tmp_path / "Camera Roll")
    return "Camera Roll"


def test_every_command_takes_it_and_says_what_is_odd(roll: str) -> None:
    checked = cnndsl("data", "check", roll, "--format", "json", "--no-mosaic").output
    found = json.loads(checked)
    assert found["labels"] == ["Bienen & Käfer", "Große Ameisen", "Selten"]
    notes = [
        "`Filme` is no class, since it holds no pictures: 1 .mov",
        "no pictures, left out: 3 .mov, 2 .aae",
    ]
    assert found["notes"] == notes
    damaged = {entry["name"].split("/")[-1] for entry in found["damaged"]}
    assert damaged == {"IMG_90.JPG", "IMG_91.JPG"}
    copies = [group for group in found["groups"] if group["exact"]]
    assert len(copies) == 2

    output = cnndsl("train", "tiny.cnn", "--data", roll, "--epochs", "1", "--batch", "8").output
    for said in (*notes, "there are no validation pictures of `Selten`", "IMG_90.JPG` is empty"):
        assert said in output, said

    answers = json.loads(
        cnndsl("predict", "runs/tiny-001", roll, "--format", "json", code=1).stdout
    )
    assert len(answers) == 45 and sum("error" in entry for entry in answers) == 2
    result = cnndsl("features", "runs/tiny-001", "--data", roll, "-o", "f.npz", code=1)
    assert result.stderr.endswith("error: 2 of 45 pictures can't be read\n")
    cnndsl("eval", "runs/tiny-001")

    Path(roll).rename("Fotos")
    cnndsl("resume", "runs/tiny-001", "--data", "Fotos", "--epochs", "2", "-q")


def test_every_command_sets_pictures_upright_alike(tmp_path: Path, roll: str) -> None:
    for label in ("x", "y"):
        for root in ("upright", "turned"):
            (tmp_path / root / label).mkdir(parents=True)
        for number, (orientation, degrees) in enumerate(ROTATED.items()):
            image = Image.fromarray(smooth(40, 60, seed=number + 10 * (label == "y")))
            exif = Image.Exif()
            exif[0x0112] = orientation
            image.save(tmp_path / "upright" / label / f"{number}.png")
            turned = image.rotate(degrees, expand=True)
            turned.save(tmp_path / "turned" / label / f"{number}.png", exif=exif)
    cnndsl("train", "tiny.cnn", "--data", "upright", "--epochs", "1", "--batch", "2", "-q")
    outputs = {}
    for root in ("upright", "turned"):
        cnndsl("features", "runs/tiny-001", "--data", root, "-o", "f.npz", "-q")
        with np.load("f.npz") as file:
            outputs[root, "features"] = file["features"][np.argsort(file["names"])]
        cnndsl("run", "runs/tiny-001/best.onnx", f"{root}/x", "-o", "y.npy", "-q")
        outputs[root, "run"] = np.load("y.npy")
        entries = json.loads(
            cnndsl("predict", "runs/tiny-001", f"{root}/x", "--top", "3", "--format", "json").output
        )
        outputs[root, "predict"] = np.array(
            [[r["score"] for r in sorted(e["top"], key=lambda r: r["class"])] for e in entries]
        )
    for what in ("features", "run", "predict"):
        np.testing.assert_allclose(outputs["turned", what], outputs["upright", what], atol=1e-6)
