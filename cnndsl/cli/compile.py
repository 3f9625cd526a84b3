"""`cnndsl compile`: a spec becomes an ONNX model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnndsl.analyse import parameters_of
from cnndsl.cli.loading import allow_missing_option, load_weights
from cnndsl.cli.options import (
    attribution_options,
    load_spec,
    read_attribution,
    spec_options,
)
from cnndsl.cli.output import counted, echo_line
from cnndsl.cli.pictures import picture_options, read_preprocessing
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.show.figures import size
from cnndsl.specs import SUFFIX, find

if TYPE_CHECKING:
    from cnndsl.weights import Mapping as WeightMapping

PROGRESS_FROM = 64 << 20  # bytes; smaller models are written in a moment
RULES = ("auto", "he", "glorot", "lecun", "zeros")


@click.command(short_help="Write a spec as an ONNX model.")
@spec_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The model's file; by default the spec's name with .onnx, in this folder.",
)
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["running", "ort-training"]),
    default="running",
    show_default=True,
    help="ort-training: a folder for ONNX Runtime's own on-device training.",
)
@click.option(
    "--batch", type=click.IntRange(1, 1 << 20), help="Fix the batch; it is open otherwise."
)
@click.option(
    "--weights",
    metavar="FILE|NAME|none",
    help="A file of any format, known weights (`cnndsl weights fetch`), or the graph alone.",
)
@allow_missing_option
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
@click.option("--no-labels", is_flag=True, help="Leave out the labels that the weights bring.")
@click.option("--no-preprocessing", is_flag=True, help="Leave out the weights' preprocessing.")
@attribution_options
@picture_options
@click.option("-q", "--quiet", is_flag=True, help="Say nothing when it went well.")
def command(
    spec: str,
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    output: Path | None,
    purpose: str,
    batch: int | None,
    weights: str | None,
    allow_missing: tuple[str, ...],
    init: str,
    seed: int,
    external: bool,
    labels: Path | None,
    no_labels: bool,
    no_preprocessing: bool,
    method: str | None,
    of: str | None,
    quiet: bool,
    **pictures: Any,
) -> None:
    """Write SPEC as an ONNX model: float32, NCHW, opset 17 or 18, names from the spec.

    Without --weights the model starts from weights drawn by --init from --seed: the same bits on
    every machine. How pictures are prepared is kept in the model: as --scale to --interpolation
    say, and as the weights bring it. `cnndsl weights map SPEC FILE` shows where tensors go.

    --with cam adds an output `cam` Nx1xHxW from 0 to 1: Grad-CAM at LAYER, by default the last with
    maps, for the best class or that of the model's input `class`, which may be left out.
    """
    attribution = read_attribution(method, of)
    source = find(spec)
    network = load_spec(source, settings, inputs)
    name = Path(source.name).stem.strip("<>")
    path = output or Path(f"{name}.onnx")
    if purpose != "ort-training":
        _check_output(path, (Path(spec), Path(weights or "none"), labels))
    elif weights == "none" or external or attribution:
        raise UsageError(
            "ort-training needs the weights inside and no heat map: drop `none`, --external and "
            "--with"
        )
    chosen = None
    if weights is not None and weights != "none":
        chosen = load_weights(network, weights, allow_missing, quiet=quiet)
        if no_labels or no_preprocessing:
            chosen = chosen.without(labels=no_labels, preprocessing=no_preprocessing)
    if purpose == "ort-training":
        folder = output or Path(f"{name}-ort-training")
        _write_artifacts(network, folder, chosen, init, seed, batch, quiet)
        return
    total = 0 if weights == "none" else _weight_bytes(network)

    from cnndsl.verbs import compile as compile_network

    hidden = quiet or total < PROGRESS_FROM
    with counted(f"writing {path.name}", max(total, 1), hidden=hidden) as progress:
        emitted = compile_network(
            network,
            path,
            weights="none" if weights == "none" else chosen,
            init=init,
            seed=seed,
            batch=batch,
            external=external,
            labels=_labels(labels, network),
            preprocessing=read_preprocessing(
                pictures, chosen.file.preprocessing if chosen else None
            ),
            attribution=attribution,
            progress=progress,
        )
    if not quiet:
        beside = f", its weights in {emitted.data}" if emitted.data else ""
        layers = f"{len(network.steps)} layer{'s' * (len(network.steps) != 1)}"
        heat = f" with {method}" if method else ""
        echo_line(f"{path}: {network.name}, {layers}{heat}, {size(emitted.bytes)}{beside}")


def _write_artifacts(
    network: Network,
    folder: Path,
    weights: WeightMapping | None,
    init: str,
    seed: int,
    batch: int | None,
    quiet: bool,
) -> None:
    """What ONNX Runtime's on-device training takes."""
    from cnndsl.training.on_device import write_artifacts
    from cnndsl.weights import initial_weights

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"`{folder}` is a file; the artifacts need a folder: -o FOLDER")
    values = initial_weights(network, init, seed)
    values = weights.weights(values) if weights else values
    paths = write_artifacts(network, values, folder, batch)
    if not quiet:
        files = ", ".join(f"{path.name} {size(path.stat().st_size)}" for path in paths)
        echo_line(f"{folder}: {network.name}, {files}")


def _check_output(path: Path, inputs: tuple[Path | None, ...]) -> None:
    """Raise UsageError where a model can't be written, or would take what it is made of away."""
    if not path.name:
        raise UsageError(f"`-o {path}` is no file's name; write it as `-o net.onnx`")
    if path.is_dir():
        raise UsageError(f"`{path}` is a folder; write the model as `-o {path / 'net.onnx'}`")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder `{path.parent}` to write `{path.name}` into")
    same = any(i and path.exists() and i.exists() and path.samefile(i) for i in inputs)
    if same or path.suffix == SUFFIX:
        raise UsageError(f"the model would replace `{path}`; write it as `-o net.onnx`")


def _weight_bytes(network: Network) -> int:
    steps = network.without_heads()
    return 4 * sum(p.size for s in steps for p in parameters_of(network, s))


def _labels(path: Path | None, network: Network) -> tuple[str, ...] | None:
    """The names of the classes; as many as the net's output has."""
    if path is None:
        return None
    from cnndsl.runtime.labels import read_labels

    labels = read_labels(path)
    output = network.shapes[network.outputs[0]]
    if len(labels) != output.channels:
        message = f"`{path}` names {len(labels)} classes, but the net's output is {output}"
        raise UsageError(message)
    return labels
