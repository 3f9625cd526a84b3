"""Pictures with masks: how they are found, what their values mean, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnndsl.data.augmentation import Augmentation
from cnndsl.data.loader import Batch, Loader
from cnndsl.data.masks import MaskArrays
from cnndsl.data.opening import open_data
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from tests.data.making import noise, wanted

ROAD, TREE, VOID = (128, 64, 128), (0, 128, 0), (0, 0, 0)


def draw(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write(
    root: Path,
    mask: Callable[[int], np.ndarray],
    images: str = "images",
    masks: str = "masks",
    count: int = 5,
    end: str = ".png",
) -> Path:
    """Pictures 12x10 whose grey is 100 times the mask's first value."""
    for number in range(count):
        draw(root / images / f"p{number}.png", noise(12, 10, 3, seed=number))
        draw(root / masks / f"p{number}{end}", mask(number))
    return root


def numbered(number: int) -> np.ndarray:
    """Two classes, and a corner of 255."""
    mask = np.zeros((12, 10), np.uint8)
    mask[:, 5:], mask[:2, :2] = 1 + number % 2, 255
    return mask


def binary(number: int) -> np.ndarray:
    return np.where(numbered(number) == 1, 255, 0).astype(np.uint8)


def coloured(number: int) -> np.ndarray:
    return np.array([ROAD, TREE, VOID], np.uint8)[np.minimum(numbered(number), 2)]


def palette(path: Path) -> None:
    image = Image.fromarray(numbered(0)).convert("P")
    image.putpalette([9, 9, 9, 200, 0, 0] + [0] * 762)
    image.save(path)


def batch(where: Path, height: int = 12, width: int = 10, **options: Any) -> Batch:
    augmentation = options.pop("augmentation", None)
    data = open_data(where, validation=0, **options)
    with Loader(
        data.first,
        wanted(3, height, width),
        batch=len(data.first),
        augmentation=augmentation,
        corrupt="error",
    ) as loader:
        return next(loader.epoch())


@pytest.mark.parametrize(
    ("images", "masks", "splits"),
    [
        ("images", "masks", {"train": 4, "val": 1}),
        ("Image", "label", {"train": 4, "val": 1}),
        ("imgs", "annotations", {"train": 4, "val": 1}),
        ("inside/deeper/img", "inside/deeper/gt", {"train": 4, "val": 1}),
        ("train/images", "train/masks", {"train": 4, "val": 1}),
        ("images/train", "masks/train", {"train": 4, "val": 1}),
    ],
)
def test_folders_by_their_usual_names(
    images: str, masks: str, splits: dict[str, int], tmp_path: Path
) -> None:
    data = open_data(write(tmp_path, numbered, images, masks))
    assert {name: len(split) for name, split in data.splits.items()} == splits
    assert data.pixels == ("0", "1", "2") and data.labels == ()
    assert "a mask of 3 classes (0, 1, 2) each" in data.describe()


def test_splits_of_their_own(tmp_path: Path) -> None:
    write(tmp_path / "a", numbered, "train/images", "train/masks")
    write(tmp_path / "a", numbered, "val/images", "val/masks", count=2)
    write(tmp_path / "b", numbered, "images/train", "masks/train")
    write(tmp_path / "b", numbered, "images/test", "masks/test", count=2)
    assert list(open_data(tmp_path / "a").splits) == ["train", "val"]
    assert list(open_data(tmp_path / "b").splits) == ["train", "val", "test"]


def test_numbers_are_classes_and_255_is_none(tmp_path: Path) -> None:
    targets = batch(write(tmp_path, numbered)).targets
    expected = np.stack([numbered(n) for n in range(5)]).astype(np.int64)
    np.testing.assert_array_equal(targets, np.where(expected == 255, -1, expected))


def test_another_number_may_be_none(tmp_path: Path) -> None:
    targets = batch(write(tmp_path, lambda n: numbered(n) % 255), ignore=2).targets
    assert set(np.unique(targets)) == {-1, 0, 1}
    assert open_data(tmp_path, ignore=2).pixels == ("0", "1")


def test_backgrounds_that_count_nowhere_leave_one_class(tmp_path: Path) -> None:
    write(tmp_path, binary)
    with pytest.raises(UsageError, match="where 0 counts nowhere there is one class left"):
        open_data(tmp_path, ignore=0)
    assert open_data(tmp_path, ignore=7).pixels == ("background", "object")


