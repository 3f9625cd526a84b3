"""Data sets: folders, lists, archives and pictures after accidents, through opening and checking,
an epoch of batches with augmentation, and now and then a training.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from cnndsl.data import read_augmentation, whole_or_middle
from cnndsl.data.loader import Loader
from cnndsl.data.opening import open_data
from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced
from cnndsl.runtime.pictures import PictureInput
from tests.fuzz.cases import Case, Entry, Folder, Kind, Link, Pipe
from tests.fuzz.commands import command
from tests.fuzz.mutations import bytes_changed, text_changed
from tests.support.toy_data import SPEC

Tree = dict[bytes, Entry]

FORMATS = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "bmp": "BMP", "webp": "WEBP", "tif": "TIFF"}
MODES = ("RGB", "L", "RGBA", "P", "1", "CMYK", "LA", "I;16")
CLASSES = ("cat", "dog", "owl")
NAMES = (
    *(b"a\xff\xfe", b"\xc3\x28", "ä".encode(), "a\u0308".encode(), "\u202egpj".encode(), b"a\nb"),
    *(b"\x1b[31mred", b"-rf", b"--help", b" ", b"a b", b".hidden", b"Thumbs.db", b"%s%n", b"~"),
    *("🙂".encode(), b"a" * 200, b"con", b"*?[a]", b"'\"`$x", b"\\..\\", b"\r", b"\t", b"label"),
    *(b"train", b"val", b"test", b"Validation", b"__MACOSX", b"1", b"01", b"10", b"-1", b"nan"),
    *(b"class 2", b"class 10", b"_", b"labels.txt", b"a,b", b"a;b", b"<b>", b"&amp;", b"..."),
)
WORDS = (
    *("path", "label", "split", "train", "val", "test", "cat", "dog", ",", ";", "\t", '"', "\n"),
    *("cat0.png", "../cat0.png", "/etc/passwd", "/dev/zero", ".", "", "~", "http://x/y.png"),
    *("0", "1", "1.5", "is_valid", "True", "image_id", "filename", "\u0000", "ä", "a\u0308", "'"),
)


@cache
def picture(form: str, mode: str, width: int = 12, height: int = 10, seed: int = 0) -> bytes:
    """A small picture in a format."""
    values = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    image = Image.fromarray(values)
    image = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
    stream = io.BytesIO()
    try:
        image.save(stream, form)
    except (OSError, ValueError):  # not every format knows every kind of pixels
        image.convert("RGB").save(stream, form)
    return stream.getvalue()


@cache
def class_folders() -> Tree:
    """`CLASS/picture`, a format each."""
    return {
        f"{name}/{name}{n}.{suffix}".encode(): picture(form, MODES[(n + k) % 3], seed=9 * k + n)
        for k, name in enumerate(CLASSES)
        for n, (suffix, form) in enumerate(FORMATS.items())
    }


@cache
def split_folders() -> Tree:
    """`train/CLASS/picture` beside `val` and `test`."""
    return {
        f"{split}/{name}/{split}{n}.png".encode(): picture("PNG", "RGB", 8 + n, 8, seed=n + 40 * k)
        for split in ("train", "val", "test")
        for k, name in enumerate(CLASSES)
        for n in range(2)
    }


@cache
def listed() -> Tree:
    """Pictures and a CSV that lists them."""
    files: Tree = {f"p/{n}.png".encode(): picture("PNG", "RGB", 8, 8, seed=n) for n in range(9)}
    rows = [f"p/{n}.png,{CLASSES[n % 3]},{('train', 'train', 'val')[n // 3]}" for n in range(9)]
    return {**files, b"list.csv": "\n".join(["path,label,split", *rows, ""]).encode()}


@cache
def archive() -> Tree:
    """An .npz of small grey pictures."""
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    np.savez(
        stream,
        x=rng.integers(0, 255, (24, 8, 8), np.uint8),
        y=np.arange(24) % 3,
        label_names=np.array(CLASSES),
    )
    return {b"toy.npz": stream.getvalue()}


@cache
def split_archive() -> Tree:
    """An .npz of colour pictures in float32, with splits, packed."""
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    arrays = {
        f"{what}_{split}": values
        for split, count in (("train", 18), ("test", 6))
        for what, values in (
            ("x", (rng.random((count, 3, 8, 8)) * 255).astype(np.float32)),
            ("y", np.eye(3, dtype=np.float32)[np.arange(count) % 3]),
        )
    }
    np.savez_compressed(stream, **arrays)
    return {b"toy.npz": stream.getvalue()}


@cache
def idx_files() -> Tree:
    """Files as those of MNIST, one pair packed."""
    rng = np.random.default_rng(0)
    files: Tree = {}
    for split, count in (("train", 24), ("t10k", 6)):
        pixels = rng.integers(0, 255, (count, 8, 8), np.uint8).tobytes()
        images = struct.pack(">4B3I", 0, 0, 8, 3, count, 8, 8) + pixels
        labels = struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(n % 3 for n in range(count))
        for what, rank, data in (("images", 3, images), ("labels", 1, labels)):
            name = f"{split}-{what}-idx{rank}-ubyte"
            packed = split == "train"
            files[(name + ".gz" * packed).encode()] = (
                gzip.compress(data, mtime=0) if packed else data
            )
    return files


@cache
def cifar() -> Tree:
    """CIFAR-10's binary files, a few pictures each."""
    rng = np.random.default_rng(0)

    def records(count: int) -> bytes:
        return b"".join(bytes([n % 10]) + rng.bytes(3072) for n in range(count))

    return {b"data_batch_1.bin": records(12), b"test_batch.bin": records(4)}


