"""(f) A training beside the same one in PyTorch, step by step: same start, same batches.

    python -m benchmarks.loss_curve [NET] [DATA] [--epochs 8] [--batch 128] [--rate 0.002]

Rounding alone makes two trainings part after some dozens of steps. How far is seen by a third one:
PyTorch's, from a start of which every number was moved by a millionth. The mean losses of the three
are printed for every 25 steps.
"""

import argparse
import sys
from itertools import chain
from statistics import mean
from typing import Any

import numpy as np

from cnndsl.training.assembly import Training
from cnndsl.training.config import Config
from cnndsl.training.optimisers import Sgd
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.running import assemble
from tests.support.torch_training import moved, theirs

PORTION = 25


def main() -> int:
    """Run the three and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("net", nargs="?", default="resnet20")
    parser.add_argument("data", nargs="?", default="cifar10")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.002)
    chosen = parser.parse_args()
    choice = TrainingChoice(batch=chosen.batch, learning_rate=chosen.rate, threads=2)
    data = DataChoice(chosen.data, augment="light")
    config = Config(ModelChoice(chosen.net), data, choice, Sgd(weight_decay=1e-4))
    with assemble(config) as training:
        training.start()
        curves = measure(training, chosen.epochs, chosen.rate)
    rows = zip(*curves.values(), strict=True)
    first = next((n for n, row in enumerate(rows, 1) if np.ptp(row[:2]) > 1e-3 * row[1]), None)
    print(f"the first step with losses a thousandth apart: {first}\n")
    print("| steps | " + " | ".join(curves) + " |\n|---|" + "---:|" * len(curves))
    for start in range(0, len(next(iter(curves.values()))), PORTION):
        portion = slice(start, start + PORTION)
        cells = (f"{mean(curve[portion]):.3f}" for curve in curves.values())
        print(f"| {start + 1} to {start + PORTION} | " + " | ".join(cells) + " |")
    return 0


def measure(training: Training, epochs: int, rate: float) -> dict[str, list[float]]:
    """Every step's loss of the three."""
    batches: list[dict[str, Any]] = [
        {name: np.array(values) for name, values in examples.items()}
        for examples in chain.from_iterable(training.feed.epoch(n, 0) for n in range(epochs))
    ]
    start = {name: values.copy() for name, values in training.weights.read().items()}
    ours = [training.train_step.step([b], rate, n)["loss"] for n, b in enumerate(batches)]
    return {
        "cnndsl": ours,
        "PyTorch": theirs(training, start, batches, rate, "float32"),
        "PyTorch, start moved": theirs(training, moved(start, 0), batches, rate, "float32"),
    }


if __name__ == "__main__":
    sys.exit(main())
