"""`cnndsl run`: pictures or arrays through a model."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnndsl.cli.loading import load_weights
from cnndsl.cli.options import device_options, labels_options, load_spec, read_size
from cnndsl.cli.output import counted, echo, echo_line
from cnndsl.cli.pictures import picture_options, read_preprocessing, remark_taken
from cnndsl.cli.unreadable import check_all_read, named
from cnndsl.diagnostics import UsageError

if TYPE_CHECKING:
    from cnndsl.network import Network
    from cnndsl.runtime import Inputs, Model, Results, Samples
    from cnndsl.runtime.answers import Reading
    from cnndsl.runtime.save import Array, Pixels, Writer

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Run a model on images or arrays.")
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="How many classes to show; 0 shows the extent of the values instead.",
)
@labels_options
@click.option(
    "--softmax/--no-softmax",
    default=None,
    help="Make scores probabilities; by default where they aren't yet.",
)
@click.option("--only", "names", multiple=True, metavar="OUTPUT", help="This output; repeatable.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "array", "json"]),
    help="What is printed: text, or nothing where -o is given; `array`: the numbers themselves.",
)
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="Write outputs to an .npz or .npy; a picture, or the maps of one, to a .png.",
)
@picture_options
@click.option("--size", metavar="HxW", help="The size of pictures where the model leaves it open.")
@click.option(
    "--batch", type=click.IntRange(min=1), help="Examples at a time; by default the model's, or 16."
)
@device_options
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Of a spec: a value.")
@click.option("--input", "shapes", multiple=True, metavar="[NAME=]SHAPE", help="Of a spec.")
@click.option("--weights", metavar="FILE|NAME", help="Of a spec: a file's, or known ones.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Of a spec: where its weights start."
)
@click.option("-q", "--quiet", is_flag=True, help="No remarks on stderr.")
def command(
    model: str,
    inputs: tuple[str, ...],
    top: int,
    labels: Path | None,
    first: int,
    softmax: bool | None,
    names: tuple[str, ...],
    form: str | None,
    output: Path | None,
    size: str | None,
    device: str,
    batch: int | None,
    threads: int | None,
    settings: tuple[str, ...],
    shapes: tuple[str, ...],
    weights: str | None,
    seed: int,
    quiet: bool,
    **pictures: Any,
) -> None:
    """Run MODEL, an .onnx file, a spec or a zoo name, on each INPUT.

    An INPUT is a picture, an .npy or .npz file, or a folder of pictures; for a model with several
    inputs it is `name=file`, or an .npz with all. A spec is compiled, with random weights unless
    --weights gives others. What can't be read is named, and the exit status is 1 then.
    """
    from cnndsl.runtime import gather, stream
    from cnndsl.runtime.answers import check_labels, read_outputs
    from cnndsl.runtime.labels import read_labels
    from cnndsl.runtime.model import open_model
    from cnndsl.runtime.pictures import usual_preprocessing
    from cnndsl.runtime.present import array_lines, json_lines, text_lines
    from cnndsl.runtime.running import batch_size
    from cnndsl.runtime.save import Writer

    warnings.simplefilter("ignore")  # libraries' remarks on odd pictures: errors say what matters
    given = read_labels(labels) if labels else None
    network = _network(model, settings, shapes, weights)
    loaded = load_weights(network, weights, quiet=quiet) if network and weights else None
    opened = open_model(network or model, device=device, threads=threads, seed=seed, weights=loaded)
    outputs = opened.choose(names)
    how = read_preprocessing(pictures, opened.preprocessing, usual_preprocessing(opened))
    samples = gather(opened, _by_name(inputs, opened), how, read_size(size), lenient=True)
    form = form or (None if output else "text")

    def read(results: Results) -> list[Reading]:
        named = opened.labels if given is None else given
        ranked = top if opened.targets == "classes" else 0
        readings = read_outputs(results, top=ranked, labels=named, first=first, softmax=softmax)
        if given is not None:
            check_labels(readings, given, first)
        return readings

    if not quiet:
        _remark(opened, samples, pictures, seed)
    with ExitStack() as stack:
        results = named(stream(samples, outputs, batch), samples)
        writer = None
        if output:
            assert samples.unreadable is not None
            ports = tuple(port.name for port in outputs)
            writer = Writer(output, ports, samples.count, samples.unreadable, _drawn)
            results = _written(results, stack.enter_context(writer))
        if samples.count > batch_size(opened, batch) and not (form and sys.stdout.isatty()):
            results = _watched(results, samples.count)
        if form == "json":
            _print(json_lines(results, read, opened, samples))
        elif form == "array":
            _print(array_lines(results))
        elif form == "text":
            _print(text_lines(results, read))
        else:
            for _ in results:
                pass
    if writer and not quiet:
        for note in writer.notes:
            echo_line(note, err=True)
    check_all_read(samples)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        echo(line)


def _network(
    model: str, settings: tuple[str, ...], shapes: tuple[str, ...], weights: str | None
) -> Network | None:
    """The network of a spec; None for an ONNX model, which takes none of a spec's options."""
    from cnndsl.runtime.model import is_spec

    if is_spec(model):
        return load_spec(model, settings, shapes)
    if settings or shapes:
        raise UsageError(f"`{model}` is no spec, so --set and --input don't apply to it")
    if weights:
        raise UsageError(f"`{model}` is no spec, so --weights doesn't apply: it has its own")
    return None


def _by_name(inputs: tuple[str, ...], model: Model) -> Inputs:
    """`left=a.png right=b.png` for a model that has these inputs; else the paths as they are."""
    known = {port.name for port in model.inputs}
    pairs = [(name, path) for name, _, path in (text.partition("=") for text in inputs)]
    if not all(name in known and path for name, path in pairs):
        return list(inputs)
    by_name = dict(pairs)
    if len(by_name) < len(pairs):
        raise UsageError("an input of the model is given twice")
    return by_name


def _remark(model: Model, samples: Samples, options: dict[str, Any], seed: int) -> None:
    """What a user should know and can't see in the results."""
    if model.fresh:
        echo_line(
            f"{model.name} has random weights (seed {seed}), so its answers mean nothing yet",
            err=True,
        )
    elif samples.picture:
        remark_taken(options, model.name, model.preprocessing, samples.picture)
    if samples.others:
        from cnndsl.runtime.searching import described

        echo_line(f"no pictures, left out: {described(samples.others)}", err=True)


def _drawn(array: Array, name: str) -> tuple[Pixels, str]:
    from cnndsl.looking.maps import as_picture

    return as_picture(array, name)


def _written(stream: Iterable[Results], writer: Writer) -> Iterator[Results]:
    for results in stream:
        writer.add(results)
        yield results


def _watched(stream: Iterable[Results], count: int) -> Iterator[Results]:
    """With a progress bar on stderr, where that is a terminal."""
    with counted("running", count) as progress:
        for results in stream:
            yield results
            progress(len(results.sources))
