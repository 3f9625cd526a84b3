"""(g) An epoch of `cnndsl train fashion_cnn` beside PyTorch's with a DataLoader, and Keras'.

    python -m benchmarks.training_end_to_end [DATA] [--epochs 1] [--rounds 3] [--threads 2]

DATA is the folder with Fashion-MNIST's four files, or its built-in name. All have the same net,
batches of the same size and AdamW; pictures of 0 to 255 become normalised batches by the way, but
for Keras, which gets finished arrays. Keras, in TensorFlow, takes part where it is installed
(`make keras`). Time is that of training alone, without start, evaluation and checkpoints.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.measure import REPOSITORY, output, peer
from benchmarks.table import Row, Section
from benchmarks.train_fashion import ours, theirs

KERAS = REPOSITORY / ".venv-keras" / "bin" / "python"
GOAL = 1.0


def seconds(found: dict[str, object]) -> list[float]:
    """The epochs' times in what a side answers."""
    times = found["seconds"]
    assert isinstance(times, list)
    return [float(t) for t in times]


def measure(data: str, epochs: int, rounds: int, threads: int) -> Section:
    """All in turn."""
    times: dict[str, list[float]] = {"cnndsl": [], "PyTorch": [], "Keras": []}
    with TemporaryDirectory() as folder:
        arrays = str(Path(folder) / "arrays.npz")
        if KERAS.exists():
            output(peer("fashion_arrays", data, "0", arrays))
        for number in range(rounds):
            print(f"round {number + 1} …", file=sys.stderr, flush=True)
            times["cnndsl"] += seconds(ours(data, epochs, number, threads))
            times["PyTorch"] += seconds(theirs(data, epochs, number, threads, "dataloader"))
            if KERAS.exists():
                _, *rest = peer("keras_fashion", arrays, str(epochs), str(threads))
                times["Keras"] += seconds(json.loads(output([str(KERAS), *rest]).splitlines()[-1]))
    return Section(
        title="An epoch of Fashion-MNIST",
        method="Training of zoo/fashion_cnn.cnn on 55,000 pictures in batches of 64 with AdamW, "
        f"{threads} threads: `cnndsl train` against PyTorch with a DataLoader of two workers and "
        f"against Keras' `fit` on arrays in memory (TensorFlow). {rounds} rounds in turn; a ratio "
        "is the median over the pairs of epochs.",
        rows=tuple(
            Row(
                f"an epoch, {name}",
                f"{median(times['cnndsl']):.1f} s",
                f"{median(found):.1f} s",
                _ratio(times["cnndsl"], found),
                GOAL,
            )
            for name, found in times.items()
            if found and name != "cnndsl"
        ),
    )


def _ratio(first: Sequence[float], second: Sequence[float]) -> float:
    return median(a / b for a, b in zip(first, second, strict=True))


def main() -> None:
    """Print the section."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="?", default="fashion-mnist")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    print(measure(chosen.data, chosen.epochs, chosen.rounds, chosen.threads).markdown())


if __name__ == "__main__":
    main()
