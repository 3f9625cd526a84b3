"""Processes that work in turn, each for a while, and are asked for their peak memory at the end."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.measure import MIB, REPOSITORY, BenchmarkError

ROUNDS = 9
TURN = 0.5
"""Seconds that one side works before the other one does."""
REST = 0.02
"""Seconds between turns: a runtime's idle threads wait in a loop for a while before they sleep."""
FOREIGN = 0.1
"""A turn is repeated where other programs worked for a larger share of it. Threads that wait for
one another in a loop, as PyTorch's do, become many times slower then.
"""
REPEATS = 2


@dataclass
class Side:
    """A process that does steps on demand."""

    command: Sequence[str]
    turns: list[float] = field(default_factory=list[float])
    """The median seconds of a step, turn by turn."""
    peak: float = 0.0
    """The most memory that it held at once, in MiB."""

    def start(self) -> None:
        """Start it, and wait until it is warm."""
        self.process = subprocess.Popen(
            self.command,
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._read() != "ready":
            raise BenchmarkError(f"{' '.join(self.command)} does not start")

    def turn(self) -> None:
        """Let it work for a while, undisturbed if possible."""
        tries: list[tuple[float, float]] = []
        while len(tries) <= REPEATS and (not tries or tries[-1][0] > FOREIGN):
            tries.append(self._try())
        self.turns.append(min(tries)[1])

    def _try(self) -> tuple[float, float]:
        """The share of the turn that other programs worked, and the median seconds of a step."""
        time.sleep(REST)
        assert self.process.stdin is not None
        start, others = time.perf_counter(), _busy() - _busy(self.process.pid)
        print(TURN, file=self.process.stdin, flush=True)
        seconds = median(json.loads(self._read()))
        others = _busy() - _busy(self.process.pid) - others
        return others / (time.perf_counter() - start), seconds

    def ratio(self, other: "Side") -> float:
        """The median over the rounds of its time as a share of the other's."""
        return median(a / b for a, b in zip(self.turns, other.turns, strict=True))

    @property
    def milliseconds(self) -> float:
        """The median of a step."""
        return 1e3 * median(self.turns)

    def end(self) -> None:
        """Let it go, and ask the kernel for its peak."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if sys.platform == "darwin" else 1024
        self.peak = usage.ru_maxrss * unit / MIB

    def _read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise BenchmarkError(f"{' '.join(self.command)} ended")
        return line


def _busy(process: int | None = None) -> float:
    """Seconds that a process, or all together, have worked; 0 where the kernel doesn't tell."""
    path = Path(f"/proc/{process}/stat" if process else "/proc/stat")
    if not path.exists():
        return 0.0
    text = path.read_text().splitlines()[0]
    if process:
        ticks = [int(word) for word in text.rpartition(")")[2].split()[11:13]]
    else:
        user, nice, system, _, _, *rest = [int(word) for word in text.split()[1:9]]
        ticks = [user, nice, system, *rest]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")


def compare(commands: Sequence[Sequence[str]], rounds: int = ROUNDS) -> list[Side]:
    """All sides in turn, on one machine at one time."""
    sides = [Side(command) for command in commands]
    for side in sides:
        side.start()
    for _ in range(rounds):
        for side in sides:
            side.turn()
    for side in sides:
        side.end()
    return sides
