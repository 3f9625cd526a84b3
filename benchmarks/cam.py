"""What a heat map in the model costs: `python -m benchmarks.cam [NET …]`.

Models of `cnndsl compile`, plain and `--with` a heat map, random weights, one picture, one thread,
all in this process and run in turn. The figure is the CPU time of a run over that of the plain
model's, medians over the rounds. So it holds on a busy machine too.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROUNDS = 15
NETS = {"resnet18": "stage2", "mobilenet_v2": "stage4", "squeezenet1_1": "fire5"}
"""Nets, each with a layer in its middle."""


def methods(layer: str) -> list[str]:
    """What is measured against the plain model."""
    return ["cam", f"cam={layer}", "saliency", "guided"]


def measure(net: str, layer: str, rounds: int = ROUNDS) -> dict[str, float]:
    """The CPU time of a run with each method over that of a plain run."""
    import numpy as np

    import cnndsl
    from cnndsl.runtime.model import open_model

    with TemporaryDirectory() as folder:
        runs: dict[str, Callable[[], object]] = {}
        for method in ["", *methods(layer)]:
            path = Path(folder) / "net.onnx"
            cnndsl.compile(net, path, attribution=method or None)
            model = open_model(path, threads=1)
            picture = model.inputs[0]
            size = [1, *(int(n) for n in picture.dims[1:])]
            x = np.random.default_rng(0).standard_normal(size).astype(np.float32)
            feeds, outputs = {picture.name: x}, model.choose()
            runs[method] = lambda model=model, feeds=feeds, outputs=outputs: model(feeds, outputs)
        seconds: dict[str, list[float]] = {method: [] for method in runs}
        for turn in range(rounds + 1):
            for method, run in runs.items():
                start = time.process_time()
                run()
                if turn:  # the first one warms up
                    seconds[method].append(time.process_time() - start)
    plain = median(seconds.pop(""))
    return {method: median(each) / plain for method, each in seconds.items()}


def main(nets: list[str]) -> None:
    """Print a row for each net and method."""
    for net in nets or NETS:
        for method, ratio in measure(net, NETS[net]).items():
            print(f"{net:<14} {method:<12} {ratio:5.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
