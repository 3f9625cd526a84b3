import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnndsl.data import open_data
from cnndsl.data.check import Extent, check
from cnndsl.data.present import as_data, as_text
from cnndsl.preprocessing import Preprocessing
from tests.data.making import class_folders, noise, smooth
from tests.support.data import real_data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Cats and dogs with everything that may be wrong."""
    root = tmp_path / "pets"
    seed = 0
    for name, count in {"train/cat": 14, "train/dog": 4, "val/cat": 3, "val/dog": 3}.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            seed += 1
            Image.fromarray(smooth(60, 80, seed=seed)).save(root / name / f"{number}.png")
    train, val = root / "train", root / "val"
    (val / "cat" / "1.png").write_bytes((train / "cat" / "1.png").read_bytes())
    (train / "dog" / "2.png").write_bytes((train / "cat" / "2.png").read_bytes())
    (train / "cat" / "3.png").write_bytes((train / "cat" / "4.png").read_bytes())
    Image.open(train / "cat" / "5.png").save(val / "dog" / "near.jpg", quality=60)
    Image.open(train / "cat" / "6.png").resize((160, 120)).save(train / "cat" / "larger.png")
    content = (train / "dog" / "0.png").read_bytes()
    (train / "dog" / "0.png").write_bytes(content[: len(content) // 2])
    (train / "dog" / "1.png").write_text("no picture")
    (train / "dog" / "readme.txt").touch()
    return root


def names(groups: list) -> list[list[str]]:
    return [[member.name for member in group.members] for group in groups]


def test_everything_is_found(folder: Path) -> None:
    seen: list[int] = []
    found = check(open_data(folder), seen.append)
    assert sum(seen) == 26
    assert [d.member.name for d in found.damaged] == ["train/dog/0.png", "train/dog/1.png"]
    assert found.damaged[0].reason and str(folder) not in found.damaged[0].reason
    assert names(found.leaks) == [
        ["train/cat/1.png", "val/cat/1.png"],
        ["train/cat/5.png", "val/dog/near.jpg"],
    ]
    assert names(found.contradictions) == [
        ["train/cat/2.png", "train/dog/2.png"],
        ["train/cat/5.png", "val/dog/near.jpg"],
    ]
    assert names(found.copies) == [
        ["train/cat/3.png", "train/cat/4.png"],
        ["train/cat/6.png", "train/cat/larger.png"],
    ]
    assert [group.exact for group in found.groups] == [True, True, True, False, False]
    assert found.formats == {"PNG": 23, "JPEG": 1} and found.modes == {"RGB": 24}
    assert found.width == Extent(80, 80, 160) and found.height == Extent(60, 60, 120)
    assert found.compared == 24 and not found.sound
    assert found.bytes == sum(p.stat().st_size for p in folder.rglob("*.[pj]*"))


def test_a_copy_of_a_near_copy_is_said_once(folder: Path) -> None:
    near = folder / "val" / "dog" / "near.jpg"
    (folder / "val" / "dog" / "again.jpg").write_bytes(near.read_bytes())
    found = check(open_data(folder))
    assert ["val/dog/again.jpg", "val/dog/near.jpg"] in names(found.copies)
    assert ["train/cat/5.png", "val/dog/again.jpg"] in names(found.leaks)


def test_a_sound_data_set_is_sound(tmp_path: Path) -> None:
    found = check(open_data(class_folders(tmp_path / "d", {"a": 5, "b": 5})))
    assert found.sound and not found.groups and not found.damaged


def test_arrays_are_compared_bit_by_bit(tmp_path: Path) -> None:
    images = noise(40, 9, 9)
    images[7] = images[3]
    labels = np.zeros(40, int)
    labels[7:] = 1
    np.savez(tmp_path / "a.npz", x=images, y=labels)
    found = check(open_data(tmp_path / "a.npz", validation=0))
    assert names(found.contradictions) == [["a[3]", "a[7]"]]
    assert found.compared == 0 and found.bytes == 40 * 81 and found.modes == {"uint8": 40}
    assert found.width == found.height == Extent(9, 9, 9)


@pytest.mark.parametrize("channels", [1, 3])
def test_large_arrays_are_compared_for_likeness_too(tmp_path: Path, channels: int) -> None:
    images = np.stack([smooth(40, 33, channels, seed=n) for n in range(30)])
    images[20] = np.clip(images[4].astype(int) + 3, 0, 255)
    np.savez(tmp_path / "a.npz", x=images, y=np.arange(30) % 2)
    found = check(open_data(tmp_path / "a.npz", validation=0))
    assert found.compared == 30 and names(found.copies) == [["a[4]", "a[20]"]]


def test_targets_that_are_numbers_contradict_nothing(tmp_path: Path) -> None:
    images = noise(10, 9, 9)
    images[3] = images[2]
    np.savez(tmp_path / "a.npz", x=images, y=np.random.rand(10))
    found = check(open_data(tmp_path / "a.npz", validation=0))
    assert names(found.copies) == [["a[2]", "a[3]"]] and not found.contradictions
    assert "class" not in as_text(found, None).split("\n")[2]
    assert as_data(found, None, None)["splits"]["train"]["classes"] is None


HOW = Preprocessing(mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.2))


def test_people_can_read_it(folder: Path) -> None:
    text = as_text(check(open_data(folder)), HOW)
    lines = text.splitlines()
    assert lines[0] == "pets: class folders, 2 classes (cat, dog), 19 train + 7 val pictures"
    assert "cat       15    3" in lines and "dog        4    4" in lines
    assert "all       19    7" in lines
    assert any(line.startswith("pictures        23 PNG, 1 JPEG; 24 RGB; ") for line in lines)
    assert "widths          80 to 160, in the middle 80" in lines
    assert "mean            0.5, 0.4, 0.3 on the scale of 0 to 1" in lines
    assert "damaged         2 of 26 pictures" in lines
    assert "leaks           1 exact, 1 nearly: the same picture in several splits" in lines
    assert "  train/cat/1.png (train) = val/cat/1.png (val)" in lines
    assert "  train/cat/5.png (train, cat) ≈ val/dog/near.jpg (val, dog)" in lines
    assert "copies          1 exact, 1 nearly: within a split and a class" in lines
    assert "note: no pictures, left out: 1 .txt" in lines
    assert max(map(len, lines[-3:])) <= 100


def test_long_lists_are_cut(tmp_path: Path) -> None:
    images = noise(60, 9, 9)
    images[30:] = images[:30]
    np.savez(tmp_path / "a.npz", x=images, y=np.arange(60) % 30)
    data = open_data(tmp_path / "a.npz", validation=0)
    text = as_text(check(data), None)
    assert "  … 22 more (--format json has all)" in text and "… 6 more" in text
    images[:] = images[0]
    np.savez(tmp_path / "a.npz", x=images, y=np.zeros(60, int))
    text = as_text(check(open_data(tmp_path / "a.npz", validation=0)), None)
    assert "a[3] (train) and 56 more" in text


def test_uneven_classes_are_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=noise(60, 9, 9), y=np.arange(60) // 55)
    text = as_text(check(open_data(tmp_path / "a.npz")), None)
    assert "note: of `0` there are 44 training examples, of `1` 4; class weights help" in text
    assert "note: val taken from the training examples by the seed" in text


def test_programs_can_read_it(folder: Path) -> None:
    data = open_data(folder)
    content = json.loads(json.dumps(as_data(check(data), HOW, Path("m.png"))))
    assert content["version"] == 1 and content["fingerprint"] == data.fingerprint
    assert content["splits"]["train"] == {"count": 19, "made": False, "classes": [15, 4]}
    assert content["pictures"]["width"] == {"least": 80, "median": 80, "most": 160}
    assert content["pictures"]["mean"] == [0.5, 0.4, 0.3] and content["mosaic"] == "m.png"
    assert [d["name"] for d in content["damaged"]] == ["train/dog/0.png", "train/dog/1.png"]
    assert content["groups"][0] == {
        "exact": True, "leaks": False, "contradicts": True,
        "members": [
            {"split": "train", "name": "train/cat/2.png", "label": "cat"},
            {"split": "train", "name": "train/dog/2.png", "label": "dog"},
        ],
    } or content["groups"][0]["leaks"]  # fmt: skip
    assert content["sound"] is False and content["ignored"] == 1


@pytest.mark.data
def test_copies_in_cifar_are_found() -> None:
    """The data set is known for them: deer, cars and frogs that were photographed once."""
    found = check(open_data(real_data("cifar10"), validation=0))
    pairs = [tuple(int(m.name.split("[")[1][:-1]) for m in group.members) for group in found.copies]
    assert pairs == [(206, 2844), (326, 2866), (661, 2210), (1687, 1978), (2362, 3922)]
