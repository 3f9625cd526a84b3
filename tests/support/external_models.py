"""External models: their first values, random batches, and results beside torch's."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnndsl.training.graphs import TrainingGraphs
from tests.support.gradients import Arrays


def feeds_for(graphs: TrainingGraphs, values: Arrays, seed: int = 0) -> Arrays:
    random = np.random.default_rng(seed)
    feeds = dict(values)
    for name, slot in graphs.inputs.items():
        feeds[name] = random.standard_normal(slot.shape).astype(np.float32)
    for name, noise in graphs.noises.items():
        feeds[name] = random.random(noise.shape, np.float32)
    for name, slot in graphs.targets.items():
        feeds[name] = random.integers(0, 5, slot.shape)
    return feeds


def close(ours: np.ndarray[Any, Any], theirs: Any) -> None:
    theirs = theirs.detach().numpy()
    scale = max(float(np.abs(theirs).max()), 1e-6)
    np.testing.assert_allclose(ours, theirs.reshape(ours.shape), atol=1e-5 * scale, rtol=1e-4)
