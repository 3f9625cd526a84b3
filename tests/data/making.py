"""Data sets to test with, made on the spot."""

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from cnndsl.data.dataset import Arrays, Files, Split
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.pictures import PictureInput

Pixels = npt.NDArray[np.uint8]

PLAIN = Preprocessing(scale=1, crop="stretch")
CROPPED = Preprocessing(scale=1)


def noise(*shape: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def smooth(height: int, width: int, channels: int = 3, seed: int = 0) -> Pixels:
    """A picture H×W×C without sharp edges, every one different."""
    small = Image.fromarray(noise(5, 6, 3, seed=seed)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return np.asarray(small) if channels == 3 else np.asarray(small.convert("L"))[..., None]


def wanted(
    channels: int, height: int, width: int, how: Preprocessing = PLAIN, kind: str = "float32",
    last: bool = False,
) -> PictureInput:  # fmt: skip
    return PictureInput("image", kind, channels, height, width, last, how)


def array_split(count: int = 40, channels: int = 1, height: int = 8, width: int = 9) -> Split:
    images = noise(count, channels, height, width)
    return Split("train", Arrays(images, "train"), np.arange(count), np.arange(count) % 3)


def photo(path: Path, height: int = 30, width: int = 40, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(smooth(height, width, seed=seed)).save(path)
    return path


def file_split(folder: Path, count: int = 10, height: int = 30, width: int = 40) -> Split:
    paths = [photo(folder / f"{n}.png", height, width + n, seed=n) for n in range(count)]
    return Split("train", Files(tuple(paths), folder), np.arange(count), np.arange(count) % 2)


def class_folders(root: Path, counts: dict[str, int]) -> Path:
    """`{"train/cat": 3, "val/cat": 1}` as folders with so many pictures."""
    seed = 0
    for folder, count in counts.items():
        for number in range(count):
            seed += 1
            photo(root / folder / f"{number}.png", seed=seed)
    return root


def write_idx(path: Path, array: npt.NDArray[np.uint8], packed: bool | None = None) -> Path:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    content = bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
    packed = path.suffix == ".gz" if packed is None else packed
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def mnist_folder(folder: Path, train: int = 50, test: int = 10, packed: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    end = "-ubyte.gz" if packed else "-ubyte"
    for name, count in (("train", train), ("t10k", test)):
        write_idx(folder / f"{name}-images-idx3{end}", noise(count, 8, 8, seed=count))
        write_idx(folder / f"{name}-labels-idx1{end}", (np.arange(count) % 5).astype(np.uint8))
    return folder
