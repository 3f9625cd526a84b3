"""Sessions as training wants them.

Idle threads of a session don't wait in a loop for work (spin): the sessions of gradients, update
and evaluation take turns on the same cores, beside the threads that make batches, and a spinning
thread keeps the others from their work. On a busy machine a step took twice as long with spinning;
on one thread it makes no difference.

Nor do they keep one block of memory for all that is alive in a run (patterns): they would have it
beside what the first run took, twice the memory for a time that is the same within 3 %.
"""

from __future__ import annotations

from cnndsl.runtime.session import Session, open_session

ENTRIES = {"session.intra_op.allow_spinning": "0"}


def training_session(model: bytes, device: str, threads: int | None) -> Session:
    """A session for one of training's graphs. Raises UsageError."""
    return open_session(model, device=device, threads=threads, entries=ENTRIES, patterns=False)
