"""How long models take, measured side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from cnndsl.runtime.session import open_session


def time_models(
    models: Sequence[bytes], threads: int | None = None, seconds: float = 0.3, device: str = "cpu"
) -> list[float]:
    """Median milliseconds of a run of each, run in turn for about so many seconds in all.

    In turn, so that a machine that slows down does so for all. Inputs are random numbers of their
    shapes, which must be fixed, and float32. At least five runs each, the first not counted. One
    thread is measured by the time that it works, which other processes disturb less.
    """
    clock = time.thread_time if threads == 1 else time.perf_counter
    runs = [runner(model, threads, device) for model in models]
    for run in runs:
        run()
    times: list[list[float]] = [[] for _ in runs]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 5:
        for run, found in zip(runs, times, strict=True):
            start = clock()
            run()
            found.append(clock() - start)
    return [1e3 * median(found) for found in times]


def runner(model: bytes, threads: int | None = None, device: str = "cpu") -> Callable[[], None]:
    """What runs a model once, its inputs and outputs in place on the device."""
    import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

    session: Any = open_session(model, threads=threads, device=device)
    binding = session.io_binding()
    random = np.random.default_rng(0)
    kept: list[object] = []

    def placed(values: np.ndarray[Any, Any]) -> Any:
        value = onnxruntime.OrtValue.ortvalue_from_numpy(values, device, 0)
        kept.extend((values, value))
        return value

    for node in session.get_inputs():
        values = random.standard_normal([int(n) for n in node.shape if n], dtype=np.float32)
        binding.bind_ortvalue_input(node.name, placed(values))
    for node in session.get_outputs():
        zeros = np.zeros([int(n) for n in node.shape if n], np.float32)
        binding.bind_ortvalue_output(node.name, placed(zeros))
    return _Run(session, binding, kept)


@dataclass(frozen=True, slots=True)
class _Run:
    """A session with all in place. `kept` holds what is bound: ONNX Runtime 1.20 doesn't."""

    session: Any
    binding: Any
    kept: list[object]

    def __call__(self) -> None:
        self.session.run_with_iobinding(self.binding)