def bomb(kind: str) -> bytes:
    """A small file that unpacks to two gigabytes."""
    size, piece = 2 << 30, bytes(1 << 20)
    stream = io.BytesIO()
    if kind == "npz":
        with (
            zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
            file.open("x.npy", "w", force_zip64=True) as entry,
        ):
            np.lib.format.write_array_header_1_0(
                entry, {"descr": "|u1", "fortran_order": False, "shape": (size >> 20, 1024, 1024)}
            )
            for _ in range(size >> 20):
                entry.write(piece)
    else:
        with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1, mtime=0) as file:
            file.write(struct.pack(">4B3I", 0, 0, 8, 3, size >> 20, 1024, 1024))
            for _ in range(size >> 20):
                file.write(piece)
    return stream.getvalue()


_PACKED = {"TIFF": {"compression": "tiff_deflate"}}


@cache
def huge_picture(form: str) -> bytes:
    """A small file with a picture of very many pixels."""
    side = 6000
    stream = io.BytesIO()
    Image.new("L" if form != "PNG" else "1", (side, side)).save(
        stream, form, **_PACKED.get(form, {})
    )
    return stream.getvalue()


BASES: tuple[Callable[[], Tree], ...] = (
    *(class_folders, class_folders, split_folders, listed, listed),
    *(archive, split_archive, idx_files, cifar),
)


