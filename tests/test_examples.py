"""Every example is a valid spec in canonical form, but for the one that shows mistakes; every
lecture has its exercises and answers.
"""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cnndsl.cli import main

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
MISTAKES = EXAMPLES / "three_mistakes.cnn"
LECTURES = sorted((EXAMPLES / "course").glob("[0-9]*.md"))
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


@pytest.mark.parametrize("page", LECTURES, ids=lambda page: page.stem)
def test_a_lecture_has_three_exercises_with_answers(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.stem.partition('_')[0]}. ")
    exercises, answers = re.split("^## Exercises$|^## Answers$", text, flags=re.M)[1:]
    for part in (exercises, answers):
        assert re.findall(r"^(\d)\. ", part, re.M) == ["1", "2", "3"]
    course = (page.parent / "README.md").read_text(encoding="utf-8")
    assert f"]({page.name})" in course
