"""A place with a small net and data, and `cnndsl train` in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result

from tests.support.command_line import cnndsl
from tests.support.toy_data import write_toy


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with a spec and data in it."""
    write_toy(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*arguments: str, code: int = 0) -> Result:
    data = ("train", "tiny.cnn", "--data", "quarters.npz", "--batch", "32", "--threads", "1")
    return cnndsl(*data, *arguments, code=code)
