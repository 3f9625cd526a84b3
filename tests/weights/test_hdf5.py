"""HDF5 files beside h5py: the same tensors, and no byte can do harm."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.diagnostics import UsageError
from cnndsl.weights.formats.elements import TYPES
from cnndsl.weights.formats.hdf5 import File
from cnndsl.weights.opening import open_tensors

random = np.random.default_rng(0)
VALUES = random.standard_normal((20, 17, 5)).astype(np.float32)


def h5py() -> Any:
    return pytest.importorskip("h5py", reason="h5py is not installed")


def written(fill: Callable[[Any], None], path: Path, **options: Any) -> Path:
    with h5py().File(path, "w", **options) as file:
        fill(file)
    return path


PIECES = {"chunks": (16, 10, 3)}
KEEPINGS: dict[str, dict[str, Any]] = {
    "in a row": {},
    "in pieces": PIECES,
    "compressed": PIECES | {"compression": "gzip"},
    "compressed, shuffled, summed": PIECES
    | {"compression": 9, "shuffle": True, "fletcher32": True},
    "shuffled, a single piece": {"chunks": (20, 17, 5), "shuffle": True},
}


@pytest.mark.parametrize("keeping", KEEPINGS)
def test_values_however_they_are_kept(tmp_path: Path, keeping: str) -> None:
    path = written(
        lambda f: f.create_dataset("a/b", data=VALUES, **KEEPINGS[keeping]), tmp_path / "f"
    )
    (tensor,) = open_tensors(path).tensors.values()
    assert (tensor.name, tensor.shape, tensor.type) == ("a/b", VALUES.shape, "float32")
    np.testing.assert_array_equal(tensor.read(), VALUES)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [t for t in TYPES if t not in ("bfloat16", "bool")])
def test_values_of_every_type(tmp_path: Path, kind: str, order: str) -> None:
    values = (10 * VALUES).astype(kind)
    stored = values.astype(np.dtype(kind).newbyteorder(order))
    (tensor,) = open_tensors(written(lambda f: f.update(x=stored), tmp_path / "f")).tensors.values()
    assert tensor.type == kind
    np.testing.assert_array_equal(tensor.read(), values)


def test_bfloat16_as_keras_keeps_it(tmp_path: Path) -> None:
    upper = (np.float32([1, -2.5]).view(np.uint32) >> 16).astype("<u2").view("V2")
    (tensor,) = open_tensors(written(lambda f: f.update(x=upper), tmp_path / "f")).tensors.values()
    assert tensor.type == "bfloat16"
    np.testing.assert_array_equal(tensor.read(), [1, -2.5])


@pytest.mark.parametrize("libver", ["earliest", "v110", "latest"])
def test_trees_of_several_versions_of_the_format(tmp_path: Path, libver: str) -> None:
    def fill(file: Any) -> None:
        for number in range(3 if libver != "earliest" else 500):
            file[f"many/of/{number}"] = np.full(3, number, np.float32)
        file["one"], file["none"] = 2.5, np.zeros((0, 3))
        group = file["many"]
        group.attrs["text"], group.attrs["texts"] = "ümlaut", ["a", "bb", ""]
        group.attrs["fixed"], group.attrs["number"] = np.array([b"ab", b"c"]), 3
        group.attrs["long"] = "x" * 100_000 if libver == "earliest" else "x"

    path = written(fill, tmp_path / "f", libver=libver)
    data = path.read_bytes()
    group = File(lambda begin, end: data[begin:end], len(data)).root().member("many")
    assert group is not None
    assert {name: texts for name, texts in group.texts.items() if name != "long"} == {
        "text": ["ümlaut"],
        "texts": ["a", "bb", ""],
        "fixed": ["ab", "c"],
    }
    tensors = open_tensors(path).tensors
    with h5py().File(path) as theirs:
        assert tensors.keys() == {"one", "none", *(f"many/of/{n}" for n in theirs["many/of"])}
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(tensor.read(), theirs[name][()])


def _virtual(file: Any) -> None:
    layout = h5py().VirtualLayout((4,), "f4")
    layout[:] = h5py().VirtualSource("/etc/passwd", "x", (4,))
    file.create_virtual_dataset("x", layout)


def _shared_type(file: Any) -> None:
    file["type"] = np.dtype("f4")
    file.create_dataset("x", data=VALUES, dtype=file["type"])


def _many_ways(file: Any) -> None:
    group = file.create_group("g")
    for _ in range(12):  # two ways into each: 4,096 to the last
        group["other"] = inner = group.create_group("one")
        group = inner
    group["x"] = VALUES[0, 0]


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a soft link": (lambda f: f.update(x=h5py().SoftLink("/y")), "a link to another place"),
    "an external link": (
        lambda f: f.update(x=h5py().ExternalLink("other.h5", "/y")),
        "a link to another place or file",
    ),
    "external storage": (
        lambda f: f.create_dataset("x", (4,), "f4", external=[("/etc/passwd", 0, 16)]),
        "keeps values in other files",
    ),
    "a virtual data set": (_virtual, "other files"),
    "a type with a name": (_shared_type, "shares descriptions"),
    "no values": (lambda f: f.create_dataset("x", (1000,), "f4"), "never written"),
    "no pieces": (
        lambda f: f.create_dataset("x", (1000,), "f4", chunks=(10,)),
        "lacks 100 pieces|lists|is cut off",
    ),
    "an absurd shape": (
        lambda f: f.create_dataset("x", (1 << 40, 1 << 10), "f4", chunks=(1, 1)),
        "claims to hold",
    ),
    "a bomb": (
        lambda f: f.create_dataset("x", data=np.zeros(1 << 23), chunks=(1 << 23,), compression=9),
        "claims to hold",
    ),
    "another compression": (
        lambda f: f.create_dataset("x", data=VALUES, compression="lzf"),
        "a method that isn't read here",
    ),
    "a group in itself": (lambda f: f.update({"x/y": f.create_group("x")}), "groups in groups"),
    "one thing by many ways": (_many_ways, "the same ones often"),
    "text": (lambda f: f.update(x="text"), "as text, which can't be read"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_leads_elsewhere_or_lies_is_refused(tmp_path: Path, what: str) -> None:
    fill, sentence = REFUSED[what]
    path = written(fill, tmp_path / "f")
    with pytest.raises(UsageError, match=sentence):
        for tensor in open_tensors(path).tensors.values():
            tensor.read()


def test_many_links_in_a_new_style_group_are_refused(tmp_path: Path) -> None:
    path = written(
        lambda f: [f.create_group(str(n)) for n in range(20)], tmp_path / "f", libver="latest"
    )
    with pytest.raises(UsageError, match="lists its groups in a way that isn't read here"):
        open_tensors(path)


@cache
def sample() -> bytes:
    """A small file with everything in it."""
    file = BytesIO()
    with h5py().File(file, "w") as f:
        for number in range(3):
            f[f"model_weights/l{number}/l{number}/kernel:0"] = VALUES[:4]
            f[f"model_weights/l{number}"].attrs["weight_names"] = [f"l{number}/kernel:0"]
        f["model_weights"].attrs["layer_names"] = ["l0", "l1", "l2"]
        f["model_weights"].create_dataset("p", data=VALUES, **KEEPINGS["compressed"])
        f.attrs["model_config"] = '{"config": {"layers": []}}'
    return file.getvalue()


@given(
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=8),
    end=st.none() | st.integers(0, 1 << 16),
)
def test_no_bytes_can_do_harm(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], end: int | None
) -> None:
    """Tensors or one sentence, in memory of a few times the file's size."""
    data = bytearray(sample())
    for place, value in changes:
        data[place % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.h5"
    path.write_bytes(data[:end])
    tracemalloc.start()
    try:
        for tensor in open_tensors(path).tensors.values():
            tensor.read()
    except UsageError as error:
        assert "\n" not in str(error)
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 64 * len(data) + (32 << 20)
