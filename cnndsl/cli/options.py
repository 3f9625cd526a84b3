"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cnndsl.cli.output import echo_diagnostic, echo_line
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.shape import Shape
from cnndsl.source import Source
from cnndsl.specs import MODEL_SUFFIX, find, load, read_shape, setting_value

if TYPE_CHECKING:
    from cnndsl.importing import Imported
    from cnndsl.surgery.attribution import Attribution

F = TypeVar("F", bound=Callable[..., Any])


def spec_options(function: F) -> F:
    """`SPEC`, `--set` and `--input`."""
    return click.argument("spec")(spec_settings(function))


def spec_settings(function: F) -> F:
    """`--set` and `--input`."""
    function = click.option(
        "--input", "inputs", multiple=True, metavar="[NAME=]SHAPE", help="Another input shape."
    )(function)
    return click.option(
        "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A net parameter's value."
    )(function)


def labels_options(function: F) -> F:
    """`--labels` and `--labels-from`, `labels` and `first`."""
    function = click.option(
        "--labels-from",
        "first",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="The class that the first label names: 1 where class 0 is the background.",
    )(function)
    return click.option(
        "--labels",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The classes' names: a line each, or JSON.",
    )(function)


def device_options(function: F) -> F:
    """`--device` and `--threads`."""
    function = click.option(
        "--threads",
        type=click.IntRange(min=1, max=1024),
        help="By default all cores that this process may use.",
    )(function)
    return click.option(
        "--device",
        type=click.Choice(["cpu", "cuda"]),
        default="cpu",
        show_default=True,
        help="Where to run.",
    )(function)


def attribution_options(function: F) -> F:
    """`--with` and `--class`."""
    function = click.option(
        "--class",
        "of",
        metavar="NAME|NUMBER",
        help="Of --with: the class; by default the best one of each picture.",
    )(function)
    return click.option(
        "--with",
        "method",
        metavar="cam[=LAYER]|saliency|guided",
        help="With a heat map as an output: which places in a picture speak for a class.",
    )(function)


def read_attribution(method: str | None, of: str | None) -> Attribution | None:
    """What `attribution_options` give. Raises UsageError."""
    if method is None:
        if of is not None:
            raise UsageError("--class says of which class a heat map is: ask for one by --with cam")
        return None
    from cnndsl.surgery.attribution import BEST, Attribution

    return Attribution.read(method, BEST if of is None else of)


def find_net(spec: str) -> Source:
    """The source of a spec; that of an ONNX model is the spec that `cnndsl import` makes of it."""
    path = Path(spec)
    if path.suffix.lower() != MODEL_SUFFIX or not path.is_file():
        return find(spec)
    return Source(spec, import_told(path).text)


def import_told(path: Path) -> Imported:
    """An ONNX model as a net; what differs from the model is told. Raises UsageError."""
    from cnndsl.importing import import_model

    imported = import_model(path)
    for note in imported.notes:
        echo_line(f"note: {note}", err=True)
    return imported


def load_spec(
    spec: str | Path | Source, settings: tuple[str, ...] = (), inputs: tuple[str, ...] = ()
) -> Network:
    """The network of a spec with the options' values; warnings go to stderr."""
    if isinstance(spec, str):
        spec = find(spec)
    network, warnings = load(spec, read_settings(settings), read_inputs(inputs))
    for warning in warnings:
        echo_diagnostic(warning)
    return network


def read_settings(settings: tuple[str, ...]) -> dict[str, int | float | str]:
    """`classes=10` as a name and a number (or a layer's word)."""
    read: dict[str, int | float | str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"`--set {setting}` isn't written `--set name=value`")
        read[name.strip()] = setting_value(value.strip())
    return read


def read_inputs(inputs: tuple[str, ...]) -> dict[str, Shape]:
    """`3@320x320` or `image=3@320x320`."""
    read: dict[str, Shape] = {}
    for text in inputs:
        name, _, shape = text.rpartition("=")
        read[name.strip()] = read_shape(shape.strip())
    return read


def read_patterns(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    """`stem,block1.*`, given once or several times, as patterns one by one."""
    parts = [part.strip() for text in texts for part in re.split(r",(?![^\[]*\])", text)]
    return tuple(part for part in parts if part)


def read_size(text: str | None) -> tuple[int, int] | None:
    """`320x480` as height and width; raises UsageError."""
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d{0,4}x[1-9]\d{0,4}", text):
        raise UsageError(f"`--size {text}` isn't written as height and width: --size 320x480")
    height, width = text.split("x")
    return int(height), int(width)
