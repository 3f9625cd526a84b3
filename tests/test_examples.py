"""Every example is a valid spec in canonical form, but for the one that shows mistakes."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cnndsl.cli import main

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
MISTAKES = EXAMPLES / "three_mistakes.cnn"
VALID = sorted(path for path in EXAMPLES.rglob("*.cnn") if path != MISTAKES)


def cnndsl(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_examples_are_valid(path: Path) -> None:
    status, printed = cnndsl("check", path)
    assert status == 0, printed


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_examples_are_in_canonical_form(path: Path) -> None:
    status, printed = cnndsl("fmt", "--check", path)
    assert status == 0, printed


def test_three_mistakes_are_three_errors() -> None:
    status, printed = cnndsl("check", MISTAKES)
    assert status == 1
    assert printed.count("error[") == 3, printed