class Data(Kind):
    """Data sets of all kinds after accidents."""

    name = "data"
    per_worker = 1000

    @cached_property
    def bombs(self) -> list[bytes]:
        """Small files that unpack to two gigabytes. They take a while to make, so they are kept."""
        return [self._kept(kind) for kind in ("npz", "gz")]

    def _kept(self, kind: str) -> bytes:
        path = self.folder / f"bomb.{kind}"
        if not path.is_file():
            with replaced(path) as file:
                file.write(bomb(kind))
        return path.read_bytes()

    def draw(self, random: Random) -> Case:
        base = random.choice(BASES)()
        files = {b"set/" + path: entry for path, entry in base.items()}
        origin = dict(files)
        for _ in range(random.choice([1, 1, 1, 2, 3, 6])):
            self._accident(files, random)
        data = "set"
        inside = [path for path in files if path.count(b"/") == 1]
        if inside and random.random() < 0.25:
            data = os.fsdecode(random.choice(inside))
        return Case(files, self._arguments(data, random), origin)

    def _arguments(self, data: str, random: Random) -> tuple[str, ...]:
        chance = random.random()
        if chance < 0.02:
            files = ("tiny.cnn", "--data", data, "--epochs", "1", "--threads", "1", "--batch", "4")
            return ("train", *files, random.choice(["-q", "--json"]))
        if chance < 0.5:
            augment = random.choice(["none", "light", "strong"])
            return ("epoch", data, augment, random.choice(["1", "3"]), random.choice(["8", "17"]))
        options = random.choice(["--no-mosaic", "--no-mosaic", "--mosaic=samples.png"])
        if random.random() < 0.2:
            options += random.choice([" --format=json", " --strict", " --size=9x31"])
        return ("data", "check", data, *options.split())

    def attempt(self, case: Case) -> str:
        name, *arguments = case.arguments
        if name != "epoch":
            Path("tiny.cnn").write_text(SPEC, encoding="utf-8")
            return command(*case.arguments)
        data, augment, channels, side = arguments
        try:
            found = open_data(data, download=False)
            shape = int(channels), int(side), int(side)
            picture = PictureInput("image", "float32", *shape, False, whole_or_middle(found))
            augmentation = read_augmentation(augment, found.mirror)
            for split in found.splits.values():
                with Loader(
                    split, picture, batch=4, shuffle=True, augmentation=augmentation, workers=0
                ) as loader:
                    for batch in loader.epoch(1):
                        assert batch.images.shape[1:] == shape
                        assert batch.images.dtype == np.float32
        except UsageError:
            return "epoch: refused"
        return "epoch: done"

    def _accident(self, files: Tree, random: Random) -> None:
        """Something happens to a file, or to the tree."""
        paths = [path for path in files if path.startswith(b"set/")]
        if not paths:
            files[b"set/odd"] = Folder()
            return
        path = random.choice(paths)
        entry = files[path]
        match random.randrange(16):
            case 0 | 1 | 2 | 3 | 4 | 5 if isinstance(entry, bytes):
                files[path] = self._damaged(path, entry, random)
            case 6:
                del files[path]
            case 7 | 8:
                files[_renamed(path, random)] = files.pop(path)
            case 9:
                files[path] = random.choice([b"", b"\0", Folder(), random.randbytes(50)])
            case 10:
                files[_renamed(path, random)] = self._odd(path, random)
            case 11:
                files[path] = files[random.choice(paths)]
            case 12:
                form = random.choice(list(FORMATS.values()))
                sizes = [(1, 1), (1, 3000), (3000, 1), (300, 200), (2, 2)]
                files[path] = picture(form, random.choice(MODES), *random.choice(sizes))
            case 13:
                folder = os.path.dirname(path)
                for other in [p for p in paths if p.startswith(folder + b"/")]:
                    if random.random() < 0.8:
                        del files[other]
            case 14:
                name = random.choice([b"labels.txt", b"classes.json", b"labels.json"])
                texts = [
                    b"a\nb\nc\n",
                    b"a\n",
                    b"[1, 2]",
                    b'["a", "b", "c"]',
                    b"{}",
                    b"\xff\xfe",
                    b"[",
                ]
                files[b"set/" + name] = random.choice(texts)
            case _:
                other = random.choice(BASES)()
                picked = random.choice(list(other))
                files[b"set/" + picked] = other[picked]

    def _damaged(self, path: bytes, entry: bytes, random: Random) -> bytes:
        if path.endswith(b".csv"):
            return _list_changed(entry, random)
        if random.random() < 0.002:
            return random.choice([*self.bombs, huge_picture("PNG"), huge_picture("TIFF")])
        if path.endswith(b".npz") and random.random() < 0.5:
            return _inner_changed(entry, random)
        for _ in range(random.choice([1, 1, 2, 5])):
            entry = bytes_changed(entry, random)
        return entry

    def _odd(self, path: bytes, random: Random) -> Entry:
        targets = (b".", b"..", b"nowhere", b"/dev/zero", b"/dev/full", os.path.basename(path))
        return random.choice([Pipe(), Folder(), *(Link(target) for target in targets)])


