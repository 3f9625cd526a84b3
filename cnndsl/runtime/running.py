"""Running a model: all at once, or a stream of results that keeps memory flat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.inputs import Inputs, gather
from cnndsl.runtime.model import Model, Port, open_model
from cnndsl.runtime.samples import Batch, Samples, padded
from cnndsl.runtime.session import Array

BATCH = 16
"""Examples at a time where neither the model nor the caller says: enough to keep a CPU busy."""


class Results(Mapping[str, Array]):
    """Outputs by name, float32 N×… as the model gives them (float16 from a float16 model).

    `sources` names the examples in the order of the rows: the paths of pictures, `x.npy[0]` for
    the rows of arrays.
    """

    def __init__(self, outputs: Mapping[str, Array], sources: tuple[str, ...]):
        self.outputs, self.sources = dict(outputs), sources

    def __getitem__(self, name: str) -> Array:
        return self.outputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.outputs)

    def __len__(self) -> int:
        return len(self.outputs)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{n}: {'x'.join(map(str, a.shape))}" for n, a in self.items())
        return f"<Results of {len(self.sources)}: {shapes}>"

    def has_rows(self, name: str) -> bool:
        """Whether an output has a row for each example."""
        shape = self.outputs[name].shape
        return bool(shape) and shape[0] == len(self.sources)


def run(
    model: str | Path | bytes | Network | Model,
    inputs: Inputs,
    *,
    device: str = "cpu",
    batch: int | None = None,
    threads: int | None = None,
    preprocessing: Preprocessing | None = None,
) -> Results:
    """Run a model on pictures or arrays and return its outputs by name.

    `model` is an .onnx file, such a model's bytes, a spec or zoo name (compiled with fresh random
    weights), or what `open_model` returned (`device` and `threads` are then its own).

    `inputs` is one path or array, a list of them, or a mapping from the model's input names to one
    each. Paths are pictures, .npy or .npz files, or folders of pictures. Arrays are fed as they
    are, N×C×H×W or one example of C×H×W; pictures are resized, cropped and normalised as
    `preprocessing` says, by default as the model's metadata do, else to RGB from 0 to 1.

    `batch` is the number of examples at a time, by default the model's own, or 16; `threads` what
    one operator may use, by default all cores of this process. Outputs don't depend on either,
    up to rounding.

    Raises UsageError, with one sentence for people, for whatever can't be read or doesn't fit the
    model, SpecError for a spec with mistakes.
    """
    opened = _opened(model, device, threads)
    samples = gather(opened, inputs, preprocessing)
    return joined(list(stream(samples, opened.choose(), batch)))


def stream(
    samples: Samples, outputs: tuple[Port, ...], batch: int | None = None
) -> Iterator[Results]:
    """Results of one batch after another, from what `gather` returned and `Model.choose` chose.

    Raises UsageError as soon as a picture can't be read (unless `gather` was lenient), the model
    fails, or `batch` isn't what the model is fixed to.
    """
    model = samples.model
    size = batch_size(model, batch)
    for piece in samples.batches(size):
        full = padded(piece, size) if model.batch else piece
        results = model(full.feeds, outputs)
        yield Results(_without_padding(results, full, size), piece.sources)


def batch_size(model: Model, batch: int | None) -> int:
    """How many examples to run at a time. Raises UsageError where the model is fixed to others."""
    if batch is not None and batch < 1:
        raise UsageError(f"a batch has at least one example, not {batch}")
    if batch and model.batch and batch != model.batch:
        raise UsageError(f"{model.name} is fixed to batches of {model.batch}, not {batch}")
    return model.batch or batch or BATCH


def joined(batches: list[Results]) -> Results:
    """One after the other. Raises UsageError where outputs differ in shape between the batches."""
    if len(batches) == 1:
        return batches[0]
    sources = tuple(source for results in batches for source in results.sources)
    outputs: dict[str, Array] = {}
    for name in batches[0]:
        arrays = [results[name] for results in batches]
        shapes = {array.shape[1:] for array in arrays}
        if len(shapes) > 1 or not all(results.has_rows(name) for results in batches):
            raise UsageError(differing(name))
        outputs[name] = np.concatenate(arrays)
    return Results(outputs, sources)


def differing(output: str) -> str:
    """Why outputs can't be put into one array."""
    return (
        f"output `{output}` has another shape for each batch, so they make no single array; "
        f"run one input at a time, or give all the same size"
    )


def _opened(model: str | Path | bytes | Network | Model, device: str, threads: int | None) -> Model:
    if isinstance(model, Model):
        return model
    return open_model(model, device=device, threads=threads)


def _without_padding(results: dict[str, Array], batch: Batch, size: int) -> dict[str, Array]:
    kept = len(batch.sources)
    if batch.whole or kept == size:
        return results
    return {n: a[:kept] if a.shape[:1] == (size,) else a for n, a in results.items()}
