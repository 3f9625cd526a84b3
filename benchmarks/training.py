"""(f) Steps of a training (forward, backward, update) against PyTorch and ONNX Runtime's own.

    python -m benchmarks.training [--rounds 9] [NET …]

measures some nets and prints a line for each. ONNX Runtime's own training takes part where it is
installed (`make ort`); all processes are measured by benchmarks/turns.py.
"""

import argparse
from statistics import geometric_mean

from benchmarks.measure import REPOSITORY, peer
from benchmarks.table import Row, Section
from benchmarks.training_nets import NETS
from benchmarks.turns import ROUNDS, Side, compare

THREADS = 2
MEAN_GOAL, WORST_GOAL, MEMORY_GOAL, RUNTIME_GOAL = 1.0, 1.3, 1.1, 0.8
RUNTIME = REPOSITORY / ".venv-ort-training" / "bin" / "python"
"""Where ONNX Runtime's own training is, whose package can't lie beside stock ONNX Runtime."""
NO_GRADIENT = {"googlenet"}
"""What it can't train: it has no gradient for local response norms."""


def sides(name: str, rounds: int) -> list[Side]:
    """cnndsl, PyTorch and, where it is there and able, ONNX Runtime's training, measured."""
    commands = [peer(side, name, str(THREADS)) for side in ("cnndsl_steps", "torch_steps")]
    if RUNTIME.exists() and name not in NO_GRADIENT:
        _, *rest = peer("ort_training", name, str(THREADS))
        commands.append([str(RUNTIME), *rest])
    return compare(commands, rounds)


def line(name: str, found: list[Side]) -> str:
    """A net's row of the table."""
    ours, torch, *others = found
    cells = [
        f"{name}@{NETS[name].size}, {NETS[name].batch}",
        f"{ours.milliseconds:.1f} ms",
        f"{torch.milliseconds:.1f} ms",
        f"{ours.ratio(torch):.3f}",
        f"{ours.peak:.0f} MiB",
        f"{torch.peak:.0f} MiB",
        f"{ours.peak / torch.peak:.3f}",
        *(f"{other.milliseconds:.1f} ms" for other in others),
        *(f"{ours.ratio(other):.3f}" for other in others),
    ]
    return " | ".join(["", *cells, *["–"] * (9 - len(cells)), ""]).strip()


def measure(rounds: int = ROUNDS) -> Section:
    """All nets, one after the other, all sides of a net in turn."""
    found = {name: sides(name, rounds) for name in NETS}
    speed = {name: ours.ratio(torch) for name, (ours, torch, *_) in found.items()}
    memory = {name: ours.peak / torch.peak for name, (ours, torch, *_) in found.items()}
    slowest, largest = max(speed, key=speed.__getitem__), max(memory, key=memory.__getitem__)
    rows = [
        Row(
            f"a step, all {len(found)} nets",
            f"{sum(ours.milliseconds for ours, *_ in found.values()):.0f} ms",
            f"{sum(torch.milliseconds for _, torch, *_ in found.values()):.0f} ms",
            geometric_mean(speed.values()),
            MEAN_GOAL,
        ),
        Row(
            f"the slowest beside PyTorch, {slowest}",
            f"{found[slowest][0].milliseconds:.1f} ms",
            f"{found[slowest][1].milliseconds:.1f} ms",
            speed[slowest],
            WORST_GOAL,
        ),
        Row(
            f"most memory beside PyTorch, {largest}",
            f"{found[largest][0].peak:.0f} MiB",
            f"{found[largest][1].peak:.0f} MiB",
            memory[largest],
            MEMORY_GOAL,
        ),
    ]
    third = {name: both for name, both in found.items() if len(both) > 2}
    if third:
        rows.append(
            Row(
                f"a step, ONNX Runtime's own training, {len(third)} nets",
                f"{sum(ours.milliseconds for ours, *_ in third.values()):.0f} ms",
                f"{sum(other.milliseconds for *_, other in third.values()):.0f} ms",
                geometric_mean(ours.ratio(other) for ours, _, other in third.values()),
                RUNTIME_GOAL,
            )
        )
    return Section(
        title="Steps of a training",
        method="Forward pass, backward pass and AdamW (PyTorch: its fused form, the fastest) in "
        f"float32 on a random batch, {THREADS} threads: cnndsl in stock ONNX Runtime against "
        "PyTorch in eager mode and, where it can train the net, onnxruntime-training-cpu 1.19.2. "
        f"A process a side, in turn for half a second each, {rounds} rounds; a turn is repeated "
        "where other programs disturbed it. The ratio of a net is the median of its rounds', that "
        "of several nets their geometric mean. Memory is the processes' peak.",
        rows=tuple(rows),
        details="\n".join([*HEAD, *(line(name, both) for name, both in found.items())]),
    )


HEAD = (
    "| net@size, batch | cnndsl | PyTorch | ratio | cnndsl | PyTorch | ratio "
    "| ONNX Runtime's | ratio |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
)


def main() -> None:
    """Measure some nets and print them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("nets", nargs="*", choices=[*NETS, []])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    print("\n".join(HEAD))
    for name in chosen.nets or NETS:
        print(line(name, sides(name, chosen.rounds)), flush=True)


if __name__ == "__main__":
    main()
