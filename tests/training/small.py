"""Trainings of small nets without dropout, by plain descent: what torch can do step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnndsl.training.assembly import Training
from cnndsl.training.config import Config
from cnndsl.training.optimisers import Sgd
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.running import assemble
from cnndsl.training.schedules import Constant
from tests.support.toy_data import write_toy

RATE = 0.1
PLAIN = """cnndsl 1
net Plain(classes=4)
input image 1@8x8
conv 3x3 4 p1 relu -> pool 2x2 s2
logits: fc classes
output logits
"""
NORMED = PLAIN.replace("p1 relu", "p1 bn relu")
UNEVEN = "0.2,3,1,0"


def training(folder: Path, spec: str = PLAIN, examples: int = 320, **chosen: Any) -> Training:
    """A training of a small net; a fifth of the examples is for validation."""
    _, data = write_toy(folder, examples)
    path = folder / "net.cnn"
    path.write_text(spec)
    choice = TrainingChoice(**{"threads": 1, "learning_rate": RATE, **chosen})
    made = assemble(
        Config(ModelChoice(str(path)), DataChoice(str(data)), choice, Sgd(momentum=0.0), Constant())
    )
    made.start()
    return made
