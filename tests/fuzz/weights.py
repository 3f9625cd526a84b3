"""Files of weights of every format after accidents: inspected, converted, mapped, compiled with."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np

import cnndsl
from cnndsl.weights.save import write_tensors
from tests.fuzz.cases import Case, Kind
from tests.fuzz.commands import command
from tests.fuzz.contents import json_changed, tensors_changed
from tests.fuzz.models import model_changed
from tests.fuzz.mutations import bytes_changed
from tests.support.pickles import (
    dictionary,
    number,
    program,
    storage,
    tensor,
    text,
    write_stream,
    write_zip,
)
from tests.support.toy_data import write_toy

SIZES = {
    "0.weight": (8, 1, 3, 3),
    **{f"1.{name}": (8,) for name in ("weight", "bias", "running_mean", "running_var")},
    "5.weight": (3, 128),
    "5.bias": (3,),
}
"""PyTorch's names for the tensors of the net that they are mapped to."""

KERAS = (
    ("Conv2D", "conv2d", [("kernel", (3, 3, 1, 8)), ("bias", (8,))]),
    ("BatchNormalization", "norm", [(n, (8,)) for n in ("gamma", "beta", "moving_mean",
                                                        "moving_variance")]),
    ("Dense", "dense", [("kernel", (128, 3)), ("bias", (3,))]),
)  # fmt: skip
NAMES = (*SIZES, "state_dict", "module.0.weight", "", "x", "é", "a/b", "../x", "0" * 300)


class Weights(Kind):
    """A file of each format, beside a net that its tensors fit."""

    name = "weights"

    def prepare(self) -> None:
        sound = self.folder / "sound"
        shutil.rmtree(sound, ignore_errors=True)
        sound.mkdir(parents=True)
        spec, data = write_toy(sound, 8)
        data.unlink()
        random = np.random.default_rng(0)
        arrays = {n: random.random(s, np.float32) for n, s in SIZES.items()}
        write_tensors(sound / "w.safetensors", arrays)
        np.savez(sound / "w.npz", **arrays)
        np.savez_compressed(sound / "packed.npz", **arrays)
        cnndsl.compile(spec, sound / "w.onnx")
        _write_torch(sound, arrays)
        _write_keras(sound)
        for path in sound.iterdir():
            if path != spec:
                assert command("weights", "inspect", str(path)).endswith("done"), path

    @cached_property
    def sound(self) -> dict[str, bytes]:
        """All files by their names."""
        paths = sorted((self.folder / "sound").iterdir())
        return {path.name: path.read_bytes() for path in paths}

    def draw(self, random: Random) -> Case:
        names = [name for name in self.sound if not name.endswith(".cnn")]
        name = random.choice(names)
        files = {b"tiny.cnn": self.sound["tiny.cnn"]}
        data = origin = self.sound[name]
        # Bytes last: libhdf5, by which trees are changed, may hang on a damaged one
        count = random.choice([1, 1, 1, 2, 4])
        for raw in sorted(random.random() < 0.25 for _ in range(count)):
            data = bytes_changed(data, random) if raw else _changed(name, data, random)
        if random.random() < 0.03:  # another format than its name says
            name = random.choice([other for other in names if other != name])
        path = name.encode()
        arguments = random.choice([
            ("weights", "inspect", name),
            ("weights", "map", "tiny.cnn", name),
            ("weights", "map", "tiny.cnn", name, "--format", "json"),
            ("weights", "convert", name, "-o", "out.npz"),
            ("compile", "tiny.cnn", "--weights", name, "-o", "c.onnx"),
        ])  # fmt: skip
        return Case({**files, path: data}, arguments, {**files, path: origin})

    def attempt(self, case: Case) -> str:
        return command(*case.arguments)


