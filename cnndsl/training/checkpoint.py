"""A training's whole state in one file, which is always either the old one or the new one.

It is a .safetensors file: weights by their names, `state/MOMENTUM/NAME` for what the optimiser
keeps, `average/NAME` for averaged weights, the loss scale, and the progress as text. Random numbers
need no place in it: they are functions of seed, epoch, step and layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.training.averaging import Average
from cnndsl.training.progress import Progress
from cnndsl.training.train_step import TrainStep
from cnndsl.weights.save import Float, read_tensors, write_tensors

FORMAT = "1"
SCALE = "state//loss_scale"


def save_checkpoint(
    path: Path, train_step: TrainStep, average: Average | None, progress: Progress
) -> None:
    """Write everything that a training needs to go on. Raises OSError."""
    metadata = {"cnndsl.checkpoint": FORMAT, "cnndsl.progress": progress.to_json()}
    write_tensors(path, gathered(train_step, average), metadata)


def read_progress(path: Path) -> Progress:
    """How far the training is that a checkpoint was written of. Raises UsageError."""
    return _progress(path, read_tensors(path)[1])


def load_checkpoint(path: Path, train_step: TrainStep, average: Average | None) -> Progress:
    """Put everything back. Raises UsageError where the file is damaged or of another training."""
    tensors, metadata = read_tensors(path)
    progress = _progress(path, metadata)
    try:
        restore(tensors, train_step, average, progress.steps)
    except UsageError as e:
        raise UsageError(f"`{path}` is of another training: {e}") from None
    return progress


def gathered(train_step: TrainStep, average: Average | None) -> dict[str, Float]:
    """Weights, states and averages by the names that they have in a checkpoint."""
    tensors: dict[str, Float] = dict(train_step.weights.read())
    for prefix, part in _parts(train_step, average).items():
        tensors |= {prefix + name: values for name, values in part.items()}
    if train_step.scale is not None:
        tensors[SCALE] = train_step.scale.read()
    return tensors


def restore(
    tensors: Mapping[str, Float], train_step: TrainStep, average: Average | None, steps: int
) -> None:
    """Put back what `gathered` took after so many steps, maybe in the stage before: what is trained
    from here on begins without states, and its average is itself, as is that of statistics that
    have none yet. Raises UsageError.
    """
    train_step.weights.write(tensors)
    layout = train_step.weights.trained.layout
    fresh = train_step.update.fresh(layout, steps)
    for state, buffer in train_step.update.states.items():
        nothing = {name: np.zeros(layout[name].shape, np.float32) for name in fresh}
        buffer.write(layout.joined(nothing | _under(f"state/{state}/", tensors)))
    if train_step.scale is not None and SCALE in tensors:
        train_step.scale.write(tensors[SCALE])
    if average is not None:
        itself = {name: tensors[name] for name in (*fresh, *average.statistics.layout)}
        average.write(itself | _under("average/", tensors))


def _progress(path: Path, metadata: Mapping[str, str]) -> Progress:
    if metadata.get("cnndsl.checkpoint") != FORMAT:
        raise UsageError(f"`{path}` is no checkpoint that this version of cnndsl can read")
    return Progress.from_json(metadata.get("cnndsl.progress", ""))


def _parts(train_step: TrainStep, average: Average | None) -> dict[str, dict[str, Float]]:
    layout = train_step.weights.trained.layout
    parts = {
        f"state/{state}/": layout.views(buffer.read())
        for state, buffer in train_step.update.states.items()
    }
    return parts | ({"average/": average.read()} if average else {})


def _under(prefix: str, tensors: Mapping[str, Float]) -> dict[str, Float]:
    return {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
