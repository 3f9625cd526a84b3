"""One process that tries cases, each within its time and memory."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from tests.fuzz.cases import Case, Kind, write

MOST_SECONDS = 5.0
"""Of the processor, for one case."""

MOST_IDLE = 20.0
"""Seconds that a case may neither compute nor wait for the processor: it waits for something."""

MOST_BYTES = 1 << 30
"""Memory that one case may take."""

_TICK = 0.25  # seconds of the processor between two looks at the clock
_QUICK = 0.05
_ADDRESS_SPACE = 8 << 30  # keeps the machine alive where a case wants much more
_PACKAGE = f"{os.sep}cnndsl{os.sep}"


class Overtime(BaseException):
    """A case goes on for too long; no handler of exceptions stops it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What went wrong with a case. `signature` is the same for the same fault."""

    number: int
    signature: str
    trace: str


@dataclass(slots=True)
class Outcomes:
    """How the cases of a stretch ended."""

    counts: Counter[str] = field(default_factory=Counter[str])
    findings: list[Finding] = field(default_factory=list[Finding])


def draw(kind: Kind, seed: int, number: int) -> Case:
    """The case of a number: it follows from kind, seed and number alone."""
    return kind.draw(Random(f"{kind.name}/{seed}/{number}"))


def attempt(kind: Kind, case: Case, number: int) -> str | Finding:
    """Try a case in a folder of its own: how it ended, or what is wrong with that."""
    start, held = time.perf_counter(), _resident() if kind.in_files else 0
    try:
        with _folder(case) if kind.in_files else nullcontext(), _limited():
            outcome = kind.attempt(case)
    except Overtime as e:
        return Finding(number, f"{e}, in {_place(e)}", traceback.format_exc())
    except MemoryError as e:
        _Peak.known = _peak()
        return Finding(number, f"memory, in {_place(e)}", traceback.format_exc())
    except (Exception, SystemExit) as e:
        name = "" if isinstance(e, AssertionError) and str(e) else f"{type(e).__name__}: "
        return Finding(number, f"{name}{_head(e)}, in {_place(e)}", traceback.format_exc())
    # A gigabyte isn't filled in less time, and asking takes as long as a small case
    if time.perf_counter() - start > _QUICK and (peak := _peak()) > max(_Peak.known, MOST_BYTES):
        taken, _Peak.known = peak - held, peak
        if taken > MOST_BYTES:
            return Finding(number, "memory", f"{taken:,} bytes were taken")
    return outcome


def tried(kind: Kind, seed: int, numbers: Iterable[int]) -> Generator[tuple[int, str | Finding]]:
    """Draw and try the cases of several numbers."""
    for number in numbers:
        yield number, attempt(kind, draw(kind, seed, number), number)


def limit_memory() -> None:
    """No process of fuzzing brings the machine down."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class _Peak:
    """The most memory that this process was found to have taken: it never sinks."""

    known = 0


def _resident() -> int:
    """Bytes of memory that this process holds."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class _Clock:
    """Ticks while the processor works on a case: setting timers for each would take as long as a
    small case.
    """

    ticks = 0
    began = 0.0
    running = False


def start_clock() -> None:
    """Let this process notice cases that take too long, or wait for ever."""

    def computing(signal_number: int, frame: FrameType | None) -> None:
        _Clock.ticks += 1
        if _Clock.running and _Clock.ticks > MOST_SECONDS / _TICK:
            raise Overtime(f"more than {MOST_SECONDS:g} s")

    def waiting(signal_number: int, frame: FrameType | None) -> None:
        if _Clock.running and time.monotonic() - _busy() - _Clock.began > MOST_IDLE:
            raise Overtime("waits for ever")

    signal.signal(signal.SIGPROF, computing)
    signal.signal(signal.SIGALRM, waiting)
    signal.setitimer(signal.ITIMER_PROF, _TICK, _TICK)
    signal.setitimer(signal.ITIMER_REAL, MOST_IDLE / 2, MOST_IDLE / 2)


@contextmanager
def _limited() -> Generator[None]:
    """Raise Overtime where what is done takes too much of the processor, or waits for ever."""
    _Clock.ticks, _Clock.began = 0, time.monotonic() - _busy()
    _Clock.running = True
    try:
        yield
    finally:
        _Clock.running = False


def _busy() -> float:
    """Seconds that this thread computed or waited for a processor."""
    with open("/proc/thread-self/schedstat", "rb") as file:
        computed, waited, _ = file.read().split()
    return (int(computed) + int(waited)) / 1e9


@contextmanager
def _folder(case: Case) -> Generator[None]:
    """A case's files, in a folder that is the current one."""
    folder, before = tempfile.mkdtemp(prefix="fuzz-"), Path.cwd()
    try:
        os.chdir(folder)
        write(case.files, Path(folder))
        yield
    finally:
        os.chdir(before)
        shutil.rmtree(os.fsencode(folder), ignore_errors=True)


def _place(error: BaseException) -> str:
    """The innermost line of cnndsl's own, or else of all, without its number: a fault keeps its
    place while lines move.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame for frame in frames if _PACKAGE in frame.filename and "/tests/" not in frame.filename
    ]
    own = [frame for frame in own if "site-packages" not in frame.filename]
    frame = (own or frames)[-1]
    name = frame.filename.rpartition(_PACKAGE)[2] if own else Path(frame.filename).name
    return f"{name} {frame.name}"


def _head(error: BaseException) -> str:
    """The beginning of a message, without what differs from case to case."""
    line = str(error).partition("\n")[0][:60]
    return "".join("0" if c.isdigit() else c for c in line if c.isprintable())


def quiet() -> None:
    """Libraries of other languages write past Python's streams; nobody reads that here."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