def test_0_and_255_are_background_and_object(tmp_path: Path) -> None:
    assert open_data(write(tmp_path, binary)).pixels == ("background", "object")
    np.testing.assert_array_equal(batch(tmp_path).targets[0], binary(0) // 255)


def test_bits_and_palettes(tmp_path: Path) -> None:
    write(tmp_path / "bits", lambda n: binary(n) > 0)
    np.testing.assert_array_equal(batch(tmp_path / "bits").targets[0], binary(0) // 255)
    write(tmp_path / "palette", numbered)
    for path in (tmp_path / "palette/masks").iterdir():
        palette(path)
    assert (batch(tmp_path / "palette").targets[0][:, 5:] == 1).all()


TABLES = {
    "classes.csv": "name,r,g,b\nroad,128,64,128\ntree,0,128,0\nVoid,0,0,0\n",
    "class_dict.csv": "id,name,r,g,b\n0,road,128,64,128\n1,tree,0,128,0\n2,void,0,0,0\n",
    "label_colors.txt": "128 64 128\troad\n0 128 0\ttree\n0 0 0\tvoid\n",
    "labels.json": json.dumps({"road": ROAD, "tree": TREE, "void": VOID}),
    "classes.json": json.dumps(
        [{"name": n, "color": c} for n, c in (("road", ROAD), ("tree", TREE), ("void", VOID))]
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_colours_by_a_table(name: str, tmp_path: Path) -> None:
    write(tmp_path, coloured)
    (tmp_path / name).write_text(TABLES[name])
    data = open_data(tmp_path)
    assert data.pixels == ("road", "tree") and "count nowhere" in " ".join(data.notes)
    expected = np.minimum(numbered(0), 2).astype(np.int64)
    np.testing.assert_array_equal(batch(tmp_path).targets[0], np.where(expected == 2, -1, expected))


def test_names_without_colours(tmp_path: Path) -> None:
    write(tmp_path, numbered)
    (tmp_path / "codes.txt").write_text("sky\nsea\nland\nsnow\n")
    assert open_data(tmp_path).pixels == ("sky", "sea", "land", "snow")
    (tmp_path / "codes.txt").write_text("sky\nsea\n")
    with pytest.raises(UsageError, match="names 2 classes, and masks have the class 2"):
        open_data(tmp_path)


def test_what_does_not_match_is_named(tmp_path: Path) -> None:
    write(tmp_path, numbered, end="_mask.png")
    draw(tmp_path / "images/lonely.png", noise(12, 10, 3))
    draw(tmp_path / "masks/spare.png", numbered(0))
    notes = " ".join(open_data(tmp_path).notes)
    assert "without a mask, left out: 1 (`lonely.png`)" in notes
    assert "without a picture, left out: 1 (`spare.png`)" in notes


@pytest.mark.parametrize("layout", ["NHW", "N1HW", "NHW1"])
def test_arrays(layout: str, tmp_path: Path) -> None:
    masks = np.stack([numbered(n) for n in range(5)])
    shaped = {"NHW": masks, "N1HW": masks[:, None], "NHW1": masks[..., None]}[layout]
    np.savez(tmp_path / "a.npz", images=noise(5, 12, 10, 3), masks=shaped)
    found = batch(tmp_path / "a.npz")
    expected = masks.astype(np.int64)
    np.testing.assert_array_equal(found.targets, np.where(expected == 255, -1, expected))
    np.savez(tmp_path / "b.npz", x=noise(5, 12, 10), y=expected % 255 - (expected == 255))
    np.testing.assert_array_equal(batch(tmp_path / "b.npz").targets, found.targets)


MOVES = [
    Augmentation(horizontal_flip=1),
    Augmentation(width_shift=0.3, height_shift=0.3, vertical_flip=0.5),
    Augmentation(rotation=40, zoom=(0.7, 1.4), shear=10, fill="constant", fill_value=0),
    Augmentation(rotation=40, zoom=(0.7, 1.4), brightness=0.1, noise=0.01),
]


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("kind", ["files", "arrays"])
def test_picture_and_mask_move_together(move: Augmentation, kind: str, tmp_path: Path) -> None:
    """The picture is its mask in grey, so that both must stay alike."""
    random = np.random.default_rng(0)
    masks = np.kron(random.integers(0, 3, (6, 5, 5)), np.ones((1, 8, 8))).astype(np.uint8)
    where = tmp_path
    if kind == "files":
        for number, mask in enumerate(masks):
            draw(tmp_path / f"images/{number}.png", mask * 100)
            draw(tmp_path / f"masks/{number}.png", mask)
    else:
        where = tmp_path / "a.npz"
        np.savez(where, images=masks * 100, masks=masks)
    data = open_data(where, validation=0)
    nearest = Preprocessing(scale=1, crop="centre", resize=32, interpolation="nearest")
    picture = wanted(1, 32, 32, nearest)
    with Loader(data.first, picture, batch=6, augmentation=move) as loader:
        made = next(loader.epoch(3))
    counts = made.targets >= 0
    assert counts.mean() > 0.4 and set(np.unique(made.targets)) <= {-1, 0, 1, 2}
    off = np.abs(made.images[:, 0] - 100 * made.targets)[counts]
    assert (off < 50).mean() > 0.99
    if move.fill != "constant":
        assert counts.all()


BAD = [
    (lambda n: numbered(n)[:6], "is 6x10, and its picture"),
    (lambda n: numbered(n).astype(np.float32), "holds float numbers, and classes are whole"),
    (coloured, "is in colours, and nothing says which class each is"),
    (lambda n: numbered(n).astype(np.uint16) * 300, "values beyond 0 to 255"),
]


@pytest.mark.parametrize(("mask", "message"), BAD)
def test_what_is_no_mask_is_said(
    mask: Callable[[int], np.ndarray], message: str, tmp_path: Path
) -> None:
    write(tmp_path, mask, end=".tif")
    with pytest.raises(UsageError, match=message):
        batch(tmp_path)


def test_an_unknown_colour_and_a_late_class_are_named(tmp_path: Path) -> None:
    write(tmp_path, coloured)
    (tmp_path / "classes.csv").write_text("road,128,64,128\nvoid,0,0,0\n")
    with pytest.raises(UsageError, match="has the colour 0 128 0, which the table"):
        batch(tmp_path)
    (tmp_path / "classes.csv").write_text("road,128,64,128\nroad2,128,64,128\n")
    with pytest.raises(UsageError, match="one colour for two classes"):
        batch(tmp_path)
    (tmp_path / "classes.csv").write_text("road,128,64,900\n")
    with pytest.raises(UsageError, match="beyond 0 to 255"):
        batch(tmp_path)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (np.zeros((5, 6, 10), np.uint8), "is 5x6x10 and not 5x12x10"),
        (np.full((5, 12, 10), np.nan), "holds float64 numbers"),
        (np.full((5, 12, 10), 400), "254 classes at most"),
        (np.zeros((5, 12, 10, 3), np.uint8), "is 5x12x10x3, and masks are NxHxW"),
    ],
)
def test_arrays_that_are_no_masks(masks: np.ndarray, message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=noise(5, 12, 10, 3), masks=masks)
    with pytest.raises(UsageError, match=message):
        open_data(tmp_path / "a.npz")


def test_no_pairs(tmp_path: Path) -> None:
    write(tmp_path, numbered, end="x.png")
    with pytest.raises(UsageError, match=r"no picture in .* has a mask of the same name"):
        open_data(tmp_path)


def test_masks_count_in_the_fingerprint(tmp_path: Path) -> None:
    before = open_data(write(tmp_path, numbered)).fingerprint
    draw(tmp_path / "masks/p0.png", numbered(1))
    assert open_data(tmp_path).fingerprint != before


def test_a_changed_table_changes_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path, coloured)
    table = tmp_path / "classes.csv"
    table.write_text("road,128,64,128\ntree,0,128,0\nvoid,0,0,0\n")
    before = open_data(tmp_path).fingerprint
    table.write_text("road,0,128,0\ntree,128,64,128\nvoid,0,0,0\n")
    assert open_data(tmp_path).fingerprint != before


def test_a_class_may_have_several_colours(tmp_path: Path) -> None:
    write(tmp_path, coloured)
    (tmp_path / "classes.csv").write_text("road,128,64,128\nroad,0,128,0\nvoid,0,0,0\n")
    assert open_data(tmp_path).pixels == ("road",)
    assert set(np.unique(batch(tmp_path).targets).tolist()) == {-1, 0}


def test_a_number_means_the_same_in_all_splits(tmp_path: Path) -> None:
    """255 is no class where other masks have 1, though 0 and 255 alone are two classes."""
    masks = np.zeros((4, 12, 10), np.uint8)
    masks[:, 3:] = 255
    train = masks.copy()
    train[:, :1] = 1
    pictures = noise(4, 12, 10)
    np.savez(tmp_path / "a.npz", x_train=pictures, y_train=train, x_val=pictures, y_val=masks)
    found = open_data(tmp_path / "a.npz")
    assert found.pixels == ("0", "1")
    for split, values in (("train", {0, 1, 255}), ("val", {0, 255})):
        mask = found[split].answers
        assert isinstance(mask, MaskArrays) and set(np.unique(mask.images).tolist()) == values


def test_values_that_are_not_met_are_said(tmp_path: Path) -> None:
    write(tmp_path, lambda number: np.where(numbered(number) == 1, 128, 0).astype(np.uint8))
    notes = " ".join(open_data(tmp_path).notes)
    assert "up to 128 is a class, and these are met: `0`, `128`" in notes
