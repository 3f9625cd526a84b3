"""The golden fixture itself: it compares, writes only when told to, and reads sources back."""

from pathlib import Path

import pytest

from tests.support import golden as golden_module
from tests.support.golden import Golden, golden_names, golden_source


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(golden_module, "GOLDEN", tmp_path)
    return tmp_path


def test_update_writes_source_and_result_in_one_file(folder: Path) -> None:
    Golden(update=True)("stage/case", "net X", str.upper)
    assert (folder / "stage/case.txt").read_text() == "net X\n=== result\nNET X\n"
    assert golden_names("stage") == ["stage/case"]
    assert golden_source("stage/case") == "net X\n"


def test_the_source_may_come_from_the_file(folder: Path) -> None:
    Golden(update=True)("stage/case", "net X", str.upper)
    Golden(update=False)("stage/case", None, str.upper)


@pytest.mark.parametrize("source, render", [("net X", str.lower), ("net Y", str.upper)])
def test_another_result_or_source_fails(source: str, render) -> None:
    Golden(update=True)("stage/case", "net X", str.upper)
    with pytest.raises(AssertionError):
        Golden(update=False)("stage/case", source, render)


def test_a_missing_file_fails_and_is_not_written(folder: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="--update-golden"):
        Golden(update=False)("stage/case", "net X", str.upper)
    assert not (folder / "stage").exists()
