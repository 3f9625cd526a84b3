"""The program `cnndsl`, which is also `python -m cnndsl`.

It loads nothing but Python's own modules before it takes care of signals and standard streams: an
interrupt in the first tenth of a second, while the rest is loaded, ends it as quietly as a later
one.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line, and exit with its status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _exit_at_once)
    _fill_closed_streams()
    from cnndsl.cli import main as commands
    from cnndsl.cli.guard import guard_streams, raise_on_signals

    guard_streams()
    raise_on_signals()
    commands()


def _exit_at_once(number: int, frame: FrameType | None) -> None:  # pragma: no cover
    os._exit(128 + number)


def _fill_closed_streams() -> None:
    """Let no file take the number of a standard stream that the caller closed.

    What is opened for reading can't be written to, so output that gets lost is noticed.
    """
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= 2:
        pass
    os.close(descriptor)


if __name__ == "__main__":
    main()
