"""Each fault that is planted in a spec is found, and nothing else; nothing where all is fine."""

from __future__ import annotations

import pytest

from cnndsl.linting import RULES, lint
from cnndsl.source import Source
from tests.support.faulty_specs import FAULTY, FINE
from tests.support.specs import NAME, with_input


def found(body: str) -> list[str]:
    """The codes of what is found, but for the missing `output`."""
    codes = [d.code for d in lint(Source(NAME, with_input(body)))]
    return [code for code in codes if code != "implicit-output"]


@pytest.mark.parametrize("body", FAULTY, ids=FAULTY)
def test_planted_faults_are_found(body: str) -> None:
    assert found(body) == FAULTY[body]


@pytest.mark.parametrize("body", FINE)
def test_nothing_is_said_about_what_is_fine(body: str) -> None:
    assert found(body) == []


def test_every_rule_has_faults_here() -> None:
    planted = {code for codes in FAULTY.values() for code in codes}
    assert set(RULES) - planted == {"implicit-output"}
    assert sum(bool(codes) for codes in FAULTY.values()) >= 60
