"""The grammar's tables are kept between runs, and nothing depends on it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cnndsl.source import Source
from cnndsl.syntax import parse as parsing
from cnndsl.syntax import tables

TEXT = "cnndsl 1\nresidual:\n    P{i}: conv 3x3 (4*n) if n\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder, and no parser yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    parsing._parser.cache_clear()
    yield tmp_path / "cnndsl"
    parsing._parser.cache_clear()


def parse_anew() -> object:
    parsing._parser.cache_clear()
    return parsing.parse(Source("test.cnn", TEXT))


def test_kept_tables_read_the_same(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = parse_anew()
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr("lark.Lark.__init__", None)  # from now on only kept tables help
    assert parse_anew() == built


@pytest.mark.parametrize(
    "damage",
    [lambda text: "", lambda text: "{}", lambda text: text[:-9], lambda text: text + " "],
    ids=["empty", "other", "shorter", "longer"],
)
def test_damaged_tables_are_made_anew(
    cache: Path, damage: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = parse_anew()
    (file,) = cache.iterdir()
    file.write_text(damage(file.read_text()))
    assert parse_anew() == built
    monkeypatch.setattr("lark.Lark.__init__", None)
    assert parse_anew() == built


def test_no_folder_is_needed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache.parent / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent / "file"))
    assert parse_anew() == parse_anew()


def test_no_home_is_needed(homeless: None) -> None:
    tables.save({}, "key")
    assert tables.load("key") is None
