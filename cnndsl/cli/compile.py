"""`cnndsl compile`: a spec becomes an ONNX model."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, cast

import click

from cnndsl.analyse import parameters_of
from cnndsl.cli.options import load_spec, spec_options
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.specs import find

PROGRESS_FROM = 64 << 20  # bytes; smaller models are written in a moment
RULES = ("auto", "he", "glorot", "lecun", "zeros")


@click.command(short_help="Write a spec as an ONNX model.")
@spec_options
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The model's file; by default the spec's name with .onnx, in this folder.",
)
@click.option("--batch", type=click.IntRange(min=1), help="Fix the batch; it is open otherwise.")
@click.option("--weights", metavar="FILE|none", help="A .safetensors file, or the graph alone.")
@click.option(
    "--init",
    type=click.Choice(RULES),
    default="auto",
    show_default=True,
    help="How weights are drawn: He's rule for nets with rectifiers, Glorot's else.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Where drawing starts.")
@click.option("--external", is_flag=True, help="Put the weights into a file beside the model.")
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The classes' names, a line each or a JSON list, kept in the model.",
)
@click.option("--mean", help="Mean of each channel, after scaling to 0…1: 0.485,0.456,0.406")
@click.option("--std", help="Standard deviation of each channel: 0.229,0.224,0.225")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing when it went well.")
def command(
    spec: str,
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    output: Path | None,
    batch: int | None,
    weights: str | None,
    init: str,
    seed: int,
    external: bool,
    labels: Path | None,
    mean: str | None,
    std: str | None,
    quiet: bool,
) -> None:
    """Write SPEC as an ONNX model: float32, NCHW, opset 18, names from the spec.

    Without --weights the model starts from weights drawn by --init from --seed: the same bits on
    every machine.
    """
    source = find(spec)
    network = load_spec(source, settings, inputs)
    path = output or Path(f"{Path(source.name).stem.strip('<>')}.onnx")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder `{path.parent}` to write `{path.name}` into")
    chosen = "none" if weights == "none" else None if weights is None else Path(weights)
    total = 0 if chosen == "none" else _weight_bytes(network)

    from cnndsl.verbs import compile as compile_network

    with click.progressbar(
        length=max(total, 1),
        label=f"writing {path.name}",
        file=sys.stderr,
        hidden=quiet or total < PROGRESS_FROM or not sys.stderr.isatty(),
    ) as bar:
        emitted = compile_network(
            network,
            path,
            weights=chosen,
            init=init,
            seed=seed,
            batch=batch,
            external=external,
            labels=_labels(labels),
            preprocessing=_preprocessing(mean, std),
            progress=bar.update,
        )
    if not quiet:
        beside = f", its weights in {emitted.data}" if emitted.data else ""
        size = emitted.bytes / 1e6
        click.echo(f"{path}: {network.name}, {len(network.steps)} layers, {size:,.1f} MB{beside}")


def _weight_bytes(network: Network) -> int:
    steps = network.without_heads()
    return 4 * sum(p.size for s in steps for p in parameters_of(network, s))


def _labels(path: Path | None) -> list[str] | None:
    if path is None:
        return None
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".json":
        return text.splitlines()
    try:
        labels: Any = json.loads(text)
    except ValueError:
        labels = None
    if not isinstance(labels, list):
        raise UsageError(f"`{path}` holds no JSON list of names")
    return [str(label) for label in cast("list[Any]", labels)]


def _preprocessing(mean: str | None, std: str | None) -> Any:
    if mean is None and std is None:
        return None
    from cnndsl.preprocessing import Preprocessing

    return Preprocessing(mean=_numbers("--mean", mean or "0"), std=_numbers("--std", std or "1"))


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(math.isfinite(n) for n in numbers):
        raise UsageError(f"`{option} {text}` is no list of numbers such as 0.485,0.456,0.406")
    return numbers
