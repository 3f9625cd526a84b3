"""(e) `cnndsl train fashion_cnn` beside the same training in PyTorch: accuracy and time.

    python -m benchmarks.train_fashion [DATA] [--epochs 5] [--seeds 3] [--threads 2]

DATA is the folder with Fashion-MNIST's four files, or its built-in name. Both sides have the same
start, batches, optimiser and schedule; a second peer takes its batches from torch's DataLoader.
They run in turn, seed by seed.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory

from benchmarks.measure import output, peer
from benchmarks.table import Row, Section, page

CNNDSL = [sys.executable, "-c", "from cnndsl.cli import main; main()"]
POINTS = 0.3
"""How far the mean accuracies may lie apart, in percent."""


def ours(data: str, epochs: int, seed: int, threads: int) -> dict[str, object]:
    """Seconds of each epoch's training and the test accuracy of `cnndsl train`."""
    with TemporaryDirectory() as folder:
        command = ["train", "fashion_cnn", "--data", data, "--epochs", str(epochs), "-q"]
        command += ["--seed", str(seed), "--threads", str(threads), "--runs", folder]
        output([*CNNDSL, *command])
        (run,) = Path(folder).iterdir()
        results = json.loads((run / "results.json").read_text())
        rows = (run / "metrics.csv").read_text().splitlines()
        column = rows[0].split(",").index("images_per_second")
        speeds = [float(row.split(",")[column]) for row in rows[1:]]
        examples = 64 * (results["steps"] // results["epochs"])
    return {"seconds": [examples / s for s in speeds], "accuracy": results["test"]["top1"]}


def theirs(data: str, epochs: int, seed: int, threads: int, feed: str) -> dict[str, object]:
    """The same of the same training in PyTorch."""
    arguments = (data, str(epochs), str(seed), str(threads), feed)
    return json.loads(output(peer("torch_fashion", *arguments)))


def measure(data: str, epochs: int, seeds: int, threads: int) -> Section:
    """All three in turn, for each seed."""
    runs: dict[str, list[dict[str, object]]] = {"cnndsl": [], "batches": [], "dataloader": []}
    for seed in range(seeds):
        print(f"seed {seed} …", file=sys.stderr, flush=True)
        runs["cnndsl"].append(ours(data, epochs, seed, threads))
        for feed in ("batches", "dataloader"):
            runs[feed].append(theirs(data, epochs, seed, threads, feed))
    accuracy = {name: [100 * float(str(r["accuracy"])) for r in all] for name, all in runs.items()}
    seconds = {name: [s for r in all for s in _list(r["seconds"])] for name, all in runs.items()}
    apart = abs(mean(accuracy["cnndsl"]) - mean(accuracy["batches"]))
    return Section(
        title="Training: the net of the notes on Fashion-MNIST",
        method=f"{epochs} epochs, {seeds} seeds, {threads} threads, batch 64, 55,000 pictures an "
        "epoch; AdamW and one cycle as the default recipe has them. Time is that of training "
        "alone, batches included, without evaluation; a ratio is the median over all pairs of "
        "epochs. Accuracy is that of the test split after the last epoch (cnndsl: of the best "
        "by validation).",
        rows=(
            Row(
                "an epoch, the same batches",
                f"{median(seconds['cnndsl']):.1f} s",
                f"{median(seconds['batches']):.1f} s",
                _ratio(seconds["cnndsl"], seconds["batches"]),
                1.0,
            ),
            Row(
                "an epoch, torch's DataLoader",
                f"{median(seconds['cnndsl']):.1f} s",
                f"{median(seconds['dataloader']):.1f} s",
                _ratio(seconds["cnndsl"], seconds["dataloader"]),
                1.0,
            ),
            Row(
                "mean accuracy, points apart",
                f"{mean(accuracy['cnndsl']):.2f} %",
                f"{mean(accuracy['batches']):.2f} %",
                apart,
                POINTS,
            ),
        ),
        details="\n".join(
            f"- {name}: {', '.join(f'{a:.2f} %' for a in found)}"
            for name, found in accuracy.items()
        ),
    )


def _ratio(first: Sequence[float], second: Sequence[float]) -> float:
    return median(a / b for a, b in zip(first, second, strict=True))


def _list(value: object) -> list[float]:
    assert isinstance(value, list)
    return [float(number) for number in value]


def main() -> int:
    """The exit status: 0 if all goals were reached."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="?", default="fashion-mnist")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    section = measure(chosen.data, chosen.epochs, chosen.seeds, chosen.threads)
    print(page([section]))
    return 0 if all(row.reached for row in section.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
