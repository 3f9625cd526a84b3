"""`cnndsl explain … --numbers`: what is asked for, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cnndsl.cli import main


def cnndsl(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["explain", *map(str, arguments)])
    return result.exit_code, result.output


def test_a_line_and_a_layer_of_a_net() -> None:
    assert cnndsl("relu", "--numbers")[1].startswith("relu on @7 → @7\n")
    status, printed = cnndsl("lenet5", "--at", "C3", "--gradient", "--steps", 1)
    assert status == 0
    assert printed.startswith("C3: conv 5x5 16 on 6@14x14 → 16@10x10\n")
    assert "… and 5 more filters" not in printed
    assert "… and 13 more filters" in printed
    assert "over all 6 channels" in printed


def test_a_large_input_of_a_net_becomes_a_small_one() -> None:
    printed = cnndsl("alexnet_tv", "--at", "pool1", "--numbers")[1]
    assert "In the net its input is 64@55x55; a small one is made up here." in printed


@pytest.mark.parametrize("suffix", [".svg", ".html", ".txt"])
def test_files(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"steps{suffix}"
    assert cnndsl("pool 2x2", "--gradient", "-o", path) == (0, "")
    assert "dX: each dY goes to its maximum alone" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["conv 3x3"], "`cnndsl explain 'conv 3x3' --numbers` works it through"),
        (["conv 3x3", "--input", "1"], "--input goes with --numbers or --gradient"),
        (["conv", "--parameter", "bias=1"], "--parameter goes with --numbers or --gradient"),
        (["--numbers"], "which layer? write its line"),
        (["lenet5", "--numbers"], "`lenet5` is a whole net: --at says which of its layers"),
        (["lenet5", "--at", "S3", "--numbers"], "there is no layer `S3`; "),
        (["lenet5", "--at", "S2", "--numbers", "--input", "1"], "`S2` takes 6"),
        (["relu", "--numbers", "-o", "x.png"], "numbers go to .txt, .svg, .html"),
        (["fc 2", "--numbers", "--parameter", "bias"], "isn't written `--parameter bias="),
        (["relu", "--numbers", "-o", "nowhere/x.svg"], "there is no folder `nowhere`"),
    ],
)
def test_what_is_refused(arguments: list[str], message: str) -> None:
    status, printed = cnndsl(*arguments)
    assert status == 1
    assert message in printed
