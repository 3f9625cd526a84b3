"""Whole processes measured in pairs.

The two sides run in turn, A B A B …, so that a machine that slows down or speeds up does so for
both, and what is reported is the median of the pairs' ratios, not the ratio of two averages.
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parents[1]
CNNDSL = str(Path(sys.executable).parent / "cnndsl")
MIB = 1024 * 1024


class BenchmarkError(Exception):
    """A measured command failed; the message holds the command and the end of what it said."""


@dataclass(frozen=True)
class Sample:
    """One run of a process: its wall time, and the most memory that it held at once (RSS)."""

    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Pairs:
    """Runs of two commands in turn, warm-up left out."""

    ours: Sequence[Sample]
    theirs: Sequence[Sample]

    def seconds(self) -> tuple[float, float]:
        """Median wall time of ours and of theirs."""
        return median(s.seconds for s in self.ours), median(s.seconds for s in self.theirs)

    def peak_mib(self) -> tuple[float, float]:
        """Median peak memory of ours and of theirs, in MiB."""
        return (
            median(s.peak_bytes for s in self.ours) / MIB,
            median(s.peak_bytes for s in self.theirs) / MIB,
        )

    def time_ratio(self) -> float:
        """Median over the pairs of our wall time as a share of theirs."""
        return median(a.seconds / b.seconds for a, b in zip(self.ours, self.theirs, strict=True))

    def memory_ratio(self) -> float:
        """Median over the pairs of our peak memory as a share of theirs."""
        return median(
            a.peak_bytes / b.peak_bytes for a, b in zip(self.ours, self.theirs, strict=True)
        )


def peer(name: str, *arguments: str) -> list[str]:
    """The command that runs a program of benchmarks/peers/."""
    return [sys.executable, "-m", f"benchmarks.peers.{name}", *arguments]


def sample(command: Sequence[str]) -> Sample:
    """Run a command to its end and measure it. What it prints goes to a pipe, as in a script.

    The kernel counts the memory of the process that forks towards the child's peak, so this
    program must stay smaller than what it measures: it never imports numpy, onnx or torch.

    Both sides may keep their bytecode, as installed programs do: the warm-up run writes it.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = printed.decode(errors="replace")[-2000:]
        raise BenchmarkError(f"{shlex.join(command)} ended with {process.returncode}:\n{tail}")
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    return Sample(seconds, usage.ru_maxrss * unit)


def pairs(ours: Sequence[str], theirs: Sequence[str], rounds: int) -> Pairs:
    """Run both commands once to warm the file caches, then in turn, `rounds` times each."""
    sample(ours), sample(theirs)
    samples = [(sample(ours), sample(theirs)) for _ in range(rounds)]
    return Pairs([a for a, _ in samples], [b for _, b in samples])


def output(command: Sequence[str]) -> str:
    """What a command prints; raises BenchmarkError where it fails."""
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if result.returncode:
        tail = result.stderr[-2000:]
        raise BenchmarkError(f"{shlex.join(command)} ended with {result.returncode}:\n{tail}")
    return result.stdout
