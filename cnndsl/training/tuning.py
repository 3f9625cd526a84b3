"""How convolutions are computed in a training: by predicted times, or by measured ones."""

from __future__ import annotations

from dataclasses import replace

from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.autodiff.autotune import Tuner
from cnndsl.diagnostics import UsageError
from cnndsl.resources import cache_folder
from cnndsl.runtime.timing import time_models
from cnndsl.training.config import Config
from cnndsl.training.environment import processor, runtime_version

FILE = "convolutions.json"
"""In the user's cache: what was measured, by machine and layer."""


def planner(config: Config) -> Planner:
    """The one that chooses the algorithms of convolutions, for the threads of this training.

    Raises UsageError where the device can't compute in the precision that is asked for.
    """
    choice = config.training
    if choice.precision == "bfloat16" and choice.device == "cpu":
        raise UsageError(
            "ONNX Runtime has no arithmetic in bfloat16 on the CPU; take --device cuda, or "
            "--precision float16, which the CPU imitates"
        )
    threads = choice.threads or 1
    plain = Planner(threads=threads, device=choice.device, precision=choice.precision)
    if not choice.autotune:
        return plain
    machine = f"{processor()}, {threads} threads, onnxruntime {runtime_version()}, {choice.device}"
    if choice.precision != "float32":
        machine += f", {choice.precision}"
    path = cache_folder() / FILE
    tuner = Tuner(lambda models: time_models(models, threads, device=choice.device), machine, path)
    return replace(plain, tune=tuner)
