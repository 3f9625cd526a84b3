"""The net that is trained: a spec or an ONNX model, made to fit the data where it can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cnndsl.data.dataset import DataSet
from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.network import Network
from cnndsl.shape import Shape
from cnndsl.specs import find, load
from cnndsl.training.adapters import (
    ModelAdapter,
    OnnxAdapter,
    SpecAdapter,
    model_adapter,
    spec_adapter,
)
from cnndsl.training.folder import RunFolder

CLASSES = "classes"
"""The net's parameter that is set to the number of classes found."""


def adapter_for(
    name: str,
    data: DataSet,
    settings: Mapping[str, int | float | str],
    inputs: Mapping[str, Shape],
) -> tuple[ModelAdapter, list[str]]:
    """A spec, zoo name or .onnx file for these data, and what was done to make it fit, a sentence
    each. Raises SpecError where a spec has mistakes, UsageError where there is no such file.
    """
    if Path(name).suffix.lower() == ".onnx":
        if settings:
            raise UsageError(f"`{name}` is no spec, so it has no parameters to set")
        adapter = model_at(Path(name), inputs)
        return adapter, _sizes(adapter, data, lambda shape: False)
    adapter, notes = _spec(name, data, settings, inputs)
    values = adapter.network.settings  # with what was set for the data

    def takes(shape: Shape) -> bool:
        try:
            load(find(name), values, {"": shape})
        except SpecError:
            return False
        return True

    return adapter, notes + _sizes(adapter, data, takes)


def first_adapter(
    name: str, settings: Mapping[str, int | float | str], inputs: Mapping[str, Shape]
) -> ModelAdapter | None:
    """A spec's net before the data is known, to see what it wants of that; None for an ONNX model.
    Raises SpecError, UsageError.
    """
    if Path(name).suffix.lower() == ".onnx":
        return None
    return spec_adapter(load(find(name), settings, inputs)[0], "")


def kept_adapter(path: Path) -> ModelAdapter:
    """What `ModelAdapter.keep` left in a run's folder. Raises UsageError."""
    folder = RunFolder(path)
    if folder.model.is_file():
        return model_at(folder.model, {})
    written = folder.spec if folder.spec.is_file() else folder.network
    text = find(written).text  # what the model says it comes from
    return spec_adapter(load(find(folder.network))[0], text)


def model_at(path: Path, inputs: Mapping[str, Shape]) -> OnnxAdapter:
    """An ONNX model; `inputs` give sizes that it leaves open. Raises UsageError."""
    if not path.is_file():
        raise UsageError(f"there is no file `{path}`")
    return model_adapter(path, {n: (s.channels, *s.sizes) for n, s in inputs.items()})


def _spec(
    name: str,
    data: DataSet,
    settings: Mapping[str, int | float | str],
    inputs: Mapping[str, Shape],
) -> tuple[SpecAdapter, list[str]]:
    source = find(name)
    network, _ = load(source, settings, inputs)
    notes: list[str] = []
    found = network.settings.get(CLASSES)
    classes = data.classes or len(data.pixels)
    if classes and found not in (None, classes) and CLASSES not in settings:
        other, _ = load(source, {**settings, CLASSES: classes}, inputs)
        if _outputs(other) != _outputs(network):  # else it is an inner layer's size
            network = other
            notes.append(f"{CLASSES}={classes} instead of {found}, as the data has it")
    return spec_adapter(network, source.text), notes


def _outputs(network: Network) -> list[int]:
    """How many channels each output has."""
    return [network.shapes[name].channels for name in network.outputs]


def _sizes(adapter: ModelAdapter, data: DataSet, takes: Callable[[Shape], bool]) -> list[str]:
    """What happens to pictures of another size; `takes` says whether the net can have an input."""
    shape = next(iter(adapter.inputs.values()))
    if not data.shape or len(shape.space) != 2 or data.shape[1:] == tuple(shape.space):
        return []
    own = Shape(shape.channels, data.shape[1:])
    across = "x".join(map(str, data.shape[1:]))
    note = f"pictures of {across} are resized to {'x'.join(map(str, shape.space))}"
    return [f"{note}; --input {own} would take them as they are" if takes(own) else note]
