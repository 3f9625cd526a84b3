"""`cnndsl weights fetch`: pretrained weights from their official address."""

from __future__ import annotations

import click

from cnndsl.cli.output import downloading, echo


@click.command("fetch", short_help="Download pretrained weights, or list them.")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """Download known weights into the user's cache (or $CNNDSL_WEIGHTS), unless they
    are there already; without NAME, list what is known.

    The name works wherever --weights does: `cnndsl compile resnet50 --weights resnet50`.
    """
    from cnndsl.weights.fetch import fetch_weights, find_known, weights_folder
    from cnndsl.weights.known import known_weights

    if name:
        return echo(fetch_weights(find_known(name), downloading))
    folder = weights_folder()
    echo(f"{'name':20}{'net':18}{'top-1':>8}  {'size':>7}")
    for known in known_weights().values():
        here = "  here" if (folder / known.download.name).is_file() else ""
        size = f"{known.download.bytes / 1e6:.0f} MB"
        echo(f"{known.name:20}{known.net:18}{known.top1:>6.2f} %  {size:>7}{here}")
