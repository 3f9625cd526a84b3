"""A short fuzzing of every kind: no input ends in a traceback, or takes long. `make fuzz` is the
long one.
"""

import io
from pathlib import Path
from random import Random

import h5py
import pytest

from tests.fuzz.__main__ import prepared
from tests.fuzz.campaign import run
from tests.fuzz.weights import tree_changed

CASES = {"specs": 600, "data": 100, "runs": 60, "models": 60, "weights": 100}


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_found(name: str, tmp_path: Path) -> None:
    kind = prepared(name, tmp_path)
    result = run(kind, range(CASES[name]), seed=0, jobs=1)
    assert result.tried == CASES[name]
    assert not result.faults, next(iter(result.faults.values()))[0].trace
    assert len(result.counts) > 1, "all cases ended alike"


def test_what_has_no_contents_isnt_read_to_change_it() -> None:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.create_dataset("x", (1 << 20, 1 << 10), "f4", chunks=True)
    for seed in range(20):
        assert len(tree_changed(memory.getvalue(), Random(seed))) < 1 << 20
