"""The last guard around every command: signals, streams that can't be written, and our own bugs.

Whatever happens, a command ends with a sentence and the right exit status, and without a traceback.
"""

from __future__ import annotations

import io
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from cnndsl.cli.output import echo_error, echo_line
from cnndsl.files import described

BUG = 70
"""The exit status for an error that nobody foresaw: EX_SOFTWARE of sysexits.h."""

DEBUG = "CNNDSL_DEBUG"
"""Set in the environment, it shows the trace of such an error."""

BROKEN_PIPE = 128 + 13
"""The exit status where the reader of a pipe has gone: that of a program which SIGPIPE ends."""

_LONGEST_COMMAND = 200

_received: list[int] = []
"""The signals that came."""


def exit_status(run: Callable[[], object], arguments: Sequence[str]) -> int:
    """Run a command that ends in SystemExit; return its exit status, whatever else it ends in."""
    try:
        status = _flushed(_status(run, arguments))
        _ignore_signals()
    except KeyboardInterrupt:  # it came after the command's end
        return interrupted()
    return interrupted() if _received else status


def _status(run: Callable[[], object], arguments: Sequence[str]) -> int:
    try:
        run()
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else int(e.code is not None)
    except MemoryError:
        return _say(f"`{_command(arguments)}` needs more memory than there is")
    except RecursionError:
        return _say(f"`{_command(arguments)}` met what is nested too deeply to be followed")
    except OSError as e:
        return _say(described(e))
    except Exception as e:
        if not _received:  # what an interrupt made of libraries is no bug
            return unforeseen(e, arguments)
    return 0


def interrupted() -> int:
    """The exit status after a signal: 128 and its number, which is SIGINT's where none is known."""
    return 128 + (_received[-1] if _received else signal.SIGINT)


def unforeseen(error: Exception, arguments: Sequence[str]) -> int:
    """Say in two sentences that this is a bug of cnndsl."""
    if os.environ.get(DEBUG):
        sys.stderr.write("".join(traceback.format_exception(error)))
    cause = f" ({str(error)[:_LONGEST_COMMAND]})" if str(error) else ""
    echo_error(f"`{_command(arguments)}` ended in {type(error).__name__} at {_place(error)}{cause}")
    trace = f"the trace that {DEBUG}=1 shows"
    echo_line(f"this is a bug of cnndsl: please report it, with {trace}", err=True)
    return BUG


def raise_on_signals() -> None:
    """Let SIGINT and SIGTERM end a command as KeyboardInterrupt does, tidying up on the way."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    report = sys.unraisablehook
    # What the interrupt meets in a destructor is no news.
    sys.unraisablehook = lambda unraisable: None if _received else report(unraisable)


def _ignore_signals() -> None:
    """Once all is done there is nothing left to interrupt."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) == _interrupt:
            signal.signal(number, signal.SIG_IGN)


def guard_streams() -> None:
    """Let standard output name itself where it can't be written, and what standard error can't
    take be lost: nobody could be told.
    """
    sys.stdout = _stream(1, _Output, "backslashreplace", buffered=True)
    sys.stderr = _stream(2, _Lossy, "backslashreplace", buffered=False)


class _Output(io.FileIO):
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            raise SystemExit(BROKEN_PIPE) from None
        except OSError as e:
            reason = f"standard output can't be written: {e.strerror}"
            raise type(e)(e.errno, reason) from None


class _Lossy(io.FileIO):
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)


def _stream(
    descriptor: int, kind: type[io.FileIO], errors: str, *, buffered: bool
) -> io.TextIOWrapper:
    """A text stream in the encoding that Python chose, or UTF-8 where it had none to open."""
    old = (sys.stdout, sys.stderr)[descriptor - 1]
    raw = kind(descriptor, "w", closefd=False)
    lines = not buffered or raw.isatty()
    encoding = getattr(old, "encoding", None) or "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=lines)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise KeyboardInterrupt


def _flushed(status: int) -> int:
    """The exit status once everything is written; what can't be is said, and then forgotten, so
    that the interpreter doesn't try it again.
    """
    try:
        sys.stdout.flush()
    except (OSError, SystemExit) as e:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path of ours
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if isinstance(e, SystemExit):
            return status or BROKEN_PIPE
        return status or _say(str(e.strerror or e))
    return status


def _say(text: str) -> int:
    echo_error(text)
    return 1


def _command(arguments: Sequence[str]) -> str:
    text = shlex.join(["cnndsl", *arguments])
    return text if len(text) <= _LONGEST_COMMAND else text[:_LONGEST_COMMAND] + "…"


def _place(error: Exception) -> str:
    """The innermost line of cnndsl that led to an error."""
    package = Path(__file__).parents[1]
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if Path(f.filename).is_relative_to(package)]
    where = (own or frames)[-1]
    path = Path(where.filename)
    return f"{path.relative_to(package.parent) if own else path.name}:{where.lineno}"