def _renamed(path: bytes, random: Random) -> bytes:
    """Another name for a file, or for a folder above it."""
    parts = path.split(b"/")
    place = random.randrange(1, len(parts))
    name, suffix = random.choice(NAMES), os.path.splitext(parts[-1])[1]
    if place == len(parts) - 1 and random.random() < 0.8:
        name += suffix if random.random() < 0.9 else suffix.upper()
    parts[place] = name
    return b"/".join(parts)


def _list_changed(data: bytes, random: Random) -> bytes:
    """Another dialect, another encoding, another header, or an accident to the text."""
    text = data.decode("utf-8", "replace")
    match random.randrange(9):
        case 0:
            text = text.replace(",", random.choice([";", "\t", "|", ", ", " "]))
        case 1:
            encoding = random.choice(["utf-16", "utf-16-le", "utf-8-sig", "utf-32", "cp037"])
            return text.encode(encoding, "replace")
        case 2:
            text = text.replace("\n", random.choice(["\r\n", "\r", "\n\n", "\0\n"]))
        case 3:
            heads = ["image_id,label,x", "filename,labels,y", "name,label,is_valid", "id,breed,z"]
            head = random.choice(
                [*heads, "file,cat,dog", "path", "", "label,path,split", "a,b,c,d"]
            )
            text = head + text[text.find("\n") :]
        case 4:
            text = "\n".join(f'"{line}"' for line in text.split("\n"))
        case 5:
            text = text.replace("p/", random.choice(["p\\", "./p/", "../set/p/", "P/", "", "/p/"]))
        case 6:
            text = text + '"' * random.choice([1, 3]) + "x" * random.choice([0, 200_000])
        case _:
            for _ in range(random.choice([1, 2, 5])):
                text = text_changed(text, random, WORDS)
    return text.encode("utf-8", "replace")


def _inner_changed(data: bytes, random: Random) -> bytes:
    """An array within an .npz is damaged, replaced, renamed or lost, in a sound archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            arrays = {name: file.read(name) for name in file.namelist()}
    except Exception:  # it was damaged before, in whatever way
        return bytes_changed(data, random)
    name = random.choice(list(arrays) or ["x.npy"])
    match random.randrange(5):
        case 0 | 1:
            arrays[name] = bytes_changed(arrays.get(name, b""), random)
        case 2:
            stream = io.BytesIO()
            np.save(stream, _odd_array(random))
            arrays[name] = stream.getvalue()
        case 3:
            other = random.choice(["x.npy", "y.npy", "split.npy", "x_val.npy", "a/b.npy", "ä"])
            arrays[other] = arrays.pop(name, b"")
        case _:
            header = arrays.get(name, b"")[:128]
            arrays[name] = header + arrays.get(name, b"")[random.randrange(200) :]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in arrays.items():
            file.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def _odd_array(random: Random) -> np.ndarray:
    kinds = ["u1", "i8", "f4", "f8", "c8", "U5", "S3", "?", "M8[s]", ">i4", "f2", "u8"]
    shapes = [(), (0,), (24,), (24, 8, 8), (24, 3), (24, 8, 8, 3), (1, 1), (24, 0, 8), (2,) * 9]
    values = np.zeros(random.choice(shapes), random.choice(kinds))
    if values.dtype.kind == "f" and values.size:
        values.flat[0] = random.choice([np.nan, np.inf, -1e30, 1e30])
    if values.dtype.kind in "iu" and values.size:
        values.flat[0] = random.choice([-1, 10**6, 127]) if values.dtype.kind == "i" else 200
    return values
