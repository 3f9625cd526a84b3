"""The strategies of transfer learning side by side: a table, and a plot of accuracy over time.

    python examples/transfer/compare.py runs [comparison.svg]

reads the runs that `cnndsl transfer` left in the folder `runs`. Runs of one net with the same
strategy, from several seeds, are one line: the mean of their last epochs.
"""

from __future__ import annotations

import csv
import json
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from cnndsl.training.report.chart import Chart, Line, svg
from cnndsl.training.report.page import standalone

ORDER = ("scratch", "features", "last", "gradual", "full")
TRAINED = {
    "scratch": "all layers, from random values",
    "features": "a new head, on stored features",
    "last": "head and last block",
    "gradual": "head, then block after block",
    "full": "all layers",
}


class Run(NamedTuple):
    """What a run's folder says."""

    model: str
    strategy: str
    trained: int
    seconds: float
    last: float
    best: float
    curve: tuple[tuple[float, float], ...]


def read(folder: Path) -> Run:
    """A run that came to its end."""
    results: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    config = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    rows = list(csv.DictReader((folder / "metrics.csv").open(encoding="utf-8")))
    features = folder / "features.json"
    time, curve = 0.0, list[tuple[float, float]]()
    if features.is_file():  # they were made before the first epoch
        time = json.loads(features.read_text(encoding="utf-8"))["seconds"]
    for row in rows:
        time += float(row["seconds"])
        curve.append((max(time, 0.01), 100 * float(row["val_top1"])))
    return Run(
        Path(config["model"]["spec"]).stem,
        config["transfer"]["strategy"],
        results["trained_parameters"],
        time,
        100 * results["last"]["val_top1"],
        100 * results["best"]["val_top1"],
        tuple(curve),
    )


def main() -> None:
    """Print the table; draw the plot where a file is named for it."""
    root, target = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None
    found: dict[str, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(root.glob("*/results.json")):
        if "strategy" in json.loads(path.read_text(encoding="utf-8")):
            run = read(path.parent)
            found[run.model][run.strategy].append(run)
    for model, strategies in found.items():
        print(f"\n{model}\n")
        print("| strategy | what is trained | parameters | time | right answers | best epoch |")
        print("|---|---|---:|---:|---:|---:|")
        for name in (name for name in ORDER if name in strategies):
            runs = strategies[name]
            last, best = mean(r.last for r in runs), mean(r.best for r in runs)
            print(
                f"| {name} | {TRAINED[name]} | {runs[0].trained:,} | "
                f"{mean(r.seconds for r in runs):.0f} s | {last:.1f} % | {best:.1f} % |"
            )
    if target and found:
        model = min(found)
        shown = [found[model][name][0] for name in ORDER if name in found[model]]
        lines = [Line(r.strategy, r.curve, 1 + n) for n, r in enumerate(shown)]
        title = f"right answers of {model} (validation)"
        across = "seconds, the features' included"
        chart = Chart(
            title,
            across,
            "right answers (top-1)",
            tuple(lines),
            lambda value: f"{value:.0f} %",
            logarithmic=True,
        )
        target.write_text(standalone(svg(chart)), encoding="utf-8")


if __name__ == "__main__":
    main()
