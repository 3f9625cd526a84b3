"""Inputs that can't be read: named as they are met, and at the end the command fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnndsl.cli.output import echo_line
from cnndsl.diagnostics import UsageError

if TYPE_CHECKING:
    from cnndsl.runtime import Results, Samples


def named(stream: Iterator[Results], samples: Samples) -> Iterator[Results]:
    """The same results; what can't be read is named on stderr, unless it is the only input."""
    told = 0

    def name() -> None:
        nonlocal told
        lost = samples.unreadable or []
        for entry in lost[told:] if samples.count > 1 else []:
            echo_line(f"left out: {entry.reason}", err=True)
        told = len(lost)

    for results in stream:
        name()
        yield results
    name()


def check_all_read(samples: Samples) -> None:
    """Raise UsageError where something could not be read."""
    lost, count = samples.unreadable or [], samples.count
    if not lost:
        return
    if count == 1:
        raise UsageError(lost[0].reason)
    if len(lost) == count:
        raise UsageError(f"none of the {count:,} inputs can be read")
    raise UsageError(f"{len(lost):,} of {count:,} inputs can't be read")
