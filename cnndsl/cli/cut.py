"""`cnndsl cut`: a part of a model as a model of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from cnndsl.cli.options import attribution_options, read_attribution, read_size, spec_settings
from cnndsl.cli.output import echo_line
from cnndsl.cli.pictures import picture_options, read_preprocessing
from cnndsl.cli.trained import spec_or_model
from cnndsl.diagnostics import UsageError
from cnndsl.show.figures import size as shown_size

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Write a part of a model as a model of its own.")
@click.argument("model")
@click.option("--at", multiple=True, metavar="LAYER", help="The part's last layer; repeatable.")
@click.option("--from", "start", metavar="LAYER", help="The part begins behind this layer.")
@attribution_options
@click.option(
    "--size", metavar="HxW", help="Of --with: of pictures, where the model leaves it open."
)
@click.option(
    "-o", "--output", type=FILE, help="By default the model's name and the layer's, in this folder."
)
@click.option("--weights", metavar="FILE|NAME", help="Of a spec: a file's, or known ones.")
@spec_settings
@click.option("--seed", type=int, default=0, show_default=True, help="Of a spec without weights.")
@picture_options
@click.option("-q", "--quiet", is_flag=True, help="Say nothing when it went well.")
def command(
    model: str,
    at: tuple[str, ...],
    start: str | None,
    method: str | None,
    of: str | None,
    size: str | None,
    output: Path | None,
    weights: str | None,
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    seed: int,
    quiet: bool,
    **pictures: Any,
) -> None:
    """Write a part of MODEL as an ONNX model: what leads up to the layer of --at, what lies behind
    the one of --from, or what is between both.

    MODEL is a spec or zoo name (a LAYER is a step, a label or a block, and means the value at its
    end), an .onnx file (a value or node) or a run's folder. How pictures are prepared stays in a
    part that takes them, the names of classes in one that tells them apart.

    --with cam adds an output `cam` Nx1xHxW from 0 to 1: Grad-CAM at a layer, by default the last
    with maps, for the best class or that of the model's input `class`, which may be left out.
    Without --at the whole model is kept, then.

    \b
      cnndsl cut runs/autoencoder-001 --at z -o encoder.onnx
      cnndsl cut runs/autoencoder-001 --from z -o decoder.onnx
    """
    attribution = read_attribution(method, of)
    if not at and start is None and attribution is None:
        raise UsageError("say where the part ends by --at, or where it begins by --from")
    if start is not None and attribution is not None:
        raise UsageError("--with shows heat over a picture, and a part behind --from takes none")
    opened, known = spec_or_model(model, settings, inputs, weights)
    ends = [*([f"from-{start}"] if start else []), *at, *([method] if method else [])]
    part = re.sub(r"[^\w.-]+", "_", "-".join(ends)).strip("_.")
    path = output or Path(f"{Path(model).stem}-{part}.onnx")
    _check_output(
        path, [Path(model), *([opened] if isinstance(opened, Path) else []), Path(weights or ".")]
    )

    from cnndsl.verbs import cut

    emitted = cut(
        opened,
        at,
        path,
        start=start,
        weights=known,
        seed=seed,
        preprocessing=read_preprocessing(pictures),
        attribution=attribution,
        size=read_size(size),
    )
    if quiet:
        return
    if not isinstance(opened, Path) and known is None:
        echo_line(f"{model} has random weights (seed {seed})", err=True)
    beside = f", its weights in {emitted.data}" if emitted.data else ""
    named = [f"from `{start}`"] if start else []
    named += [f"up to {', '.join(f'`{name}`' for name in at)}"] if at else []
    named += [f"with {method}"] if method else []
    echo_line(f"{path}: {model} {' '.join(named)}, {shown_size(emitted.bytes)}{beside}")


def _check_output(path: Path, inputs: list[Path | None]) -> None:
    """Raise UsageError where a model can't be written, or would take what it is made of away."""
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder `{path.parent}` to write `{path.name}` into")
    if any(i and path.exists() and i.exists() and path.samefile(i) for i in inputs):
        raise UsageError(f"the part would replace `{path}`; choose another name by -o")
