"""How convolutions are computed in a training: by predicted times, or by measured ones."""

from __future__ import annotations

from cnndsl.autodiff.autotune import Tuner
from cnndsl.autodiff.forms.choose import Planner
from cnndsl.downloads import cache_folder
from cnndsl.runtime.timing import time_models
from cnndsl.training.config import Config
from cnndsl.training.environment import processor, runtime_version

FILE = "convolutions.json"
"""In the user's cache: what was measured, by machine and layer."""


def planner(config: Config) -> Planner:
    """The one that chooses the forms of convolutions, for the threads of this training."""
    choice = config.training
    threads = choice.threads or 1
    if not choice.autotune:
        return Planner(threads=threads, device=choice.device)
    machine = f"{processor()}, {threads} threads, onnxruntime {runtime_version()}, {choice.device}"
    path = cache_folder() / "cnndsl" / FILE
    tuner = Tuner(lambda models: time_models(models, threads, device=choice.device), machine, path)
    return Planner(threads=threads, device=choice.device, tune=tuner)
