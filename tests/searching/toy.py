"""A search whose trials nobody trains: the study alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cnndsl.searching.folder import SearchFolder
from cnndsl.searching.locks import FileLock
from cnndsl.searching.options import Plan
from cnndsl.searching.parameters import Values, read_parameters
from cnndsl.searching.search import Search, with_trials
from cnndsl.searching.study import Refusal, Study
from cnndsl.training.fields import checked

VARY = {"lr": "1e-4..1e-1:log", "width": "4..64:step=4", "optimiser": "adam,sgd"}


def toy(root: Path, vary: Any = VARY, **plan: Any) -> tuple[SearchFolder, Search]:
    """A folder and a search; more settings are the plan's."""
    trials = plan.pop("trials", None)
    parameters = read_parameters(vary, "Tiny", {"width": 8})
    whole = checked(Plan, {"objectives": ("val_loss",), **plan})
    search = Search("tiny.cnn", "quarters.npz", {}, parameters, whole)
    return SearchFolder.create(root, "toy"), replace(search, plan=with_trials(search, trials))


def loss(values: Values) -> float:
    """What a trial comes to: the best is near a width of 32."""
    return abs(float(values["width"]) - 32) + float(values.get("lr", 0))


def everything(study: Study, refusal: Refusal = lambda values: "") -> None:
    """Do all trials that there are to do, as a worker would."""
    lock = FileLock(study.folder.locks / study.worker)
    with lock:
        while claim := study.claim(refusal):
            claim.finish([loss(claim.values)], {"seconds": 1.0})
