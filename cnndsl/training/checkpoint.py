"""A training's whole state in one file, which is always either the old one or the new one.

It is a .safetensors file: weights by their names, `state/MOMENTUM/NAME` for what the optimiser
keeps, `average/NAME` for averaged weights, and the progress as text. Random numbers need no place
in it: they are functions of seed, epoch, step and layer.
"""

from __future__ import annotations

from pathlib import Path

from cnndsl.diagnostics import UsageError
from cnndsl.training.averaging import Average
from cnndsl.training.progress import Progress
from cnndsl.training.stepper import Stepper
from cnndsl.weights.save import Float, read_tensors, write_tensors

FORMAT = "1"


def save_checkpoint(
    path: Path, stepper: Stepper, average: Average | None, progress: Progress
) -> None:
    """Write everything that a training needs to go on. Raises OSError."""
    tensors: dict[str, Float] = dict(stepper.weights.read())
    for prefix, part in _parts(stepper, average).items():
        tensors |= {prefix + name: values for name, values in part.items()}
    metadata = {"cnndsl.checkpoint": FORMAT, "cnndsl.progress": progress.to_json()}
    write_tensors(path, tensors, metadata)


def load_checkpoint(path: Path, stepper: Stepper, average: Average | None) -> Progress:
    """Put everything back. Raises UsageError where the file is damaged or of another training."""
    tensors, metadata = read_tensors(path)
    if metadata.get("cnndsl.checkpoint") != FORMAT:
        raise UsageError(f"`{path}` is no checkpoint that this version of cnndsl can read")
    try:
        stepper.weights.write(tensors)
        layout = stepper.weights.trained.layout
        for state, buffer in stepper.update.states.items():
            values = _under(f"state/{state}/", tensors)
            buffer.write(layout.joined(values))
        if average is not None:
            average.tensors.write(_under("average/", tensors))
    except UsageError as e:
        raise UsageError(f"`{path}` is of another training: {e}") from None
    return Progress.from_json(metadata.get("cnndsl.progress", ""))


def _parts(stepper: Stepper, average: Average | None) -> dict[str, dict[str, Float]]:
    layout = stepper.weights.trained.layout
    parts = {
        f"state/{state}/": layout.views(buffer.read())
        for state, buffer in stepper.update.states.items()
    }
    return parts | ({"average/": average.tensors.read()} if average else {})


def _under(prefix: str, tensors: dict[str, Float]) -> dict[str, Float]:
    return {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
