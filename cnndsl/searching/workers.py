"""Several workers of one search, each a process of its own that does many trials."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from tempfile import TemporaryFile
from time import monotonic
from typing import IO

from cnndsl.diagnostics import UsageError
from cnndsl.runtime.session import available_cores
from cnndsl.searching.folder import SearchFolder
from cnndsl.training.interrupts import Interrupts

PAUSE = 0.2  # seconds between two looks
MOST_WORKERS = 256
MOST_DEATHS = 3
"""So many workers are replaced where they die: a net that is too large kills them all."""

_MOST_SAID = 10_000  # bytes of what a worker says last


def threads_for(workers: int) -> int:
    """The threads of each of several workers on this machine."""
    return max(1, available_cores() // workers)


class Workers:
    """The processes. They end by themselves where this one ends, however it does."""

    def __init__(self, folder: SearchFolder, count: int, until: float | None):
        self.folder, self.count, self.until = folder, count, until
        self._said: IO[bytes] | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._deaths = 0

    def work(self, look: Callable[[], None]) -> int | None:
        """Let them work until all have ended, and `look` now and then; return the signal that
        interrupted this process, None where none did. Raises UsageError with what a worker said.
        """
        with TemporaryFile() as self._said, Interrupts() as interrupts:
            try:
                self._processes = [self._start() for _ in range(self.count)]
                asked = False
                while self._processes:
                    if interrupts.requested and not asked:
                        asked = True
                        self._stop()
                    self._wait()
                    self._replace(again=not asked)
                    look()
            finally:
                self._stop()
                for process in self._processes:
                    process.wait()
            return interrupts.requested

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "cnndsl", "search", "work", str(self.folder.path)]
        command += ["--quiet", "--attached", "--threads", str(threads_for(self.count))]
        if self.until is not None:
            command += ["--time-limit", f"{max(self.until - monotonic(), 0.001):.3f}s"]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # it ends when this process does, which ends the worker
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,  # Ctrl-C is this process's to hand on, once
        )

    def _wait(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._processes[0].wait(PAUSE)

    def _replace(self, again: bool) -> None:
        """Look who has ended, and start others for those that died. Raises UsageError."""
        for process in [p for p in self._processes if p.poll() is not None]:
            self._processes.remove(process)
            if process.stdin:
                process.stdin.close()
            if process.returncode < 0 and again:
                self._deaths += 1
                if self._deaths > MOST_DEATHS:
                    raise UsageError(
                        f"{self._deaths} workers were killed, the last one by signal "
                        f"{-process.returncode}; is there memory for so many? `cnndsl search "
                        f"resume {self.folder.path}` goes on"
                    )
                self._processes.append(self._start())
            elif 0 < process.returncode < 128:
                raise UsageError(self._error())

    def _error(self) -> str:
        """What a worker said at its end."""
        assert self._said is not None, "they have begun"
        self._said.seek(0)
        lines = self._said.read(_MOST_SAID).decode(errors="replace").splitlines()
        said = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return said[-1] if said else f"a worker of `{self.folder.path}` failed"

    def _stop(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
