"""Finding what a model is to be run on: pictures, folders of them, arrays in files or in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.arrays import by_input, read_npy, read_npz
from cnndsl.runtime.model import Model, listed
from cnndsl.runtime.pictures import PictureInput, Size, picture_input, picture_port
from cnndsl.runtime.samples import Arrays, Samples
from cnndsl.runtime.session import Array

Item = str | Path | Array
Inputs = Item | Sequence[Item] | Mapping[str, Item]

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".avif", ".bmp", ".dib", ".gif"}
    | {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k"}
)


def gather(
    model: Model,
    inputs: Inputs,
    preprocessing: Preprocessing | None = None,
    size: Size | None = None,
) -> Samples:
    """Find and check everything that a model is to be run on; pictures are not opened yet.

    `inputs` is a path or an array, several of them, or one for each input by name. Paths are
    pictures, .npy or .npz files, or folders, which are searched for pictures at any depth, in
    alphabetical order. Raises UsageError where something is missing or doesn't suit the model.
    """
    if isinstance(inputs, Mapping):
        return _by_name(model, inputs, preprocessing, size)
    items = [inputs] if isinstance(inputs, str | Path | np.ndarray) else list(inputs)
    parts: list[Path | Arrays] = []
    skipped = 0
    for number, item in enumerate(items):
        found, others = _parts(model, item, f"array {number}")
        parts += found
        skipped += others
    if not parts:
        raise UsageError("there is nothing to run the model on")
    pictures = any(isinstance(part, Path) for part in parts)
    picture = picture_input(model, preprocessing, size) if pictures else None
    return Samples(model, tuple(parts), skipped, picture)


def _parts(model: Model, item: Item, name: str) -> tuple[list[Path | Arrays], int]:
    """What one of the inputs stands for, and how many files of a folder were left out."""
    if isinstance(item, np.ndarray):
        return [_arrays(model, {"": item}, name, name)], 0
    path = _path(item)
    if path.is_dir():
        return _pictures_in(path)
    if path.suffix.lower() == ".npy":
        return [_arrays(model, {"": read_npy(path)}, str(path), f"`{path}`")], 0
    if path.suffix.lower() == ".npz":
        return [_arrays(model, read_npz(path), str(path), f"`{path}`")], 0
    return [path], 0


def _path(item: object) -> Path:
    if not isinstance(item, str | Path):
        kind = type(item).__name__
        raise UsageError(f"an input is a path or a numpy array, not something of type {kind}")
    path = Path(item)
    if not path.exists():
        raise UsageError(f"there is no file or folder `{path}`")
    return path


def _pictures_in(folder: Path) -> tuple[list[Path | Arrays], int]:
    pictures: list[Path | Arrays] = []
    others = 0
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if Path(name).suffix.lower() in PICTURE_SUFFIXES:
                pictures.append(Path(root, name))
            else:
                others += 1
    if not pictures:
        raise UsageError(f"`{folder}` holds no pictures (.jpg, .png, …)")
    return pictures, others


def _by_name(
    model: Model,
    inputs: Mapping[str, Item],
    preprocessing: Preprocessing | None,
    size: Size | None,
) -> Samples:
    """One picture or array for each of the model's inputs."""
    ports = {port.name: port for port in model.inputs}
    arrays: dict[str, Array] = {}
    picture: PictureInput | None = None
    for name, item in inputs.items():
        if name not in ports:
            hint = did_you_mean(name, ports, f"it has {listed(model.inputs)}")
            raise UsageError(f"{model.name} has no input `{name}`; {hint}")
        if isinstance(item, np.ndarray):
            arrays[name] = item
            continue
        path = _path(item)
        if path.suffix.lower() == ".npy":
            arrays[name] = read_npy(path)
        elif path.is_dir() or path.suffix.lower() == ".npz":
            raise UsageError(f"input `{name}` takes one picture or one .npy file, not `{path}`")
        else:
            from cnndsl.runtime.images import read_picture

            picture = picture_port(model, ports[name], preprocessing, size)
            arrays[name] = read_picture(path, picture)[None]
    return Samples(model, (_arrays(model, arrays, "input", "the input"),), picture=picture)


def _arrays(model: Model, arrays: Mapping[str, Array], source: str, quoted: str) -> Arrays:
    """Checked against the model; dealt out in batches where all have the same number of examples,
    and the model has nothing against any number.
    """
    fitted = by_input(arrays, model, quoted)
    counts = {array.shape[0] if array.ndim else None for array in fitted.values()}
    count = counts.pop() if len(counts) == 1 else None
    if count is not None and len({port.batch for port in model.inputs}) == 1:
        return Arrays(source, fitted, count, whole=False)
    for port in model.inputs:
        array = fitted[port.name]
        if port.batch not in (None, *array.shape[:1]):
            raise UsageError(
                f"`{port.name}` in {quoted} is {'x'.join(map(str, array.shape))}, "
                f"and the input takes {port.describe()}"
            )
    return Arrays(source, fitted, 1, whole=True)
