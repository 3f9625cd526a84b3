"""Which trials there are, who does them, and that none is lost or done twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.searching.locks import FileLock
from cnndsl.searching.study import MOST_TRIES, STARTUP, Study
from tests.searching.toy import everything, loss, toy
from tests.support import peers


@pytest.fixture(autouse=True)
def optuna() -> Any:
    return peers.optuna()


def values(study: Study) -> list[Any]:
    return [(a.number, a.values) for a in study.attempts() if a.state == "done"]


@pytest.mark.parametrize("method", ["grid", "random"])
def test_trials_follow_from_the_seed_whoever_does_them(tmp_path: Path, method: str) -> None:
    vary = {"lr": "0.1,0.2,0.3", "width": "4,8", "optimiser": "adam,sgd"}
    alone = Study(*toy(tmp_path, vary, method=method, trials=12), "alone")
    everything(alone)
    folder, search = toy(tmp_path, vary, method=method, trials=12)
    first, second = Study(folder, search, "first"), Study(folder, search, "second")
    with FileLock(folder.locks / "first"), FileLock(folder.locks / "second"):
        claims = [(study, study.claim()) for study in (first, second, second, first)]
        for _, claim in reversed(claims):
            assert claim
            claim.finish([loss(claim.values)], {})
    everything(second)
    assert sorted(values(second), key=lambda v: v[0]) == values(alone)
    assert len({number for number, _ in values(alone)}) == 12
    other = Study(*toy(tmp_path, vary, method=method, trials=12, seed=1), "other")
    everything(other)
    assert (values(other) == values(alone)) == (method == "grid")


def test_tpe_goes_where_good_trials_were_and_is_the_same_again(tmp_path: Path) -> None:
    studies = [Study(*toy(tmp_path, trials=30), "w") for _ in range(2)]
    for study in studies:
        everything(study)
    assert values(studies[0]) == values(studies[1])
    by_chance = Study(*toy(tmp_path, trials=30, method="random"), "w")
    everything(by_chance)
    ours, chance = ([a.objectives[0] for a in s.attempts()] for s in (studies[0], by_chance))
    assert ours[:STARTUP] == chance[:STARTUP] and sum(ours) < 0.8 * sum(chance)


def test_a_trial_of_a_process_that_died_is_done_again_once(tmp_path: Path) -> None:
    folder, search = toy(tmp_path, method="random", trials=4)
    dying, living = Study(folder, search, "dying"), Study(folder, search, "living")
    dead = FileLock(folder.locks / "dying")
    dead.acquire()
    lost = dying.claim()
    assert lost and lost.number == 1
    with FileLock(folder.locks / "living"):
        claim = living.claim()
        assert claim and claim.number == 2, "the first one is being done"
        claim.finish([1.0], {})
    dead.release()
    assert not living.is_complete
    everything(living)
    states = [(a.number, a.state) for a in living.attempts()]
    assert states == [(1, "lost"), (2, "done"), (1, "done"), (3, "done"), (4, "done")]
    again = [a.values for a in living.attempts() if a.number == 1]
    assert again[0] == again[1] == lost.values and living.is_complete


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_being_written_is_cut_off(tmp_path: Path, cut: int) -> None:
    folder, search = toy(tmp_path, method="random", trials=3)
    everything(Study(folder, search, "w"))
    folder.journal.write_bytes(folder.journal.read_bytes()[:-cut])
    study = Study(folder, search, "another")
    everything(study)
    assert sorted(number for number, _ in values(study)) == [1, 2, 3]


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_what_costs_too_much_is_drawn_again_and_is_no_trial(tmp_path: Path, method: str) -> None:
    study = Study(*toy(tmp_path, method=method, trials=25), "w")
    everything(study, lambda values: "too wide" if int(values["width"]) > 12 else "")
    done = values(study)
    assert [number for number, _ in done] == [*range(1, 26)]
    assert all(v["width"] <= 12 for _, v in done)


def test_a_grid_leaves_out_what_costs_too_much(tmp_path: Path) -> None:
    study = Study(*toy(tmp_path, {"width": "4..64:step=4"}, method="grid"), "w")
    everything(study, lambda values: "too wide" if int(values["width"]) > 12 else "")
    assert [a.state for a in study.attempts()] == ["done"] * 3 + ["refused"] * 13
    assert study.is_complete


def test_drawing_ends_in_a_sentence(tmp_path: Path) -> None:
    study = Study(*toy(tmp_path), "w")
    with pytest.raises(UsageError, match=f"trial 1: {MOST_TRIES} draws in a row were refused"):
        everything(study, lambda values: "too wide")


def test_a_grid_larger_than_what_was_asked_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the grid has 2 × 16 = 32 trials, more than --trials 31"):
        toy(tmp_path, {"lr": "0.1,0.2", "width": "4..64:step=4"}, method="grid", trials=31)


@pytest.mark.parametrize(
    "content", [b"nonsense\n", b'{"op_code": 77}\n', b"[]\n[]\n", b"\xff\n", b"{}\n"]
)
def test_a_damaged_journal_ends_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    folder, search = toy(tmp_path)
    folder.journal.write_bytes(content)
    with pytest.raises(UsageError, match="is damaged"):
        Study(folder, search, "w").attempts()


@pytest.mark.parametrize(
    ("old", "new"),
    [('{"claim":[1,', '{"claim":[[],'), ('"width"', '"depth"'), ('{"state":"done"', '{"state":7')],
)
def test_a_journal_of_another_search_ends_in_a_sentence(tmp_path: Path, old: str, new: str) -> None:
    folder, search = toy(tmp_path, trials=1)
    everything(Study(folder, search, "w"))
    text = folder.journal.read_text()
    assert old in text
    folder.journal.write_text(text.replace(old, new))
    with pytest.raises(UsageError, match="is damaged"):
        Study(folder, search, "w").attempts()
