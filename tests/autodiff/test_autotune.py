"""Forms chosen by measuring, and the file that remembers them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest

from cnndsl.autodiff.algorithms.choose import Choice, Planner
from cnndsl.autodiff.algorithms.geometry import Axis, Convolution
from cnndsl.autodiff.autotune import CANDIDATES, Tuner, candidate_model, layer_key
from cnndsl.runtime.timing import time_models

LAYER = Convolution(2, 4, 6, 1, (Axis(8, 3, 1, 1, 1, 8), Axis(8, 3, 1, 1, 1, 8)))
PRODUCTS = ("fprop", "dgrad", "wgrad")


class Clock:
    """Says that the last candidate is the fastest, and counts what it was asked."""

    def __init__(self) -> None:
        self.models = 0

    def __call__(self, models: Sequence[bytes]) -> list[float]:
        self.models += len(models)
        return [float(-i) for i in range(len(models))]


def ranked() -> list[Choice]:
    return [choice for _, choice in Planner().ranking(LAYER, PRODUCTS)]


def test_the_fastest_is_chosen_and_remembered(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "kept" / "forms.json"
    choice = Planner(tune=Tuner(clock, "this one", path)).choose(LAYER, PRODUCTS)
    assert choice == ranked()[CANDIDATES - 1]
    assert clock.models == CANDIDATES
    again = Tuner(clock, "this one", path)
    assert again(LAYER, ranked()) == choice
    assert clock.models == CANDIDATES
    assert Tuner(clock, "another", path)(LAYER, ranked()) == choice
    assert clock.models == 2 * CANDIDATES
    kept = json.loads(path.read_text())
    assert set(kept["machines"]) == {"this one", "another"}
    assert kept["machines"]["this one"] == {layer_key(LAYER, PRODUCTS): dict(choice)}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 0}', '{"version": 1, "machines": 3}'])
def test_damaged_files_are_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "forms.json"
    path.write_text(text)
    tuner = Tuner(Clock(), "m", path)
    tuner(LAYER, ranked())
    assert set(json.loads(path.read_text())["machines"]) == {"m"}


def test_kept_choices_of_other_forms_are_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "forms.json"
    key = layer_key(LAYER, PRODUCTS)
    unknown = {"version": 1, "machines": {"m": {key: {"fprop": "magic"}, "x": 3}}}
    path.write_text(json.dumps(unknown))
    clock = Clock()
    assert Tuner(clock, "m", path)(LAYER, ranked()) in ranked()
    assert clock.models == CANDIDATES


def test_an_unwritable_file_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    tuner = Tuner(Clock(), "m", tmp_path / "file" / "forms.json")
    assert tuner(LAYER, ranked()) in ranked()


def test_candidates_are_models() -> None:
    for choice in ranked()[:CANDIDATES]:
        model = onnx.load_from_string(candidate_model(LAYER, choice))
        onnx.checker.check_model(model, full_check=True)
        assert [o.name for o in model.graph.output] == list(PRODUCTS)


def test_measuring() -> None:
    pytest.importorskip("onnxruntime")
    models = [candidate_model(LAYER, choice) for choice in ranked()[:2]]
    times = time_models(models, threads=1, seconds=0.01)
    assert len(times) == 2
    assert all(t > 0 for t in times)
