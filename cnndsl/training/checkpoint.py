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
from cnndsl.training.stepper import Stepper
from cnndsl.weights.save import Float, read_tensors, write_tensors

FORMAT = "1"
SCALE = "state//loss_scale"


def save_checkpoint(
    path: Path, stepper: Stepper, average: Average | None, progress: Progress
) -> None:
    """Write everything that a training needs to go on. Raises OSError."""
    metadata = {"cnndsl.checkpoint": FORMAT, "cnndsl.progress": progress.to_json()}
    write_tensors(path, gathered(stepper, average), metadata)


def read_progress(path: Path) -> Progress:
    """How far the training is that a checkpoint was written of. Raises UsageError."""
    return _progress(path, read_tensors(path)[1])


def load_checkpoint(path: Path, stepper: Stepper, average: Average | None) -> Progress:
    """Put everything back. Raises UsageError where the file is damaged or of another training."""
    tensors, metadata = read_tensors(path)
    progress = _progress(path, metadata)
    try:
        restore(tensors, stepper, average, progress.steps)
    except UsageError as e:
        raise UsageError(f"`{path}` is of another training: {e}") from None
    return progress


def gathered(stepper: Stepper, average: Average | None) -> dict[str, Float]:
    """Weights, states and averages by the names that they have in a checkpoint."""
    tensors: dict[str, Float] = dict(stepper.weights.read())
    for prefix, part in _parts(stepper, average).items():
        tensors |= {prefix + name: values for name, values in part.items()}
    if stepper.scale is not None:
        tensors[SCALE] = stepper.scale.read()
    return tensors


def restore(
    tensors: Mapping[str, Float], stepper: Stepper, average: Average | None, steps: int
) -> None:
    """Put back what `gathered` took after so many steps, maybe in the stage before: what is trained
    from here on begins without states, and its average is itself, as is that of statistics that
    have none yet. Raises UsageError.
    """
    stepper.weights.write(tensors)
    layout = stepper.weights.trained.layout
    fresh = stepper.update.fresh(layout, steps)
    for state, buffer in stepper.update.states.items():
        nothing = {name: np.zeros(layout[name].shape, np.float32) for name in fresh}
        buffer.write(layout.joined(nothing | _under(f"state/{state}/", tensors)))
    if stepper.scale is not None and SCALE in tensors:
        stepper.scale.write(tensors[SCALE])
    if average is not None:
        itself = {name: tensors[name] for name in (*fresh, *average.statistics.layout)}
        average.write(itself | _under("average/", tensors))


def _progress(path: Path, metadata: Mapping[str, str]) -> Progress:
    if metadata.get("cnndsl.checkpoint") != FORMAT:
        raise UsageError(f"`{path}` is no checkpoint that this version of cnndsl can read")
    return Progress.from_json(metadata.get("cnndsl.progress", ""))


def _parts(stepper: Stepper, average: Average | None) -> dict[str, dict[str, Float]]:
    layout = stepper.weights.trained.layout
    parts = {
        f"state/{state}/": layout.views(buffer.read())
        for state, buffer in stepper.update.states.items()
    }
    return parts | ({"average/": average.read()} if average else {})


def _under(prefix: str, tensors: Mapping[str, Float]) -> dict[str, Float]:
    return {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
