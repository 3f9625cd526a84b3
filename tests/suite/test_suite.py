"""A part of `make suite`: every tenth model of one operator, and the small nets."""

from itertools import islice

import pytest

from tests.suite.__main__ import SOUND
from tests.suite.gradients import judge_gradients
from tests.suite.judging import judge
from tests.suite.models import suite


@pytest.mark.parametrize(
    ("kind", "step", "passing"),
    [("node", 10, 30), ("simple", 1, 1), ("pytorch-converted", 2, 30), ("pytorch-operator", 2, 4)],
)
def test_the_suite_is_computed_or_refused_by_name(kind: str, step: int, passing: int) -> None:
    cases = [case for case, _ in suite([kind]) if case is not None]
    verdicts = {case.name: judge(case) for case in islice(cases, 0, None, step)}
    found = {n: v.said for n, v in verdicts.items() if v.outcome not in SOUND}
    assert not found
    assert sum(v.outcome == "pass" for v in verdicts.values()) >= passing


def test_gradients_over_the_suite_are_right_or_refused_by_name() -> None:
    cases = [case for case, _ in suite(["node"]) if case is not None]
    verdicts = {case.name: judge_gradients(case) for case in cases[5::12]}
    found = {n: v.said for n, v in verdicts.items() if v.outcome not in SOUND}
    assert not found
    assert sum(v.outcome == "pass" for v in verdicts.values()) >= 30
