"""The validation loss: that of the answers as they are, whatever is trained with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.command_line import cnndsl
from tests.support.peers import torch
from tests.support.toy_data import write_toy
from tests.training.small import NORMED, UNEVEN, training


@pytest.mark.torch
def test_it_does_not_depend_on_the_batch(tmp_path: Path) -> None:
    """Nor on class weights and label smoothing."""
    losses: list[float] = []
    for batch in (7, 32, 64, 1000):
        with training(
            tmp_path, NORMED, batch=batch, class_weights=UNEVEN, label_smoothing=0.1
        ) as ours:
            losses.append(ours.evaluate()["loss"])
            rows = list(ours.evaluator.values(ours.split("val"), "logits"))
    logits = np.concatenate([values for _, values in rows])
    target = np.concatenate([batch["target"] for batch, _ in rows])
    library = torch()
    expected = library.nn.functional.cross_entropy(
        library.from_numpy(logits).double(), library.from_numpy(target)
    )
    np.testing.assert_allclose(losses, float(expected), rtol=1e-6)


@pytest.mark.parametrize("ema", [[], ["--ema", "0.9"]], ids=["last", "averaged"])
def test_eval_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ema: list[str]
) -> None:
    write_toy(tmp_path, 187)
    monkeypatch.chdir(tmp_path)
    recipe = ["--class-weights", UNEVEN, "--label-smoothing", "0.1", "--batch", "64", *ema]
    cnndsl("train", "tiny.cnn", "--data", "quarters.npz", "--epochs", "3", "-q", *recipe)
    best = json.loads((tmp_path / "runs/tiny-001/results.json").read_text())["best"]
    for batch in ("5", "64"):
        found = cnndsl(
            "eval", "runs/tiny-001", "--split", "val", "--batch", batch, "--format", "json"
        )
        verdict = json.loads(found.output)
        assert verdict["loss"] == pytest.approx(best["val_loss"], rel=1e-5)
        assert verdict["top1"] == best["val_top1"]
