"""Time two ONNX models in one process, run by run in turn: `… run_in_turn OURS THEIRS THREADS`.

Prints JSON: median milliseconds of both, and the median over the pairs of the ratio.
"""

import json
import sys
import time
from statistics import median

import numpy as np
import onnxruntime

WARM_UP = 3
SECONDS = 6.0
FEWEST, MOST = 15, 300


def session(path: str, threads: int) -> onnxruntime.InferenceSession:
    """A session for the CPU with the same options for both models."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # A session's idle threads spin for a while, on the cores that the other session needs.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Random weights may shrink values to denormals, which are slow and no net's fault.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run_once(model: onnxruntime.InferenceSession) -> float:
    """The milliseconds of one run on one image of noise."""
    (image,) = model.get_inputs()
    noise = np.random.default_rng(0).standard_normal(image.shape, dtype=np.float32)
    start = time.perf_counter()
    model.run(None, {image.name: noise})
    return 1e3 * (time.perf_counter() - start)


def main(ours_path: str, theirs_path: str, threads: str) -> None:
    """Alternate, and swap who goes first from pair to pair: the second finds warmer caches."""
    ours, theirs = session(ours_path, int(threads)), session(theirs_path, int(threads))
    for _ in range(WARM_UP):
        run_once(ours), run_once(theirs)
    pairs: list[tuple[float, float]] = []
    end = time.perf_counter() + SECONDS
    while len(pairs) < FEWEST or (time.perf_counter() < end and len(pairs) < MOST):
        if len(pairs) % 2:
            second = run_once(theirs)
            pairs.append((run_once(ours), second))
        else:
            first = run_once(ours)
            pairs.append((first, run_once(theirs)))
    figures = {
        "ours_ms": median(a for a, _ in pairs),
        "theirs_ms": median(b for _, b in pairs),
        "ratio": median(a / b for a, b in pairs),
    }
    print(json.dumps(figures))


main(*sys.argv[1:])
