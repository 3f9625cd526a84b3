"""How the default recipe was chosen: by accuracy on the validation split, never on the test.

    python -m benchmarks.recipe [NET …] [--seeds 2] [--jobs 1] [--data-dir FOLDER]

Every candidate is trained as `cnndsl train` does it, on one thread. Of each net's candidates only
the default recipe is asked how it does on the test split, once it stands. Prints a row a candidate;
docs/train.md has the learning rates among them.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shlex import split
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.measure import output

CNNDSL = [sys.executable, "-c", "from cnndsl.cli import main; main()"]


@dataclass(frozen=True)
class Candidate:
    """A recipe in words and as options; `default` where it is what no options give."""

    words: str
    options: str = ""
    default: bool = False


@dataclass(frozen=True)
class Trial:
    """A net on data with its candidates; `several` where more than one seed is worth the time."""

    net: str
    data: str
    epochs: int
    candidates: tuple[Candidate, ...]
    options: str = ""
    several: bool = False


def rate(value: str, *, default: bool = False) -> Candidate:
    """A peak of the default's schedule."""
    return Candidate(value, "" if default else f"--lr {value}", default)


TRIALS = (
    Trial(
        "lenet5",
        "mnist",
        3,
        (rate("0.001"), rate("0.003", default=True), rate("0.005"), rate("0.01")),
    ),
    Trial(
        "fashion_cnn",
        "fashion-mnist",
        3,
        (rate("0.0025"), rate("0.005", default=True), rate("0.01")),
        several=True,
    ),
    Trial(
        "resnet20",
        "cifar10",
        8,
        (rate("0.0025"), rate("0.005", default=True), rate("0.01")),
        "--augment light",
    ),
    Trial(
        "fashion_cnn",
        "fashion-mnist",
        3,
        (
            Candidate("SGD, one cycle up to 0.1", "--optimiser 'sgd nesterov=yes' --lr 0.1"),
            Candidate("Adam, cosine from 0.003", "--optimiser adam --schedule cosine --lr 0.003"),
            Candidate("Adam, constant 0.001", "--optimiser adam --schedule constant --lr 0.001"),
            Candidate("0.005, weight decay 0.01", "--weight-decay 0.01"),
        ),
    ),
)


@dataclass(frozen=True)
class Result:
    """Parts of right answers, one for each seed; `test` is empty unless it was asked for."""

    validation: Sequence[float]
    test: Sequence[float]


def measure(trial: Trial, candidate: Candidate, seeds: int, common: Sequence[str]) -> Result:
    """Train a candidate with each seed."""
    validation: list[float] = []
    test: list[float] = []
    for seed in range(seeds if trial.several else 1):
        with TemporaryDirectory() as folder:
            command = ["train", trial.net, "--data", trial.data, "--epochs", str(trial.epochs)]
            command += ["--seed", str(seed), "--runs", folder, "-q", *common]
            output([*CNNDSL, *command, *split(f"{trial.options} {candidate.options}")])
            (run,) = Path(folder).iterdir()
            results = json.loads((run / "results.json").read_text())
        validation.append(results["best"]["val_top1"])
        if candidate.default and results["test"]:
            test.append(results["test"]["top1"])
        print(f"{trial.net}, {candidate.words}, seed {seed}: {validation[-1]:.4f}", file=sys.stderr)
    return Result(validation, test)


def row(trial: Trial, candidate: Candidate, result: Result) -> str:
    """A line of the table."""
    words = f"**{candidate.words}**" if candidate.default else candidate.words
    test = _percent(result.test) if result.test else ""
    cells = (f"{trial.net}, {trial.epochs} epochs", words, _percent(result.validation), test)
    return f"| {' | '.join(cells)} |"


def _percent(parts: Sequence[float]) -> str:
    """The mean, and the single ones where there are several."""
    single = ", ".join(f"{100 * part:.2f}" for part in parts) if len(parts) > 1 else ""
    return f"{100 * mean(parts):.2f} %{f' ({single})' if single else ''}"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("nets", nargs="*", help="By default all.")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1, help="Trainings at a time.")
    parser.add_argument("--data-dir")
    chosen = parser.parse_args()
    common = ["--threads", "1"]
    common += ["--data-dir", chosen.data_dir] if chosen.data_dir else []
    trials = [trial for trial in TRIALS if not chosen.nets or trial.net in chosen.nets]
    pairs = [(trial, candidate) for trial in trials for candidate in trial.candidates]

    def measured(pair: tuple[Trial, Candidate]) -> Result:
        return measure(*pair, chosen.seeds, common)

    with ThreadPoolExecutor(chosen.jobs) as pool:
        results = list(pool.map(measured, pairs))
    lines = [row(*pair, result) for pair, result in zip(pairs, results, strict=True)]
    print("\n".join(["| net | recipe | validation | test |", "|---|---|---:|---:|", *lines]))


if __name__ == "__main__":
    main()
