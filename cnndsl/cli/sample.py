"""`cnndsl sample`: pictures that a net with a code makes of codes."""

from __future__ import annotations

from pathlib import Path

import click

from cnndsl.cli.output import echo_line
from cnndsl.diagnostics import UsageError

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Make pictures with a trained autoencoder.")
@click.argument("model")
@click.option(
    "-n", "--count", type=click.IntRange(1, 10_000), help="Pictures; by default 64, or 8 steps."
)
@click.option("--between", nargs=2, metavar="A B", help="From one picture to another.")
@click.option("--walk", is_flag=True, help="One number of the code at a time, a row each.")
@click.option("--at", metavar="LAYER", help="The code; by default what the `sample` layer draws.")
@click.option("-o", "--output", type=FILE, help="A .png; by default MODEL-samples.png here.")
@click.option("--weights", metavar="FILE|NAME", help="Of a spec: a file's, or known ones.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing when it went well.")
def command(
    model: str,
    count: int | None,
    between: tuple[str, str] | None,
    walk: bool,
    at: str | None,
    output: Path | None,
    weights: str | None,
    seed: int,
    quiet: bool,
) -> None:
    """Draw codes from the normal distribution that a variational autoencoder was trained for, and
    write the pictures that MODEL makes of them: a grid as .png, the numbers beside it as .npz.

    MODEL is the folder of a run, or a spec with --weights. The same seed gives the same pictures.
    --between needs no distribution, so it works with any autoencoder whose code is named by --at.

    \b
      cnndsl sample runs/conv_vae-001 -n 64
      cnndsl sample runs/conv_vae-001 --walk -o walk.png
      cnndsl sample runs/autoencoder-001 --at z --between a.png b.png
    """
    path = output or Path(f"{Path(model).stem}-samples.png")
    if path.suffix.lower() != ".png":
        raise UsageError(f"pictures go into a .png, and `{path}` is none")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder `{path.parent}` to write `{path.name}` into")

    from cnndsl.verbs import sample

    made = sample(model, count, between=between, walk=walk, at=at, weights=weights, seed=seed)
    arrays = made.save(path)
    if quiet:
        return
    for note in made.notes:
        echo_line(note, err=True)
    echo_line(f"{path}: {len(made.pictures):,} pictures, their numbers and codes in {arrays}")
