"""PyTorch's files are read as torch reads them, and nothing in them is ever called."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.weights.opening import open_tensors
from cnndsl.weights.tensors import TensorFile
from tests.support import peers
from tests.support.data import real_data
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

ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_a_table_and_a_storage(tmp_path: Path) -> None:
    table = program(
        dictionary(w=tensor(storage()), t=tensor(storage(), (3, 2), (1, 3)), epoch=number(3))
    )
    found = open_tensors(write_zip(tmp_path / "w.pth", table))
    assert found.format == "PyTorch"
    np.testing.assert_array_equal(found.tensors["w"].read(), ARRAY)
    np.testing.assert_array_equal(found.tensors["t"].read(), ARRAY.T)
    assert list(found.tensors) == ["w", "t"]


def test_the_bytes_may_be_the_other_way_round(tmp_path: Path) -> None:
    table, data = program(dictionary(w=tensor(storage()))), ARRAY.astype(">f4").tobytes()
    path = write_zip(tmp_path / "w.pth", table, {"0": data}, byteorder=b"big")
    np.testing.assert_array_equal(open_tensors(path).tensors["w"].read(), ARRAY)


def test_compressed_storages(tmp_path: Path) -> None:
    table = program(dictionary(w=tensor(storage(), (2,), (3,), 2)))
    path = write_zip(tmp_path / "w.pth", table, compression=zipfile.ZIP_DEFLATED)
    assert open_tensors(path).tensors["w"].read().tolist() == [2, 5]


def test_the_form_before_1_6_with_parts_of_storages(tmp_path: Path) -> None:
    part = b"(" + text("view") + number(2) + number(3) + b"t"
    table = program(
        dictionary(w=tensor(storage(more=b"N")), part=tensor(storage(more=part), (3,), (1,)))
    )
    data = (6).to_bytes(8, "little") + ARRAY.tobytes()
    path = write_stream(tmp_path / "w.th", table, b"](" + text("0") + b"e", data)
    found = open_tensors(path)
    np.testing.assert_array_equal(found.tensors["w"].read(), ARRAY)
    assert found.tensors["part"].read().tolist() == [2, 3, 4]
    for length in range(1, path.stat().st_size - 1, 3):
        (tmp_path / "cut").write_bytes(path.read_bytes()[:length])
        with pytest.raises(UsageError):
            open_tensors(tmp_path / "cut")


W = tensor(storage())


@pytest.mark.parametrize(
    ("value", "names", "note"),
    [
        (dictionary(state_dict=dictionary(w=W), epoch=number(1)), ["w"], ()),
        (dictionary(a=dictionary(w=W), b=b"](" + W + b"e"), ["a.w", "b.0"], ()),
        (
            dictionary(model=dictionary(w=W), optimizer=dictionary(m=W)),
            ["w"],
            ("left aside: `optimizer`",),
        ),
        (dictionary(w=W, optimizer_state=dictionary(m=W)), ["w"],
         ("left aside: `optimizer_state`",)),
        (dictionary(model=dictionary(w=W), net=dictionary(v=W)), ["w"], ("left aside: `net`",)),
        (dictionary(model=W, net=dictionary(v=W)), ["model", "net.v"], ()),
        (W, ["tensor"], ()),
        (b"}q\x00" + text("me") + b"h\x00s" + text("w") + W + b"s", ["w"], ()),
    ],
)  # fmt: skip
def test_what_is_the_model_state(
    tmp_path: Path, value: bytes, names: list[str], note: tuple[str, ...]
) -> None:
    found = open_tensors(write_zip(tmp_path / "w", program(value)))
    assert (list(found.tensors), found.notes) == (names, note)


RUN = b"cos\nsystem\n" + text("touch ran") + b"\x85R"
STACKED = text("os") + text("system") + b"\x93" + text("touch ran") + b"\x85R"


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (program(RUN), r"asks for `os\.system`"),
        (program(STACKED), r"asks for `os\.system`"),
        (program(dictionary(w=W, z=RUN)), r"asks for `os\.system`"),
        (program(b"cbuiltins\neval\n" + text("1") + b"\x85R"), r"`builtins\.eval`"),
        (program(b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n"), "asks for"),
        (program(b"ctorch\nComplexFloatStorage\n"), "holds numbers as"),
        (program(b"(ios\nsystem\n"), "instruction b'i'"),
        (program(b"\x82\x01"), "instruction"),
        (program(dictionary(w=tensor(storage(count=7)))), "smaller than its table says"),
        (program(dictionary(w=tensor(storage(key="../../etc/passwd")))), "lacks the storage"),
        (program(dictionary(w=tensor(storage(), (2, 4), (3, 1)))), "beyond the end of its storage"),
        (program(dictionary(w=tensor(storage(), offset=1))), "beyond the end of its storage"),
        (program(dictionary(w=tensor(storage(), offset=-1))), "can't be meant"),
        (program(dictionary(w=tensor(storage(), steps=(-3, 1)))), "no whole number"),
        (program(dictionary(w=tensor(storage(), steps=(1,)))), "can't be meant"),
        (program(dictionary(w=tensor(storage(), (1 << 30, 1 << 29), (0, 0)))), "claims to hold"),
        (program(dictionary(w=tensor(number(3)))), "isn't in a storage"),
        (program(dictionary(a=b"}")), "holds no tensors"),
        (program(dictionary(w=W) + b"0"), "takes more than"),
        (program(text("w") + W + b"s"), "takes more than|fills what"),
        (program(b"]" + text("w") + W + b"s"), "fills what is no list"),
        (program(b"h\x07"), "never met"),
        (program(b"]r\xff\xff\xff\x7f"), "leaves out a place"),
        (program(b"e"), "without a mark"),
        (b"\x80\x02}", "cut off"),
        (b"\x80\x02X\xff\xff\xff\xff", "cut off"),
        (b"", "cut off"),
        (
            program(b"}" + (text("a") + b"}") * 200 + text("w") + W + b"s" * 201),
            "nests dictionaries",
        ),
    ],
)
def test_what_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: bytes, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_zip(tmp_path / "w", table)
    with pytest.raises(UsageError, match=sentence):
        open_tensors(path)
    assert [p.name for p in tmp_path.iterdir()] == ["w"]


def equal(found: TensorFile, state: dict[str, Any], torch: Any) -> None:
    assert list(found.tensors) == list(state)
    for name, expected in state.items():
        tensor = found.tensors[name]
        assert tensor.shape == tuple(expected.shape)
        assert tensor.type == str(expected.dtype).removeprefix("torch.")
        if expected.dtype == torch.bfloat16:
            expected = expected.float()
        values = tensor.read()
        assert values.dtype == expected.detach().numpy().dtype
        assert values.shape == tensor.shape
        np.testing.assert_array_equal(values, expected.detach().numpy(), name)


@pytest.mark.torch
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_of_every_kind(tmp_path: Path, protocol: int, zipped: bool) -> None:
    torch = peers.torch()
    base = torch.arange(24.0).reshape(2, 3, 4)
    state = {
        "whole": base,
        "turned": base.permute(2, 0, 1),
        "part": base[:, 1:, ::2],
        "again": torch.ones(1).expand(3, 4),
        "parameter": torch.nn.Parameter(base),
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(3),
        **{
            str(kind): base.to(kind)
            for kind in (torch.bfloat16, torch.half, torch.double, torch.int8, torch.bool)
        },
    }
    if zipped:
        state["new"] = base.to(torch.uint16)
    path = tmp_path / "w.pt"
    torch.save(state, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    equal(open_tensors(path), state, torch)


@pytest.mark.torch
@pytest.mark.parametrize("form", ["state", "checkpoint", "old", "script", "trace", "whole"])
def test_models_as_they_are_saved(tmp_path: Path, form: str) -> None:
    torch = peers.torch()
    layers = torch.nn
    model = layers.Sequential(
        layers.Conv2d(3, 4, 3), layers.BatchNorm2d(4), layers.ReLU(), layers.Sequential()
    )
    model.add_module("head", layers.Sequential(layers.Flatten(), layers.Linear(4 * 36, 2)))
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 3, 8, 8)).sum().backward()
    optimiser.step()
    whole = {
        "epoch": 3,
        "state_dict": model.state_dict(),
        "optimizer": optimiser.state_dict(),
        "best": 0.5,
    }
    path = tmp_path / "w.pth"
    ways: dict[str, Callable[[], Any]] = {
        "state": lambda: torch.save(model.state_dict(), path),
        "checkpoint": lambda: torch.save(whole, path),
        "old": lambda: torch.save(whole, path, _use_new_zipfile_serialization=False),
        "script": lambda: torch.jit.script(model).save(path),
        "trace": lambda: torch.jit.trace(model, torch.ones(2, 3, 8, 8)).save(path),
        "whole": lambda: torch.save(model, path),
    }
    ways[form]()
    if form == "whole":
        with pytest.raises(UsageError, match=r"asks for `torch\.nn\.modules\.container\.Seq"):
            open_tensors(path)
        return
    found = open_tensors(path)
    equal(found, model.state_dict(), torch)
    assert found.notes == (("left aside: `optimizer`",) if form in ("checkpoint", "old") else ())


@pytest.mark.data
@pytest.mark.parametrize(("depth", "count"), [(20, 97), (56, 277)])
def test_published_files_of_the_form_before_1_6(depth: int, count: int) -> None:
    found = open_tensors(real_data("weights", f"cifar_resnet{depth}.th"))
    assert len(found.tensors) == count
    assert found.tensors["module.conv1.weight"].shape == (16, 3, 3, 3)
    assert found.tensors["module.linear.weight"].read().std() > 0.01
