"""The option --weights of several commands: any file, any known name, and what was found, told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cnndsl.cli.options import read_patterns
from cnndsl.cli.output import downloading, echo_line
from cnndsl.network import Network

if TYPE_CHECKING:
    from cnndsl.layers.base import Parameter
    from cnndsl.weights import Mapping as WeightMapping
    from cnndsl.weights.tensors import TensorFile

F = TypeVar("F", bound=Callable[..., Any])
SHOWN = 3  # names of tensors without use


def allow_missing_option(function: F) -> F:
    """`--allow-missing`."""
    return click.option(
        "--allow-missing",
        multiple=True,
        metavar="PATTERNS",
        callback=read_patterns,
        help="Parameters, layers or blocks that the file may lack: they start anew.",
    )(function)


def load_weights(
    network: Network | Mapping[str, Parameter],
    source: str,
    allow_missing: tuple[str, ...] = (),
    *,
    quiet: bool = False,
) -> WeightMapping:
    """Weights in their places; what was found is told on stderr. Raises UsageError."""
    from cnndsl.weights import load

    mapping = load(network, source, allow_missing=allow_missing, progress=downloading)
    found = [] if quiet else [f"weights from {mapping.file.path.name}: {mapping.summary()}"]
    found += doubts(mapping)
    found += [] if quiet else [*mapping.notes, *belongings(mapping.file)]
    for line in found:
        echo_line(line, err=True)
    return mapping


def doubts(mapping: WeightMapping) -> list[str]:
    """What may be wrong with weights that fit: tensors without use, parameters that start anew."""
    lines: list[str] = []
    unused = [entry.tensors[0].name for entry in mapping.of("unused")]
    if unused:
        count = f"{len(unused)} tensor{'s' * (len(unused) != 1)}"
        lines.append(f"`{mapping.file.path}` has {count} that the net doesn't use: {_few(unused)}")
    lines += [f"`{e.tensors[0].name}`: {e.note}" for e in mapping.of("unused") if e.note]
    missing = [e.parameter or "" for e in mapping.of("missing") if not e.required]
    if missing:
        lines.append(f"it has nothing for {_few(missing)}")
    return lines


def _few(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


def belongings(file: TensorFile) -> list[str]:
    """The preprocessing and the labels that come with weights."""
    lines: list[str] = []
    if how := file.preprocessing:
        size = f", resized to {how.resize}" if how.resize else ""
        lines.append(f"pictures: {how.describe()}{size}, {how.crop} crop, {how.interpolation}")
    if labels := file.labels:
        lines.append(f"labels: {len(labels)} ({', '.join(labels[:SHOWN])}, …)")
    return lines
