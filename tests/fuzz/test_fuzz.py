"""A short fuzzing of every kind: no input ends in a traceback, or takes long. `make fuzz` is the
long one.
"""

from pathlib import Path

import pytest

from tests.fuzz.__main__ import prepared
from tests.fuzz.campaign import run

CASES = {"specs": 600, "data": 100, "runs": 60, "models": 60, "weights": 100}


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_found(name: str, tmp_path: Path) -> None:
    kind = prepared(name, tmp_path)
    result = run(kind, range(CASES[name]), seed=0, jobs=1)
    assert result.tried == CASES[name]
    assert not result.faults, next(iter(result.faults.values()))[0].trace
    assert len(result.counts) > 1, "all cases ended alike"
