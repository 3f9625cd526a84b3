"""(g) `cnndsl train unet_same` beside the same training in PyTorch: mean IoU, CPU time of a step.

    python -m benchmarks.segmentation FOLDER [SET …] [--seeds 3] [--width 8] [--epochs N]

FOLDER holds `membrane` and `camvid`, pictures with masks. Both sides have the same start, batches,
learning rates and optimiser. Prints a line a set: the mean IoU of the last epoch for each seed, and
the median CPU time of steps on one batch, done in turn.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.measure import output, peer
from benchmarks.turns import compare

CNNDSL = [sys.executable, "-c", "from cnndsl.cli import main; main()"]


@dataclass(frozen=True)
class Case:
    """A set of pictures with masks, and how it is trained on."""

    size: str
    epochs: int
    options: Sequence[str] = ()


BATCH = 4
CASES = {
    "membrane": Case("1@128x128", 20),
    "camvid": Case("3@96x128", 20, ("--ignore-index", "11")),
}
HEAD = "| set, pictures | mean IoU, cnndsl | PyTorch | a step, cnndsl | PyTorch | ratio |"


def ours(folder: Path, name: str, seed: int, chosen: argparse.Namespace) -> tuple[Path, float]:
    """The folder of a run, and the mean IoU of its last epoch."""
    case = CASES[name]
    command = ["train", "unet_same", "--set", f"width={chosen.width}", "--input", case.size]
    epochs = str(chosen.epochs or case.epochs)
    command += ["--data", str(Path(chosen.folder) / name), "--epochs", epochs]
    command += ["--batch", str(BATCH), "--seed", str(seed), "--threads", str(chosen.threads)]
    root = folder / f"{name}-{seed}"
    output([*CNNDSL, *command, *case.options, "-q", "--runs", str(root)])
    (run,) = root.iterdir()
    return run, json.loads((run / "results.json").read_text())["last"]["val_iou"]


def line(name: str, chosen: argparse.Namespace) -> str:
    """Train with each seed on both sides, then time steps; a row of the table."""
    found: list[float] = []
    theirs: list[float] = []
    threads = str(chosen.threads)
    with TemporaryDirectory() as folder:
        runs: list[str] = []
        for seed in range(chosen.seeds):
            run, iou = ours(Path(folder), name, seed, chosen)
            found.append(iou)
            runs.append(str(run))
            again = peer("torch_segmentation", runs[-1], threads, "train")
            theirs.append(json.loads(output(again))["iou"])
            print(f"{name}, seed {seed}: {found[-1]:.4f}, {theirs[-1]:.4f}", file=sys.stderr)
        commands = [
            peer("cnndsl_segmentation", runs[0], threads),
            peer("torch_segmentation", runs[0], threads, "steps"),
        ]
        mine, other = compare(commands, chosen.rounds)
    cells = [
        f"{name}, {CASES[name].size}",
        *(percent(values) for values in (found, theirs)),
        *(f"{side.milliseconds:.0f} ms" for side in (mine, other)),
        f"{mine.milliseconds / other.milliseconds:.3f}",
    ]
    return f"| {' | '.join(cells)} |"


def percent(parts: Sequence[float]) -> str:
    """The mean, and those of the seeds."""
    return f"{100 * mean(parts):.1f} % ({', '.join(f'{100 * part:.1f}' for part in parts)})"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("sets", nargs="*", choices=[*CASES, []])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--width", type=int, default=8, help="Of the net; 64 is the whole one.")
    parser.add_argument("--epochs", type=int, help="Fewer, where only steps are to be timed.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    print(HEAD + "\n|---|---:|---:|---:|---:|---:|", flush=True)
    for name in chosen.sets or CASES:
        print(line(name, chosen), flush=True)


if __name__ == "__main__":
    main()
