"""Many cases in several processes, watched from outside: what is found is counted and kept."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tests.fuzz.cases import Kind
from tests.fuzz.worker import (
    MOST_SECONDS,
    Finding,
    Outcomes,
    limit_memory,
    quiet,
    start_clock,
    tried,
)

_FORK = get_context("fork")
_CHUNK_SECONDS = 2.0
_MOST_CHUNK = 500
_MOST_OF_A_FAULT = 20  # findings of one signature whose numbers are kept


@dataclass(slots=True)
class Result:
    """All that a campaign found."""

    counts: Counter[str] = field(default_factory=Counter[str])
    faults: dict[str, list[Finding]] = field(default_factory=dict[str, list[Finding]])
    times: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0

    @property
    def tried(self) -> int:
        """The number of cases."""
        return sum(self.counts.values()) + sum(self.times.values())

    def add(self, outcomes: Outcomes) -> None:
        """Count the cases of another stretch."""
        self.counts.update(outcomes.counts)
        for finding in outcomes.findings:
            self.times[finding.signature] += 1
            same = self.faults.setdefault(finding.signature, [])
            if len(same) < _MOST_OF_A_FAULT:
                same.append(finding)

    def as_json(self) -> str:
        """For a file."""
        faults = {
            name: {"times": self.times[name], "cases": [f.number for f in found]}
            for name, found in self.faults.items()
        }
        data = {
            "tried": self.tried,
            "seconds": round(self.seconds),
            "outcomes": dict(self.counts.most_common()),
            "faults": faults,
        }
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


class _Worker:
    """A process that tries stretches of cases; it can be killed, and another takes its place."""

    def __init__(self, kind: Kind, seed: int):
        self.kind, self.seed = kind, seed
        self.now = _FORK.RawValue("q", -1)
        self.pipe, theirs = _FORK.Pipe()
        self.process = _FORK.Process(target=_serve, args=(kind, seed, theirs, self.now))
        self.process.start()
        theirs.close()
        self.numbers = range(0)
        self.done = 0
        self._seen = (-1, 0.0)

    def give(self, numbers: range) -> None:
        """Let it try these."""
        self.numbers = numbers
        self.pipe.send(numbers)

    def stop(self) -> None:
        """Let it end by itself."""
        self.pipe.send(None)
        self.process.join()

    def hangs(self) -> bool:
        """Whether one case takes long, and isn't stopped from inside: in a library's own code."""
        number, computed = self.now.value, _computed(self.process.pid or 0)
        if number != self._seen[0]:
            self._seen = number, computed
        return computed - self._seen[1] > 3 * MOST_SECONDS


def _computed(process: int) -> float:
    """Seconds of the processor that a process took; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _serve(kind: Kind, seed: int, pipe: Connection, now: object) -> None:
    """What a worker does: stretches of cases, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quiet()
    limit_memory()
    start_clock()
    parent = os.getppid()
    while True:
        while not pipe.poll(5):  # a parent that was killed closes nothing: its children hold it too
            if os.getppid() != parent:
                return
        if (numbers := pipe.recv()) is None:
            return
        outcomes = Outcomes()
        for number in numbers:
            now.value = number  # type: ignore[attr-defined]
            for _, outcome in tried(kind, seed, [number]):
                if isinstance(outcome, Finding):
                    outcomes.findings.append(outcome)
                else:
                    outcomes.counts[outcome] += 1
        pipe.send(outcomes)


def run(
    kind: Kind,
    numbers: range,
    seed: int,
    jobs: int,
    progress: Callable[[int, Result], None] = lambda count, result: None,
) -> Result:
    """Try the cases of these numbers. A keyboard interrupt ends it with what there is so far."""
    result, start = Result(), time.monotonic()
    waiting: deque[range] = deque([numbers])
    workers: list[_Worker] = []
    size = 1

    def following() -> range | None:
        if not waiting:
            return None
        stretch = waiting.popleft()
        if len(stretch) > size:
            waiting.appendleft(stretch[size:])
        return stretch[:size]

    def employ(worker: _Worker | None = None) -> None:
        stretch = following()
        if stretch is None:
            if worker:
                worker.stop()
            return
        if worker and worker.done >= kind.per_worker:
            worker.stop()
            worker = None
        worker = worker or _Worker(kind, seed)
        worker.give(stretch)
        workers.append(worker)

    try:
        for _ in range(jobs):
            employ()
        while workers:
            ready = wait([w.pipe for w in workers], timeout=1)
            for worker in [w for w in workers if w.pipe in ready or w.hangs()]:
                workers.remove(worker)
                began = len(worker.numbers)
                try:
                    if worker.pipe not in ready:
                        raise EOFError
                    outcomes = worker.pipe.recv()
                except EOFError:
                    count = _lost(worker, waiting, result)
                    worker = None
                else:
                    count = began
                    result.add(outcomes)
                    worker.done += count
                result.seconds = time.monotonic() - start
                rate = result.tried / max(result.seconds, 0.1) / jobs
                size = max(1, min(_MOST_CHUNK, int(rate * _CHUNK_SECONDS), kind.per_worker))
                progress(count, result)
                employ(worker)
    except KeyboardInterrupt:
        pass
    finally:
        for worker in workers:
            worker.process.kill()
    result.seconds = time.monotonic() - start
    return result


def _lost(worker: _Worker, waiting: deque[range], result: Result) -> int:
    """A worker died, or had to be killed: the case is a finding, the rest of its stretch is tried
    once more. How many cases are done by that.
    """
    number = worker.now.value
    hung = worker.process.is_alive() and worker.hangs()
    worker.process.kill() if hung else None
    worker.process.join()
    code = worker.process.exitcode or 0
    how = "a library hangs" if hung else f"the process died (exit code {code})"
    result.add(Outcomes(findings=[Finding(number, how, how)]))
    at = worker.numbers.index(number)
    waiting.extend(rest for rest in (worker.numbers[:at], worker.numbers[at + 1 :]) if rest)
    return 1
