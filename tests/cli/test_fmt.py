"""`cnndsl fmt`: files, standard input, `--check` and `--diff`."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from cnndsl.cli import main

UNTIDY = "net  N\ninput x 3@8x8\nconv 8 3x3   relu # why\n"
TIDY = "cnndsl 1\nnet N\ninput x 3@8x8\nconv 3x3 8 relu  # why\n"


def cnndsl(*arguments: object, text: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], input=text)


def spec(folder: Path, text: str = UNTIDY) -> Path:
    path = folder / "net.cnn"
    path.write_text(text)
    return path


def test_files_are_rewritten_in_place(tmp_path: Path) -> None:
    path = spec(tmp_path)
    result = cnndsl("fmt", path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"{path} rewritten" in result.stderr
    assert path.read_text() == TIDY
    assert list(tmp_path.iterdir()) == [path]
    assert cnndsl("fmt", path).stderr == ""


def test_standard_input() -> None:
    result = cnndsl("fmt", "-", text=UNTIDY)
    assert (result.exit_code, result.stdout) == (0, TIDY)


def test_check_changes_nothing(tmp_path: Path) -> None:
    path = spec(tmp_path)
    result = cnndsl("fmt", "--check", path)
    assert result.exit_code == 1
    assert result.stderr == f"{path} would change\n"
    assert path.read_text() == UNTIDY
    path.write_text(TIDY)
    assert cnndsl("fmt", "--check", path).exit_code == 0
    assert cnndsl("fmt", "--check", "-", text=UNTIDY).exit_code == 1


def test_diff_changes_nothing(tmp_path: Path) -> None:
    path = spec(tmp_path)
    result = cnndsl("fmt", "--diff", path)
    assert result.exit_code == 0
    assert "-conv 8 3x3   relu # why\n+conv 3x3 8 relu  # why\n" in result.stdout
    assert path.read_text() == UNTIDY
    assert cnndsl("fmt", "--diff", "--check", path).exit_code == 1
    path.write_text(TIDY)
    assert cnndsl("fmt", "--diff", path).stdout == ""


def test_a_file_without_a_last_line_end_has_a_whole_diff(tmp_path: Path) -> None:
    path = spec(tmp_path, TIDY.rstrip("\n"))
    assert cnndsl("fmt", "--diff", path).stdout.endswith("\n")


def test_wrong_files_do_not_stop_the_others(tmp_path: Path) -> None:
    path = spec(tmp_path)
    wrong = tmp_path / "wrong.cnn"
    wrong.write_text("net N(\n")
    result = cnndsl("fmt", wrong, "nosuch.cnn", path)
    assert result.exit_code == 1
    assert "error[" in result.stderr
    assert "there is no file `nosuch.cnn`" in result.stderr
    assert path.read_text() == TIDY
    assert wrong.read_text() == "net N(\n"
