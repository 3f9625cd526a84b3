"""Steps on demand: what the programs that train have in common.

The benchmark starts one process a side and lets them work in turn. A line with a number of seconds
is answered by a line of JSON: the seconds that each step took, two steps at least.
"""

import json
import sys
import time
from collections.abc import Callable

FEWEST = 2
WARM_UP = 3


def serve(step: Callable[[], float], clock: Callable[[], float] = time.perf_counter) -> None:
    """Do steps until there is no more to read. `step` returns the loss, `clock` gives seconds."""
    for _ in range(WARM_UP):
        step()
    print("ready", flush=True)
    for line in sys.stdin:
        end = time.perf_counter() + float(line)
        seconds: list[float] = []
        while len(seconds) < FEWEST or time.perf_counter() < end:
            start = clock()
            step()
            seconds.append(clock() - start)
        print(json.dumps(seconds), flush=True)