def _write_torch(folder: Path, arrays: Mapping[str, Any]) -> None:
    """Both forms of PyTorch's files, the state alone and within a checkpoint."""
    state: dict[str, bytes] = {}
    for key, (name, a) in enumerate(arrays.items()):
        steps = tuple(s // 4 for s in a.strides)
        state[name] = tensor(storage(str(key), a.size), a.shape, steps)
    storages = {str(i): a.astype("<f4").tobytes() for i, a in enumerate(arrays.values())}
    write_zip(folder / "w.pt", program(dictionary(**state)), storages)
    checkpoint = dictionary(state_dict=dictionary(**state), epoch=number(3), name=text("tiny"))
    write_zip(folder / "checkpoint.pt", program(checkpoint), storages)
    for key, (name, a) in enumerate(arrays.items()):
        steps = tuple(s // 4 for s in a.strides)
        state[name] = tensor(storage(str(key), a.size, more=b"N"), a.shape, steps)
    keys = b"](" + b"".join(map(text, storages)) + b"e"
    values = b"".join((len(b) // 4).to_bytes(8, "little") + b for b in storages.values())
    write_stream(folder / "old.pth", program(dictionary(**state)), keys, values)


def _write_keras(folder: Path) -> None:
    """Keras' files of three versions."""
    random = np.random.default_rng(1)
    with h5py.File(folder / "w.h5", "w") as file:
        file.attrs["layer_names"] = [name.encode() for _, name, _ in KERAS]
        for _, name, variables in KERAS:
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{v}:0".encode() for v, _ in variables]
            for variable, shape in variables:
                group[f"{name}/{variable}:0"] = random.random(shape, np.float32)
    with h5py.File(folder / "w.weights.h5", "w") as file:
        for _, name, variables in KERAS:
            for i, (_, shape) in enumerate(variables):
                file[f"layers/{name}/vars/{i}"] = random.random(shape, np.float32)
    layers: list[Any] = [{
        "class_name": "InputLayer", "module": "keras.layers",
        "config": {"name": "input", "batch_shape": [None, 8, 8, 1]},
    }]  # fmt: skip
    layers += [
        {"class_name": kind, "module": "keras.layers", "config": {"name": name}}
        for kind, name, _ in KERAS
    ]
    config = {"class_name": "Sequential", "module": "keras", "config": {"layers": layers}}
    with zipfile.ZipFile(folder / "w.keras", "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", (folder / "w.weights.h5").read_bytes())


# What happens to a file


def _changed(name: str, data: bytes, random: Random) -> bytes:
    """An accident that goes with the file's form."""
    change = {
        "safetensors": tensors_changed, "onnx": model_changed, "h5": tree_changed,
        "npz": _archive_changed, "keras": _archive_changed, "pt": _archive_changed,
    }.get(name.rpartition(".")[2], bytes_changed)  # fmt: skip
    try:
        return change(data, random)
    except Exception:  # what h5py doesn't do
        return data


def _archive_changed(data: bytes, random: Random) -> bytes:
    """A member of a zip archive is changed, lost, doubled, renamed or packed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    place = random.randrange(len(members))
    name, content = members[place]
    packing = zipfile.ZIP_STORED
    match random.randrange(10):
        case 0:
            del members[place]
        case 1:
            members.append(random.choice(members))
        case 2:
            folder, _, last = name.rpartition("/")
            members[place] = random.choice([f"{folder}/x", last, f"../{name}", "é"]), content
        case 3:
            packing = random.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
        case 4:
            members[place] = name, random.choice(members)[1]
        case _:
            suffix = name.rpartition(".")[2]
            change = {"json": json_changed, "h5": tree_changed}.get(suffix, bytes_changed)
            members[place] = name, change(content, random)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def tree_changed(data: bytes, random: Random) -> bytes:
    """An HDF5 file has a tensor less, or one of another name, shape or type, or a link, or other
    attributes.
    """
    memory = io.BytesIO(data)
    with h5py.File(memory, "r+") as file:
        paths: list[str] = []
        file.visit(paths.append)
        path = random.choice(paths)
        where = random.choice([path, random.choice(NAMES) or "y"])
        # Not the one of 4 GiB without contents, below
        small = isinstance(file[path], h5py.Dataset) and file[path].size < 1 << 20
        match random.randrange(8):
            case 0:
                del file[path]
            case 1:
                file.move(path, where + "x")
            case 2:
                del file[path]
                file[path] = random.choice([h5py.SoftLink("/"), h5py.ExternalLink("w.h5", "/")])
            case 3:
                names = random.choice([b"", b"x", np.arange(3), [b"a", b"b"], "é" * 99])
                file[path].attrs[random.choice(["layer_names", "weight_names", "x"])] = names
            case 4 if small:
                array = file[path][()]
                del file[path]
                kind = random.choice(["f2", "f8", "i8", "u1", ">f4", "c8", "S3"])
                file.create_dataset(path, data=array.astype(kind), **random.choice([
                    {}, {"compression": "gzip"}, {"chunks": True}, {"shuffle": True},
                ]))  # fmt: skip
            case _ if small:
                array = file[path][()]
                del file[path]
                file[path] = random.choice(
                    [array.T, array.reshape(-1), array[:1], array[..., None], array * np.nan]
                )
            case _:
                file.create_dataset(where + "y", (1 << 20, 1 << 10), "f4", chunks=True)
    return memory.getvalue()
