"""`use`: blocks from files of the same folder and below it, and from nowhere else."""

from pathlib import Path

import pytest

from cnndsl.diagnostics import SpecError
from cnndsl.elaborate.files import MOST_FILES
from cnndsl.specs import load
from tests.support.specs import codes, names

BLOCKS = "cnndsl 1\nlet width = 4\ndef slender(): conv 1x1 width\ndef pair(n): slender -> fc n\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "nets"
    (inside / "parts").mkdir(parents=True)
    (inside / "blocks.cnn").write_text(BLOCKS)
    (inside / "parts" / "deep.cnn").write_text('use "more.cnn"\ndef deep(): more -> relu\n')
    (inside / "parts" / "more.cnn").write_text("def more(): tanh\n")
    (tmp_path / "outside.cnn").write_text("def outside(): relu\n")
    return inside


def main(folder: Path, body: str) -> Path:
    path = folder / "main.cnn"
    path.write_text(f"cnndsl 1\nnet Main\ninput image 3@8x8\n{body}\n")
    return path


def wrong(path: Path) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        load(path)
    return [(e.code, e.message) for e in caught.value.diagnostics]


FOUND = {
    "from the folder": ('use "blocks.cnn"\npair 5', ["pair1.slender1.conv1", "pair1.fc1"]),
    "from below it, and from there on": (
        'use "parts/deep.cnn"\ndeep',
        ["deep1.more1.tanh1", "deep1.relu1"],
    ),
    "what it uses is there too": ('use "parts/deep.cnn"\nmore', ["more1.tanh1"]),
    "twice is once": ('use "blocks.cnn"\nuse "./blocks.cnn"\nslender', ["slender1.conv1"]),
    "its lets stay its own": (
        'let width = 9\nuse "blocks.cnn"\nslender -> fc width',
        ["slender1.conv1", "fc1"],
    ),
    "its layers stay there": (
        'use "net.cnn"\nblock',
        ["block1.relu1"],
    ),
    "its own block is called from it": (
        'use "blocks.cnn"\ndef shadow(): relu\npair 3',
        ["pair1.slender1.conv1", "pair1.fc1"],
    ),
}


@pytest.mark.parametrize("body, expected", FOUND.values(), ids=FOUND)
def test_blocks_are_found(folder: Path, body: str, expected: list[str]) -> None:
    (folder / "net.cnn").write_text("net Other\ninput x 3@4x4\ndef block(): relu\nfc 3\n")
    net, _ = load(main(folder, body))
    assert names(net) == expected
    if "width = 9" in body:
        assert [str(s.output) for s in net.steps] == ["4@8x8", "@9"]


UNREADABLE = {
    "../outside.cnn": "may lie outside the spec's folder",
    "parts/../../outside.cnn": "may lie outside the spec's folder",
    "parts/../blocks.cnn": "may lie outside the spec's folder",
    "/etc/passwd": "may lie outside the spec's folder",
    "/etc/passwd.cnn": "may lie outside the spec's folder",
    "link.cnn": "lies outside the spec's folder",
    "linked/outside.cnn": "lies outside the spec's folder",
    "circle.cnn": "can't be found",
    "nothing.cnn": "there is no file `nothing.cnn`",
    "blocks.txt": "doesn't end in .cnn",
    "parts": "doesn't end in .cnn",
    "folder.cnn": "there is no file",
    "binary.cnn": "is no UTF-8 text",
    "x" * 300 + ".cnn": "there is no file",
    "": "doesn't end in .cnn",
}


@pytest.mark.parametrize("path, reason", UNREADABLE.items(), ids=[*map(repr, UNREADABLE)])
def test_no_other_file_is_read(folder: Path, path: str, reason: str) -> None:
    (folder / "link.cnn").symlink_to(folder.parent / "outside.cnn")
    (folder / "linked").symlink_to(folder.parent)
    (folder / "circle.cnn").symlink_to(folder / "circle.cnn")
    (folder / "folder.cnn").mkdir()
    (folder / "binary.cnn").write_bytes(b"\xff\xfe\x00relu")
    (folder / "blocks.txt").write_text(BLOCKS)
    ((code, message),) = wrong(main(folder, f'use "{path}"\nrelu'))
    assert code == "unreadable-file" and reason in message


def test_links_within_the_folder_are_followed(folder: Path) -> None:
    (folder / "alias.cnn").symlink_to(folder / "blocks.cnn")
    net, _ = load(main(folder, 'use "alias.cnn"\nuse "blocks.cnn"\nslender'))
    assert names(net) == ["slender1.conv1"]


def test_files_may_use_each_other_and_themselves(folder: Path) -> None:
    (folder / "a.cnn").write_text('use "b.cnn"\nuse "a.cnn"\nuse "main.cnn"\ndef a(): b\n')
    (folder / "b.cnn").write_text('use "a.cnn"\ndef b(): relu\n')
    net, _ = load(main(folder, 'use "a.cnn"\na'))
    assert names(net) == ["a1.b1.relu1"]


def test_a_text_lies_in_no_folder() -> None:
    text = 'net A\ninput x 3@8x8\nuse "blocks.cnn"\nslender\n'
    assert codes(text) == ['unreadable-file use "blocks.cnn"']


def test_what_a_missing_file_would_define_stays_silent(folder: Path) -> None:
    path = main(folder, 'use "nothing.cnn"\nthing 3\nfc 0 from image\ncnov 3x3 4')
    assert [code for code, _ in wrong(path)] == [
        "unreadable-file",
        "invalid-argument",
        "unknown-layer",
    ]


def test_what_is_wrong_in_a_used_file_names_its_user(folder: Path) -> None:
    (folder / "blocks.cnn").write_text("def slender(: relu\nlet x = (\n")
    with pytest.raises(SpecError) as caught:
        load(main(folder, 'use "blocks.cnn"\nslender'))
    errors = caught.value.diagnostics
    assert len(errors) == 2
    for error in errors:
        assert error.span is not None and error.span.source.name == str(folder / "blocks.cnn")
        assert [frame.text for frame in error.frames] == ['use "blocks.cnn"']


def test_an_error_in_a_used_block_has_the_call(folder: Path) -> None:
    (folder / "blocks.cnn").write_text("def slender(n): conv 3x3 (n-5)\n")
    with pytest.raises(SpecError) as caught:
        load(main(folder, 'use "blocks.cnn"\nslender 5'))
    (error,) = caught.value.diagnostics
    assert error.span is not None and error.span.source.name == str(folder / "blocks.cnn")
    assert [frame.text for frame in error.frames] == ["slender 5"]


CONFLICTS = {
    "with one above": 'def slender(): relu\nuse "blocks.cnn"\nslender',
    "with one below": 'use "blocks.cnn"\ndef slender(): relu\nslender',
    "with another file's": 'use "blocks.cnn"\nuse "other.cnn"\nslender',
}


@pytest.mark.parametrize("body", CONFLICTS.values(), ids=CONFLICTS)
def test_one_name_one_block(folder: Path, body: str) -> None:
    (folder / "other.cnn").write_text("def slender(): tanh\n")
    assert [code for code, _ in wrong(main(folder, body))] == ["name-taken"]


def test_no_more_files_than_a_few(folder: Path) -> None:
    for i in range(MOST_FILES + 5):
        (folder / f"f{i}.cnn").write_text(f'use "f{i + 1}.cnn"\ndef b{i}(): relu\n')
    ((code, message),) = wrong(main(folder, 'use "f0.cnn"\nb0'))
    assert code == "unreadable-file" and f"more than {MOST_FILES} files" in message
