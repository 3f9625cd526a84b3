"""Where the disk is full, every command names the file it couldn't write, and leaves no half."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import pytest
from click.testing import CliRunner

from cnndsl.cli import main
from tests.support.command_line import cnndsl
from tests.support.toy_data import write_toy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are Unix's")
QUICK = "--epochs 1 --batch 16 --threads 1"


@contextmanager
def full(most: int) -> Generator[None]:
    """No file can be longer than so many bytes, as if the disk were full."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    # Python would keep half of what it compiles, and stumble over it when it is imported again
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = before


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    write_toy(folder, 60)
    (folder / "untidy.cnn").write_text("cnndsl 1\ninput   x 1@8x8\nconv   3x3 4\n" + "# more\n" * 9)
    np.save(folder / "x.npy", np.zeros((1, 1, 8, 8), np.float32))
    cnndsl("compile", str(folder / "tiny.cnn"), "-o", str(folder / "m.onnx"), "--set", "classes=4")
    cnndsl("compile", str(folder / "tiny.cnn"), "-o", str(folder / "beside.onnx"), "--external")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("call", "written"),
    [
        ("compile tiny.cnn -o new.onnx", "new.onnx"),
        ("compile tiny.cnn -o new.onnx --external", "new.onnx.data"),
        ("compile tiny.cnn -o beside.onnx --external --seed 1", "beside.onnx.data"),
        ("compile tiny.cnn -o m.onnx --seed 1", "m.onnx"),
        ("import m.onnx -o new.cnn", "new.safetensors"),
        ("cut m.onnx --at relu1 -o new.onnx", "new.onnx"),
        ("predict m.onnx x.npy x.npy x.npy x.npy x.npy x.npy x.npy -o new.csv", "new.csv"),
        ("run m.onnx x.npy -o new.npz", "new.npz"),
        ("run m.onnx x.npy -o new.npy", "new.npy"),
        ("run beside.onnx x.npy -o new.npz", "new.npz"),
        ("report tiny.cnn -o new.html", "new.html"),
        ("report tiny.cnn -o new.txt", "new.txt"),
        ("weights convert m.onnx -o new.safetensors", "new.safetensors"),
        ("weights convert m.onnx -o new.npz", "new.npz"),
        ("fmt untidy.cnn", "untidy.cnn"),
        ("eval m.onnx --data quarters.npz --predictions new.csv", "new.csv"),
        ("data check quarters.npz --mosaic new.png", "new.png"),
        ("lr-find tiny.cnn --data quarters.npz --batch 16 --steps 20 -o new.csv", "new.csv"),
    ],
)
def test_a_full_disk_is_said(
    call: str, written: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    before = files(place)
    with full(80):
        result = CliRunner().invoke(main, shlex.split(call), prog_name="cnndsl")
    said = result.stderr.splitlines()[-1]
    assert result.exit_code == 1, result.output
    assert re.fullmatch(rf"error: `({re.escape(written)})\S*` can't be written: .+", said), said
    assert "make room" in said
    assert not re.search(r"\.[0-9a-f]{8}\b", said.replace("beside.onnx.data.", ""))
    assert files(place) == before


@pytest.mark.parametrize("command", [f"train tiny.cnn {QUICK}", f"train m.onnx {QUICK}"])
@pytest.mark.parametrize("most", [80, 4000, 9000])
def test_a_training_says_it_too(
    command: str, most: int, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    call = [*shlex.split(command), "--data", "quarters.npz", "--runs", str(tmp_path)]
    with full(most):
        result = CliRunner().invoke(main, call, prog_name="cnndsl")
    said = result.stderr.splitlines()[-1]
    assert result.exit_code == 1, result.output
    assert said.startswith(f"error: `{tmp_path}/") and "can't be written: " in said, said
    assert re.search("make room", said, re.IGNORECASE)
    temporary = [p for p in tmp_path.rglob(".*") if p.name != ".lock"]
    assert not temporary


@pytest.mark.parametrize(
    "call", ["features m.onnx --at relu1 -o new.npz", f"transfer m.onnx {QUICK}"]
)
def test_a_full_folder_for_temporary_files_is_said(
    call: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    with full(80):
        result = CliRunner().invoke(main, [*shlex.split(call), "--data", "quarters.npz"])
    said = result.stderr.splitlines()[-1]
    assert result.exit_code == 1
    assert said.startswith(f"error: `{gettempdir()}` has no room for temporary files: "), said
    assert said.endswith("name another folder by TMPDIR")
    assert not Path("new.npz").exists()
