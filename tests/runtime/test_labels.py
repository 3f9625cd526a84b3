import json
from pathlib import Path

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.runtime import labels as module
from cnndsl.runtime.labels import read_labels
from tests.support.data import real_data

NAMES = ("ant", "bee", "cat")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "ant\nbee\ncat\n"),
        ("a.txt", "\ufeffant\r\nbee \r\n cat\n\n\n"),
        ("a.json", '["ant", "bee", "cat"]'),
        ("a.json", '{"0": "ant", "2": "cat", "1": "bee"}'),
        ("a.JSON", '{"0": ["n01", "ant"], "1": ["n02", "bee"], "2": ["n03", "cat"]}'),
        ("a.json", '{"cat": 2, "ant": 0, "bee": 1}'),
        ("a.json", '[["n01", "ant"], "bee", "cat"]'),
    ],
)
def test_labels_are_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_labels(tmp_path / name) == NAMES


def test_an_empty_line_is_a_class_without_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("ant\n\ncat\n")
    assert read_labels(tmp_path / "a.txt") == ("ant", "", "cat")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "holds no labels"),
        ("a.txt", b"\xff\xfe\x00", "is no UTF-8 text"),
        ("a.json", b"{", "is no JSON"),
        ("a.json", b"[" * 100_000, "is no JSON"),
        ("a.json", b"3", "holds neither a list of labels nor an object"),
        ("a.json", b"[]", "holds no labels"),
        ("a.json", b"{}", "holds no labels"),
        ("a.json", b'{"ant": "bee"}', "has neither class numbers nor names with class numbers"),
        ("a.json", b'{"0": "ant", "2": "cat"}', "must number its 2 classes from 0 to 1"),
        ("a.json", b'{"ant": 0, "cat": 0}', "must number its 2 classes from 0 to 1"),
        ("a.txt", b"x" * 200, "is larger than a file of labels may be (100 bytes)"),
    ],
)
def test_what_are_no_labels_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, message: str
) -> None:
    if "larger" in message:
        monkeypatch.setattr(module, "MOST_BYTES", 100)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as error:
        read_labels(tmp_path / name)
    assert message in str(error.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read: No such file"):
        read_labels(tmp_path / "a.txt")


@pytest.mark.data
def test_keras_class_index_is_read() -> None:
    path = real_data("photos", "imagenet_class_index.json")
    labels = read_labels(path)
    assert len(labels) == len(json.loads(path.read_text())) == 1000
    assert labels[0] == "tench" and labels[281] == "tabby"
