"""`cnndsl import`: an ONNX model becomes a spec and a file of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cnndsl.cli.options import read_inputs
from cnndsl.cli.output import echo_content, echo_line
from cnndsl.cli.pictures import picture_options, read_preprocessing
from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced
from cnndsl.specs import SUFFIX

WEIGHTS_SUFFIX = ".safetensors"


@click.command(short_help="Turn an ONNX model into a spec with its weights.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="The spec's file; by default the model's name with .cnn, in this folder; - prints it.",
)
@click.option(
    "--weights-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of weights; by default the spec's name with .safetensors.",
)
@click.option(
    "--input", "inputs", multiple=True, metavar="[NAME=]SHAPE", help="A size that is left open."
)
@picture_options
@click.option("-q", "--quiet", is_flag=True, help="Say nothing when it went well.")
def command(
    model: Path,
    output: Path | None,
    weights_out: Path | None,
    inputs: tuple[str, ...],
    quiet: bool,
    **pictures: Any,
) -> None:
    """Turn MODEL, an ONNX file from anywhere, into a spec that computes the same.

    Blocks that repeat are folded, residuals and branches found. The weights go into a file beside
    the spec: `cnndsl compile net.cnn --weights net.safetensors`. How pictures are prepared (--scale
    to --interpolation, where the model doesn't say) is kept with the weights.
    """
    prints = output == Path("-")
    spec = output or Path(f"{model.stem}{SUFFIX}")
    weights = weights_out or (None if prints else spec.with_suffix(WEIGHTS_SUFFIX))
    _check(model, output, None if prints else spec, weights)

    from cnndsl.importing import import_model
    from cnndsl.weights.metadata import as_metadata
    from cnndsl.weights.save import write_tensors

    shapes = {name: (shape.channels, *shape.sizes) for name, shape in read_inputs(inputs).items()}
    imported = import_model(model, shapes)
    preprocessing = read_preprocessing(pictures, imported.preprocessing)
    if weights is not None:
        metadata = as_metadata(preprocessing, imported.labels)
        write_tensors(weights, imported.values, metadata)
    if prints:
        echo_content(imported.text)
    else:
        with replaced(spec) as file:
            file.write(imported.text.encode())
    for note in imported.notes:
        echo_line(f"note: {note}", err=True)
    if quiet:
        return
    lines, layers = len(imported.text.splitlines()), len(imported.network.steps)
    beside = "" if weights is None else f", its {len(imported.values)} tensors in {weights}"
    echo_line(f"{spec}: {lines} lines for {layers} layers{beside}", err=prints)
    if preprocessing is not None:
        echo_line(f"pictures: {preprocessing.describe()}", err=prints)


def _check(model: Path, output: Path | None, spec: Path | None, weights: Path | None) -> None:
    """Raise UsageError where a file can't be written, or would take another's place."""
    for path in (spec, weights):
        if path is None:
            continue
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder `{path.parent}` to write `{path.name}` into")
        if path.exists() and model.exists() and path.samefile(model):
            raise UsageError(f"`{path}` would take the model's place; choose another by -o")
    if output is None and spec is not None and spec.exists():
        raise UsageError(f"there is a file `{spec}` already; say where to write by -o")
    if spec is not None and spec == weights:
        raise UsageError(f"the spec and its weights can't both be `{spec}`")
