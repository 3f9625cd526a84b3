"""The net that is trained: a spec, made to fit the data where it can be."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from cnndsl.data.dataset import DataSet
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.shape import Shape
from cnndsl.source import Source
from cnndsl.specs import find, load

CLASSES = "classes"
"""The net's parameter that is set to the number of classes found."""


def network_for(
    spec: str | Source,
    data: DataSet,
    settings: Mapping[str, int | float | str],
    inputs: Mapping[str, Shape],
) -> tuple[Network, list[str]]:
    """The net for these data, and what was done to make it fit, a sentence each.

    Raises SpecError where the spec has mistakes, UsageError where net and data don't go together.
    """
    source = find(spec) if isinstance(spec, str) else spec
    network, _ = load(source, settings, inputs)
    notes: list[str] = []
    found = network.settings.get(CLASSES)
    if data.classes and found not in (None, data.classes) and CLASSES not in settings:
        network, _ = load(source, {**settings, CLASSES: data.classes}, inputs)
        notes.append(f"{CLASSES}={data.classes} instead of {found}, as the data has it")
    if data.classes and not network.loss:
        _check_classes(network, data)
    shape = network.inputs[0].shape
    if data.shape and len(shape.space) == 2 and data.shape[1:] != tuple(shape.space):
        across = "x".join(map(str, data.shape[1:]))
        notes.append(
            f"pictures of {across} are resized to {'x'.join(map(str, shape.space))}; "
            f"--input {shape.channels}@{across} would take them as they are"
        )
    return network, notes


def _check_classes(network: Network, data: DataSet) -> None:
    output = network.outputs[0]
    channels = network.shapes[output].channels
    if channels != data.classes:
        raise UsageError(
            f"{network.name} answers with {channels} numbers (`{output}`), but the data has "
            f"{data.classes} classes; a spec with a parameter `{CLASSES}` adapts by itself"
        )


def is_trained(name: str, freeze: tuple[str, ...]) -> bool:
    """Whether no pattern matches a parameter's name, its layer's, or a block's around it."""
    parts = name.split(".")
    names = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
    return not any(fnmatchcase(candidate, p) for p in freeze for candidate in names)
