"""A net with its weights, wherever they come from: a spec and a file, or an ONNX model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Parameter
from cnndsl.network import Network
from cnndsl.preprocessing import ARITHMETIC, Preprocessing, usual
from cnndsl.shape import Shape
from cnndsl.specs import find, load
from cnndsl.surgery import split_head, with_input
from cnndsl.training.folder import of_run
from cnndsl.training.layout import Float
from cnndsl.weights import Weights
from cnndsl.weights.fetch import open_weights
from cnndsl.weights.mapping import fit
from cnndsl.weights.source import Chunks


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A net, the text of its spec, its weights by the net's names (None for a start from scratch)
    and what belongs to them; `pictures` are fields of the preprocessing that are given by hand,
    `notes` sentences about what was found and done. `guess` says what was taken where the weights
    don't say how pictures were prepared for them, else it is "".
    """

    network: Network
    text: str
    weights: Weights | None
    preprocessing: Preprocessing | None = None
    pictures: Mapping[str, Any] = field(default_factory=dict[str, Any])
    notes: tuple[str, ...] = ()
    guess: str = ""

    def anew(self) -> Pretrained:
        """The net without its weights, and without what belongs to them alone: a net that is
        trained from scratch gets what suits the new data, be it 0 to 255 in BGR that the old one
        was given.
        """
        notes = self.notes
        if self.weights is not None:
            told = "nothing is taken over from the old weights"
            if self.preprocessing is not None:
                told += (
                    ", how they want pictures neither: mean and deviation are measured on the data"
                )
            notes = (*notes, told)
        return replace(self, weights=None, preprocessing=None, notes=notes, guess="")


def open_pretrained(
    model: str,
    weights: str | Path | None = None,
    settings: Mapping[str, int | float | str] | None = None,
    inputs: Mapping[str, Shape] | None = None,
    pictures: Mapping[str, Any] | None = None,
) -> Pretrained:
    """A spec, zoo name, .onnx model or run's folder with its weights, and with other inputs where
    they are given.

    An .onnx model has weights of its own; `weights` takes their place. Of a file of weights, those
    of the classifier may be missing. `pictures` are fields of the preprocessing that are given by
    hand. Raises SpecError, UsageError.
    """
    found, weights = of_run(model, weights)
    model = str(found)
    if Path(model).suffix.lower() == ".onnx":
        if settings:
            raise UsageError(f"`{model}` is no spec, so it has no parameters to set")
        found = _imported(Path(model), inputs or {})
    else:
        source = find(model)
        found = Pretrained(load(source, settings or {})[0], source.text, None)
    if weights is not None:
        found = _with_file(found, weights)
    found = replace(found, pictures=pictures or {})
    if not ARITHMETIC & found.pictures.keys():
        found = _with_preprocessing(found)
    return _with_inputs(found, inputs or {})


def _imported(path: Path, inputs: Mapping[str, Shape]) -> Pretrained:
    from cnndsl.importing import import_model

    if not path.is_file():
        raise UsageError(f"there is no file `{path}`")
    shapes = {
        name: [size for size in shape if isinstance(size, int)] for name, shape in inputs.items()
    }
    try:
        found = import_model(path)
    except UsageError:
        if not shapes:
            raise
        found = import_model(path, shapes)  # sizes that the model leaves open
    return Pretrained(
        found.network,
        found.text,
        _from_arrays(found.values),
        found.preprocessing,
        notes=found.notes,
    )


def _from_arrays(arrays: Mapping[str, Float]) -> Weights:
    def values(name: str, parameter: Parameter) -> Chunks:
        yield arrays[name].reshape(-1)

    return values


def _with_file(found: Pretrained, path: str | Path) -> Pretrained:
    file = open_weights(path)
    mapping = fit(found.network, file, allow_missing=_classifier(found.network))
    mapping.check()
    note = f"weights from {file.path.name}: {mapping.summary()}"
    return replace(
        found,
        weights=mapping.weights(),
        preprocessing=file.preprocessing,
        notes=(*found.notes, note, *mapping.notes),
    )


def _classifier(network: Network) -> tuple[str, ...]:
    """What is to be replaced anyway, where there is a classifier."""
    try:
        return (split_head(network).classifier.owner,)
    except UsageError:
        return ()


def _with_preprocessing(found: Pretrained) -> Pretrained:
    """ImageNet's usual one for its nets whose weights don't say; else it is measured."""
    if found.weights is None or found.preprocessing is not None:
        return found
    network = found.network
    how = usual(network.inputs[0].shape.channels, network.shapes[network.outputs[0]].channels)
    taken = "mean and deviation are measured on the data instead"
    if how is not None:
        taken = f"taken as usual for ImageNet, {how.describe()}"
    guess = (
        f"the weights don't say how pictures were prepared for them: {taken}; --scale, --mean, "
        f"--std and --bgr say otherwise"
    )
    return replace(found, preprocessing=how, guess=guess)


def _with_inputs(found: Pretrained, inputs: Mapping[str, Shape]) -> Pretrained:
    network, weights, notes = found.network, found.weights, found.notes
    for name, shape in inputs.items():
        before = network.inputs[0].shape
        network, weights = with_input(network, shape, weights, name=name)
        if shape != before:
            notes = (*notes, f"input {shape} instead of {before}")
    found = replace(found, network=network, weights=weights, notes=notes)
    grey = inputs and network.inputs[0].shape.channels == 1
    return _with_one_number(found) if grey else found


def _with_one_number(found: Pretrained) -> Pretrained:
    """Mean and deviation of colours as those of grey: their averages, since the first layer's
    weights are the colours' sum.
    """
    how = found.preprocessing
    if how is not None:
        how = replace(how, mean=(fmean(how.mean),), std=(fmean(how.std),))
    numbers = {n: (fmean(found.pictures[n]),) for n in ("mean", "std") if n in found.pictures}
    return replace(found, preprocessing=how, pictures={**found.pictures, **numbers})


def values_of(network: Network, weights: Weights, names: set[str]) -> dict[str, Float]:
    """Values of some of a network's parameters. Raises UsageError as `weights` does."""
    found: dict[str, Float] = {}
    for step in network.steps:
        for parameter in step.layer.parameters(*network.input_shapes(step)):
            name = f"{step.owner}.{parameter.name}"
            if name in names and name not in found:
                pieces = list(weights(name, parameter))
                found[name] = np.concatenate(pieces).reshape(parameter.shape).astype(np.float32)
    return found
