"""(d) The time of a report against the number of layers."""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.measure import CNNDSL, sample
from benchmarks.table import Row, Section

SIZES = (10, 100, 1_000, 10_000)
ROUNDS = 5
GOAL = 1.2


def measure() -> Section:
    """Deep plain nets, one line a layer, in turn, so that the machine's moods spread evenly."""
    with TemporaryDirectory() as folder:
        specs = {size: Path(folder) / f"deep{size}.cnn" for size in SIZES}
        for size, path in specs.items():
            path.write_text(_deep_net(size), encoding="utf-8")
        times: dict[int, list[float]] = {size: [] for size in SIZES}
        for _ in range(ROUNDS):
            for size, path in specs.items():
                times[size].append(sample([CNNDSL, "report", str(path)]).seconds)
    seconds = {size: median(times[size]) for size in SIZES}

    # Start-up costs the same whatever the net, and would flatter the larger one: take it off.
    def per_layer(size: int) -> float:
        return (seconds[size] - seconds[SIZES[0]]) / (size - SIZES[0])

    table = ["| layers | time | per layer, without start-up |", "|---:|---:|---:|"]
    table += [
        f"| {size:,} | {seconds[size]:.2f} s | "
        + (f"{1e6 * per_layer(size):.0f} µs |" if size != SIZES[0] else "|")
        for size in SIZES
    ]
    return Section(
        title="Report time against depth",
        method="`cnndsl report` of nets with one convolution a line. Time per layer, less the time "
        f"of the {SIZES[0]}-layer net, at 10,000 layers (left) against at 1,000 layers (right): "
        f"linear growth is a ratio of 1. Medians of {ROUNDS} runs.",
        rows=(
            Row(
                "time per layer",
                f"{1e6 * per_layer(10_000):.0f} µs",
                f"{1e6 * per_layer(1_000):.0f} µs",
                per_layer(10_000) / per_layer(1_000),
                GOAL,
            ),
        ),
        details="\n".join(table),
    )


def _deep_net(layers: int) -> str:
    lines = ["conv 3x3 8 same nobias" for _ in range(layers)]
    return "\n".join(["cnndsl 1", f"net Deep{layers}", "input image 3@32x32", *lines, ""])
