"""Sessions as training wants them.

Threads of a session that have nothing to do wait in a loop for work (spin) for 50 µs at most, and
not at all between steps: the sessions of gradients, update and evaluation take turns on the same
cores, beside whatever else the machine does. On two quiet cores a step of fashion_cnn takes 9.4 ms
so, 11.5 without spinning and 9.3 with ONNX Runtime's own, longer duration; beside two other busy
programs it takes 21, 19 and 33 ms. Before ONNX Runtime 1.26, where the duration can't be chosen,
threads don't spin.

Nor do they keep memory for later. One block for all that is alive in a run (patterns) would lie
beside what the first run took: twice the memory for a time that is the same within 3 %. A buffer
kept until another value of its shape is made (reuse) lives from the forward pass to the backward
one, where all shapes come back. Without it, and with the order of `autodiff.passes.ordering`, a
step of a VGG-like net at 64x64 in batches of 64 holds 908 MiB instead of 1748, in the same time.
"""

from __future__ import annotations

from cnndsl.runtime.session import Session, open_session, runtime_release

SPINNING = {"session.intra_op.spin_duration_us": "50", "session.force_spinning_stop": "1"}
SLEEPING = {"session.intra_op.allow_spinning": "0"}
SPIN_DURATIONS_SINCE = (1, 26)


def training_session(
    model: bytes, device: str, threads: int | None, common: bool = False
) -> Session:
    """A session for one of training's graphs; `common` is whether another one runs in turn with it
    that may have the same memory. Raises UsageError.
    """
    entries = SPINNING if runtime_release() >= SPIN_DURATIONS_SINCE else SLEEPING
    return open_session(
        model, device=device, threads=threads, entries=entries, lean=True, common=common
    )
