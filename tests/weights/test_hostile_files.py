"""No byte string makes a reader run code, write a file, or take more than it may."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from cnndsl.weights.save import write_tensors
from tests.support.hostile import MULTIPLE, opened_safely, watched
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
from tests.support.small_models import model

ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)
TABLE = program(dictionary(w=tensor(storage()), t=tensor(storage(), (3, 2), (1, 3)), n=number(3)))


def torch_zip(path: Path) -> None:
    write_zip(path, TABLE, byteorder=b"little")


def torch_packed(path: Path) -> None:
    write_zip(path, TABLE, compression=zipfile.ZIP_DEFLATED)


def torch_stream(path: Path) -> None:
    table = program(dictionary(w=tensor(storage(more=b"N"))))
    write_stream(path, table, b"](" + text("0") + b"e", b"\6" + bytes(7) + ARRAY.tobytes())


def safetensors(path: Path) -> None:
    write_tensors(path, {"w": ARRAY, "b": ARRAY[0]}, {"cnndsl.labels": '["a"]'})


def npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, w=ARRAY, h=ARRAY.astype(np.float16))


def npz_packed(path: Path) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, w=ARRAY.T, b=ARRAY.astype(">f8"))


def onnx_model(path: Path) -> None:
    tensors = [
        helper.make_tensor("raw", TensorProto.FLOAT, (2, 3), ARRAY.tobytes(), raw=True),
        helper.make_tensor("floats", TensorProto.FLOAT, (2, 3), ARRAY.flatten().tolist()),
        helper.make_tensor("halves", TensorProto.FLOAT16, (3,), ARRAY[1].tolist()),
        helper.make_tensor("longs", TensorProto.INT64, (2,), [-1, 1 << 40]),
    ]
    constant = helper.make_node("Constant", [], ["c"], value=tensors[0])
    path.write_bytes(
        model([constant], {"x": (1,)}, {"c": None}, initializers=tensors, metadata={"a": "b"})
    )


SAMPLES: Mapping[str, Callable[[Path], None]] = {
    f.__name__: f
    for f in (torch_zip, torch_packed, torch_stream, safetensors, npz, npz_packed, onnx_model)
}


@cache
def sample(name: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "w"
        SAMPLES[name](path)
        assert opened_safely(path)
        return path.read_bytes()


NUMBERS = st.sampled_from(
    [b"\xff" * 8, b"\xff" * 4, b"\xff\xff\xff\x7f", bytes(8), bytes(4), b"\1", b"\x80", b"\xff",
     b"(", b"R", b"}", b"h\0", b"c", b".", b"{", b"[" * 50, b"PK\3\4", b"PK\1\2", b"PK\5\6"]
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The file with some places overwritten, cut out, doubled, or cut off."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, max(0, len(data) - 1)))
        end = min(len(data), begin + draw(st.integers(1, 40)))
        match draw(st.sampled_from(["overwrite", "insert", "cut", "double", "end", "bit"])):
            case "overwrite":
                new = draw(NUMBERS | st.binary(min_size=1, max_size=8))
                data[begin : begin + len(new)] = new
            case "insert":
                data[begin:begin] = draw(NUMBERS | st.binary(max_size=8))
            case "cut":
                del data[begin:end]
            case "double":
                data[begin:begin] = data[begin:end]
            case "end":
                del data[begin:]
            case _ if data:
                data[begin] ^= 1 << draw(st.integers(0, 7))
            case _:
                pass
    return bytes(data)


@pytest.mark.parametrize("name", SAMPLES)
@given(choices=st.data())
def test_damaged_files(
    tmp_path_factory: pytest.TempPathFactory, name: str, choices: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"damaged_{name}"
    folder.mkdir(exist_ok=True)
    (folder / "w").write_bytes(choices.draw(damaged(sample(name))))
    opened_safely(folder / "w")


STARTS = (b"", b"PK\3\4", b"\x80\2", b"\x08\x08", b"\x89HDF\r\n\x1a\n", b"\x10" + bytes(7) + b"{")


@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=200))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "any_bytes"
    folder.mkdir(exist_ok=True)
    (folder / "w").write_bytes(start + rest)
    opened_safely(folder / "w")


CODES = st.sampled_from(
    [b"N", b"\x88", b"K\1", b"M\1\1", b"\x8a\1\1", b"X\1\0\0\0a", b"(", b")", b"]", b"}", b"t",
     b"\x85", b"\x86", b"\x87", b"l", b"d", b"a", b"e", b"s", b"u", b"q\0", b"q\1", b"\x94", b"h\0",
     b"h\1", b"R", b"\x81", b"b", b"Q", b"0", b"\x93", b"cos\nsystem\n", b"cbuiltins\neval\n",
     b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nSize\n",
     b"ctorch\nFloatStorage\n", b"ctorch._utils\n_rebuild_parameter\n", storage(),
     tensor(storage()), b"(K\1K\2t"]
)  # fmt: skip


@given(codes=st.lists(CODES, max_size=40))
def test_any_pickle(tmp_path_factory: pytest.TempPathFactory, codes: list[bytes]) -> None:
    folder = tmp_path_factory.getbasetemp() / "any_pickle"
    folder.mkdir(exist_ok=True)
    write_zip(folder / "w", program(b"".join(codes)))
    opened_safely(folder / "w")


def safetensors_with(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


def many_tensors() -> bytes:
    entry = {"dtype": "U8", "shape": [], "data_offsets": [0, 1]}
    return safetensors_with(json.dumps({str(n): entry for n in range(8000)}).encode()) + b"0"


def onnx_of(tensors: bytes) -> bytes:
    length = len(tensors)
    size = bytes([length & 127 | 128, length >> 7 & 127 | 128, length >> 14 & 127])
    return b"\x08\x08\x3a" + size + tensors


def onnx_tensors(count: int) -> bytes:
    """The smallest there are: no elements, and a name of three characters."""
    names = (b"%03x" % n for n in range(count))
    return onnx_of(b"".join(b"\x2a\x09\x08\0\x10\1\x42\3" + name for name in names))


def zipped(table: bytes, storages: dict[str, bytes] | None = None, packed: bool = False) -> bytes:
    with TemporaryDirectory() as folder:
        how = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        return write_zip(Path(folder) / "w", table, storages, compression=how).read_bytes()


def torch_tensors(count: int) -> bytes:
    """A storage and a shape that are named once, and many tensors made of them."""
    function = b"ctorch._utils\n_rebuild_tensor_v2\nq\0"
    common = function + storage(count=1) + b"q\1" + b")q\2" + b"000"
    one = b"h\0(h\1K\0h\2h\2\x89NtR"
    entries = b"".join(b"X\3\0\0\0%03x" % n + one for n in range(count))
    return zipped(program(common + b"}(" + entries + b"u"))


BOMBS: dict[str, Callable[[], bytes]] = {
    "deep JSON": lambda: safetensors_with(b'{"a":' + b"[" * 300_000),
    "many lists": lambda: safetensors_with(b'{"a":[' + b"[]," * 100_000 + b"0]}"),
    "many dictionaries": lambda: safetensors_with(b'{"a":[' + b'{"a":0},' * 40_000 + b"0]}"),
    "many tensors": many_tensors,
    "a header as long as the file says": lambda: b"\xff\xff\xff\xff\0\0\0\0{" + bytes(100),
    "empty initialisers": lambda: onnx_of(b"\x2a\0" * 200_000),
    "small initialisers": lambda: onnx_tensors(4095),
    "empty nodes": lambda: onnx_of(b"\x0a\0" * 200_000),
    "dictionaries in a pickle": lambda: zipped(program(b"}" * 300_000)),
    "lists in a packed pickle": lambda: zipped(program(b"]" * 500_000), packed=True),
    "a packed pickle of any length": lambda: zipped(program(b"]" * (1 << 24)), packed=True),
    "small tensors": lambda: torch_tensors(4000),
    "hashes that are all alike": lambda: zipped(
        program(b"}(" + (b"\x8a\x08" + ((1 << 61) - 1).to_bytes(8, "little") + b"N") * 9000 + b"u")
    ),
    "a list of lists of the same lists": lambda: zipped(
        program(
            b"]q\0"
            + b"".join(
                b"0](" + (b"h" + bytes([n])) * 10 + b"eq" + bytes([n + 1]) for n in range(60)
            )
        )
    ),
    "a packed storage": lambda: zipped(program(tensor(storage())), {"0": bytes(1 << 26)}, True),
    "a long table of contents": lambda: zipped(
        program(tensor(storage())), {f"{n:08}" * 30: b"" for n in range(8000)}
    ),
    "many members": lambda: zipped(
        program(tensor(storage())), {f"{n:x}": b"" for n in range(5000)}
    ),
    "pieces of a tensor": lambda: onnx_of(b"\x2a\xfc\xff\x0f" + b"\x25\0\0\0\0" * 52428),
}


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("name", BOMBS)
def test_bombs(tmp_path: Path, name: str) -> None:
    (tmp_path / "w").write_bytes(BOMBS[name]())
    opened_safely(tmp_path / "w")


def test_the_watch_sees_what_must_not_happen(tmp_path: Path) -> None:
    with watched() as events:
        (tmp_path / "new").write_text("")
        compiled = compile("1", "", "eval")
        __import__("types").FunctionType(compiled, {})
    assert len(events) == 1 and "open for writing" in events[0]
    assert MULTIPLE == 80  # docs/weights.md and cnndsl/weights/opening.py say so too
