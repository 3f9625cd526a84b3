"""Commands called wrongly: one sentence with what is wrong, one with what to do, exit status 2."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cnndsl.cli import COMMANDS, main
from cnndsl.cli.options import read_patterns
from tests.support.command_line import cnndsl


@pytest.mark.parametrize(
    ("call", "sentence", "help"),
    [
        ("trian", "`cnndsl` has no command `trian`", "did you mean `train`?"),
        ("zoo shw", "`cnndsl zoo` has no command `shw`", "did you mean `show`?"),
        ("data chek", "`cnndsl data` has no command `chek`", "did you mean `check`?"),
        ("weights maq", "`cnndsl weights` has no command `maq`", "did you mean `map`?"),
        ("help trian", "`cnndsl` has no command `trian`", "did you mean `train`?"),
        ("qqq", "`cnndsl` has no command `qqq`", "`cnndsl --help` lists them"),
        (
            "train lenet5 --epoch 3",
            "there is no option `--epoch`; did you mean `--epochs`?",
            "`cnndsl train --help` lists its options",
        ),
        ("report lenet5 -z", "there is no option `-z`", "`cnndsl report --help` lists its options"),
        ("--foo", "there is no option `--foo`", "`cnndsl --help` lists its options"),
        (
            "report",
            "SPEC is missing",
            "it is called as `cnndsl report [OPTIONS] SPEC`; `cnndsl report --help` says more",
        ),
        (
            "weights map lenet5",
            "FILE is missing",
            "it is called as `cnndsl weights map [OPTIONS] SPEC FILE`; "
            "`cnndsl weights map --help` says more",
        ),
        (
            "features x --data y",
            "`--output` is missing",
            "it is called as `cnndsl features [OPTIONS] MODEL`; `cnndsl features --help` says more",
        ),
        (
            "report a b c",
            "`b c` is more than the command takes",
            "it is called as `cnndsl report [OPTIONS] SPEC`; `cnndsl report --help` says more",
        ),
        (
            "train x --epochs 0",
            "`--epochs 0` is out of range: it can be 1 or more",
            "`cnndsl train --help` lists its options",
        ),
        ("train x --epochs a", "`--epochs a` is no whole number; it can be 1 or more", None),
        ("train x --lr 0", "`--lr 0.0` is out of range: it can be more than 0", None),
        ("train x --ema 1", "`--ema 1.0` is out of range: it can be from 0 to below 1", None),
        (
            "train x --layer-decay 2",
            "`--layer-decay 2.0` is out of range: it can be above 0 to 1",
            None,
        ),
        ("report x --batch 0", "`--batch 0` is out of range: it can be from 1 to 1,048,576", None),
        ("compile x --seed a", "`--seed a` is no whole number", None),
        ("lr-find x --from a", "`--from a` is no number", None),
        (
            "train x --init hee",
            "`--init hee` is none of auto, he, glorot, lecun, zeros; did you mean `he`?",
            None,
        ),
        ("report x --format yaml", "`--format yaml` is none of table, md, csv, json, html", None),
        ("compile x --labels nix.txt", "`--labels nix.txt`: there is no such file", None),
        ("compile x --labels /", "`--labels /` is a folder, and a file is wanted", None),
        ("train x --runs f.txt", "`--runs f.txt` is a file, and a folder is wanted", None),
        ("train x --lr", "`--lr` needs a value", "`cnndsl train --help` lists its options"),
        ("train x --quiet=3", "`--quiet` takes no value", None),
    ],
)
def test_a_wrong_call(
    call: str, sentence: str, help: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.txt").write_text("")
    result = CliRunner().invoke(main, shlex.split(call), prog_name="cnndsl")
    assert (result.exit_code, result.stdout) == (2, "")
    first, second = result.stderr.splitlines()
    assert first == f"error: {sentence}"
    assert second.startswith("  help: ") and help in (None, second.removeprefix("  help: "))


def test_help_is_what_the_option_shows() -> None:
    for words in ([], ["train"], ["weights", "map"], ["zoo", "list"]):
        shown = CliRunner().invoke(main, ["help", *words], prog_name="cnndsl")
        asked = CliRunner().invoke(main, [*words, "--help"], prog_name="cnndsl")
        assert (shown.exit_code, shown.output) == (0, asked.output)
    assert all(name in cnndsl("help").stdout for name in COMMANDS)
    assert (
        "`cnndsl fmt` has no commands"
        in CliRunner().invoke(main, ["help", "fmt", "x"], prog_name="cnndsl").stderr
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_in_a_help_are_lines_of_their_own(name: str) -> None:
    shown = cnndsl(name, "--help").stdout
    assert "\\b" not in shown
    assert re.search(r"\S +cnndsl \w+", shown) is None


def test_zoo_list_is_zoo() -> None:
    assert cnndsl("zoo", "list").output == cnndsl("zoo").output
    assert cnndsl("zoo", "list", "--format", "json").output == (
        cnndsl("zoo", "--format", "json").output
    )


def test_patterns_stand_in_a_list_or_come_several_times() -> None:
    option = click.Option(["--freeze"])
    texts = ("stem, block1.*", "conv[1,2]", "", "fc1,")
    assert read_patterns(click.Context(main), option, texts) == (
        ("stem", "block1.*", "conv[1,2]", "fc1")
    )
