"""Finding what a model is to be run on: pictures, folders of them, arrays in files or in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.arrays import by_input, read_npy, read_npz
from cnndsl.runtime.model import Model, listed
from cnndsl.runtime.pictures import PictureInput, Size, picture_input, picture_port
from cnndsl.runtime.samples import Arrays, Samples, Unreadable
from cnndsl.runtime.searching import described, pictures_below
from cnndsl.runtime.session import Array

Item = str | Path | Array
Inputs = Item | Sequence[Item] | Mapping[str, Item]


def gather(
    model: Model,
    inputs: Inputs,
    preprocessing: Preprocessing | None = None,
    size: Size | None = None,
    lenient: bool = False,
) -> Samples:
    """Find and check everything that a model is to be run on; pictures are not opened yet.

    `inputs` is a path or an array, several of them, or one for each input by name. Paths are
    pictures, .npy or .npz files, or folders, which are searched for pictures at any depth, in
    alphabetical order. `lenient` goes on without what can't be read, then or later, and keeps it in
    the samples' `unreadable`. Raises UsageError where something is missing or doesn't suit the
    model, or nothing is left.
    """
    if isinstance(inputs, Mapping):
        return _by_name(model, inputs, preprocessing, size)
    items = [inputs] if isinstance(inputs, str | Path | np.ndarray) else list(inputs)
    parts: list[Path | Arrays | Unreadable] = []
    others: Counter[str] = Counter()
    for number, item in enumerate(items):
        try:
            parts += _parts(model, item, f"array {number}", others)
        except UsageError as e:
            if not lenient or isinstance(item, np.ndarray):
                raise
            parts.append(Unreadable(str(item), str(e)))
    if not parts:
        raise UsageError("there is nothing to run the model on")
    pictures = any(isinstance(part, Path) for part in parts)
    picture = picture_input(model, preprocessing, size) if pictures else None
    return Samples(model, tuple(parts), others, picture, [] if lenient else None)


def _parts(
    model: Model, item: Item, name: str, others: Counter[str]
) -> list[Path | Arrays | Unreadable]:
    """What one of the inputs stands for; `others` counts files of a folder that are left out."""
    if isinstance(item, np.ndarray):
        return [_arrays(model, {"": item}, name, name)]
    path = _path(item)
    if path.is_dir():
        return _pictures_in(path, others)
    if path.suffix.lower() == ".npy":
        return [_arrays(model, {"": read_npy(path)}, str(path), f"`{path}`")]
    if path.suffix.lower() == ".npz":
        return [_arrays(model, read_npz(path), str(path), f"`{path}`")]
    return [path]


def _path(item: object) -> Path:
    if not isinstance(item, str | Path):
        kind = type(item).__name__
        raise UsageError(f"an input is a path or a numpy array, not something of type {kind}")
    path = Path(item)
    if not path.exists():
        raise UsageError(f"there is no file or folder `{path}`")
    if not (path.is_file() or path.is_dir()):
        raise UsageError(f"`{path}` is no ordinary file")
    return path


def _pictures_in(folder: Path, others: Counter[str]) -> list[Path | Arrays | Unreadable]:
    found = pictures_below(folder)
    if not found.paths:
        closed = "".join(f"; `{path}` can't be read: {why}" for path, why in found.closed.items())
        held = f", but {described(found.others)}" if found.others else ""
        raise UsageError(f"`{folder}` holds no pictures (.jpg, .png, …){held}{closed}")
    others.update(found.others)
    closed = [Unreadable(p, f"`{p}` can't be read: {why}") for p, why in found.closed.items()]
    return [*found.paths, *closed]


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
