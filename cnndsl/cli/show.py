"""`cnndsl show`: any stage between the text and the ONNX model."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from cnndsl.cli.options import load_spec, spec_options
from cnndsl.cli.output import echo, echo_content
from cnndsl.files import PREFIX
from cnndsl.network import Network
from cnndsl.specs import find

STAGES = ("tree", "network", "analysis", "graph", "onnx")


@click.command(short_help="Print any stage between the text and the ONNX model.")
@spec_options
@click.option("--stage", type=click.Choice(STAGES), default="network", show_default=True)
def command(spec: str, settings: tuple[str, ...], inputs: tuple[str, ...], stage: str) -> None:
    """Print any stage between the text and the ONNX model.

    tree is what was written, network the same as a flat spec without blocks and loops, analysis
    the report's table, graph the ONNX nodes, onnx the model in ONNX's text form without weights.
    """
    if stage == "tree":
        from cnndsl.show.outline import outline
        from cnndsl.syntax.parse import parse

        return echo(outline(parse(find(spec))))
    network = load_spec(spec, settings, inputs)
    match stage:
        case "network":
            from cnndsl.show.flat import flat

            echo_content(flat(network))
        case "analysis":
            _print_analysis(network)
        case "graph":
            from cnndsl.lower import lower
            from cnndsl.show.nodes import listing

            echo(listing(lower(network)))
        case _:
            echo(_model(network))


def _print_analysis(network: Network) -> None:
    from cnndsl.analyse import analyse
    from cnndsl.cli.report import place, print_table
    from cnndsl.show.report import report

    print_table(report(analyse(network), place(network)))


def _model(network: Network) -> str:
    """The model as `cnndsl compile --weights none` writes it."""
    from cnndsl.lower.text import model_text
    from cnndsl.verbs import compile

    with TemporaryDirectory(prefix=PREFIX) as folder:
        path = Path(folder) / f"{network.name}.onnx"
        compile(network, path, weights="none")
        return model_text(path)
