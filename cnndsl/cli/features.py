"""`cnndsl features`: what a model makes of pictures on the way to its classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnndsl.cli.options import device_options, read_size, spec_settings
from cnndsl.cli.output import counted, echo_line
from cnndsl.cli.pictures import picture_options, read_preprocessing, remark_taken
from cnndsl.cli.train_options import FOLDER
from cnndsl.cli.trained import spec_or_model
from cnndsl.diagnostics import UsageError

if TYPE_CHECKING:
    from cnndsl.transfer.features import Features

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Write what a layer makes of pictures to a file.")
@click.argument("model")
@click.option("--data", required=True, help="A folder of class folders, a .csv, an .npz, a name.")
@click.option("-o", "--output", type=FILE, required=True, help="An .npz, .parquet or .svg file.")
@click.option(
    "--projection",
    type=click.Choice(["pca", "tsne"]),
    default="pca",
    show_default=True,
    help="How an .svg has features in the plane.",
)
@click.option(
    "--at", multiple=True, metavar="LAYER", help="By default the last before the head; repeatable."
)
@click.option("--weights", metavar="FILE|NAME", help="Of a spec: a file's, or known ones.")
@click.option("--split", "splits", multiple=True, help="train, val or test; by default all.")
@click.option(
    "--pool",
    type=click.Choice(["none", "mean", "max"]),
    default="mean",
    show_default=True,
    help="What becomes of maps: all values in a row, or one of each map.",
)
@click.option("--keep-maps", is_flag=True, help="Maps as they are, N×C×H×W.")
@spec_settings
@click.option("--size", metavar="HxW", help="The size of pictures where the model leaves it open.")
@click.option("--data-dir", type=FOLDER, help="Where built-in data sets lie.")
@click.option(
    "--batch", type=click.IntRange(min=1), help="Examples at a time; by default the model's, or 16."
)
@device_options
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Of splits, and of a spec's weights."
)
@picture_options
@click.option("-q", "--quiet", is_flag=True, help="No remarks, no progress.")
def command(
    model: str,
    data: str,
    output: Path,
    at: tuple[str, ...],
    weights: str | None,
    splits: tuple[str, ...],
    projection: Any,
    pool: Any,
    keep_maps: bool,
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    size: str | None,
    data_dir: Path | None,
    batch: int | None,
    device: str,
    threads: int | None,
    seed: int,
    quiet: bool,
    **pictures: Any,
) -> None:
    """Run MODEL up to LAYER on every picture of the data, and write what comes out.

    MODEL is an .onnx file, a run's folder, or a spec or zoo name with --weights. The file holds
    `features` (an example a row), `labels`, `names`, `split` and `classes`. Maps become
    vectors by --pool. An .svg shows each example as a point of its class's colour.
    """
    from cnndsl.data.opening import open_data
    from cnndsl.runtime.pictures import picture_input
    from cnndsl.transfer.extractors import open_extractor
    from cnndsl.transfer.feature_files import check_output, write_features
    from cnndsl.transfer.features import extract

    check_output(output, keep_maps)
    found = open_data(data, seed=seed, data_dir=data_dir)
    total = sum(len(found[name]) for name in splits or found.splits)
    opened, known = spec_or_model(model, settings, inputs, weights)
    made = open_extractor(opened, at, weights=known, seed=seed, device=device, threads=threads)
    how = read_preprocessing(pictures, made.preprocessing, made.usual)
    picture = picture_input(made.model, how or made.usual, read_size(size))
    if not quiet:
        if not isinstance(opened, Path) and known is None:
            echo_line(f"{model} has random weights (seed {seed})", err=True)
        else:
            remark_taken(pictures, model, made.preprocessing, picture)
    with counted("features", total, hidden=quiet) as progress:
        features = extract(
            made,
            found,
            picture,
            splits=splits or None,
            keep_maps=keep_maps,
            pool=pool,
            batch=batch,
            progress=progress,
        )
    write_features(features, output, projection)
    if not quiet:
        echo_line(_remark(features, output))
    for reason in features.skipped.values():
        echo_line(f"left out: {reason}", err=True)
    if features.skipped:
        raise UsageError(f"{len(features.skipped):,} of {total:,} pictures can't be read")


def _remark(features: Features, path: Path) -> str:
    shapes = ", ".join(
        f"`{name}` {'x'.join(map(str, values.shape[1:]))}"
        for name, values in features.arrays.items()
    )
    counts = [f"{features.of(s).sum():,} {s}" for s in dict.fromkeys(features.split.tolist())]
    return f"{path}: {shapes} of {' + '.join(counts)} pictures"
