"""`cnndsl look`: what a net looks at, and what its layers make of a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from cnndsl.cli.loading import load_weights
from cnndsl.cli.options import device_options, labels_options, read_size, spec_settings
from cnndsl.cli.output import counted, echo_line
from cnndsl.cli.pictures import picture_options, read_preprocessing, remark_taken
from cnndsl.cli.trained import spec_or_model
from cnndsl.diagnostics import UsageError
from cnndsl.verbs.looking import Show

if TYPE_CHECKING:
    from cnndsl.looking.subject import Subject

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Show what a net looks at in pictures, its maps and kernels.")
@click.argument("model")
@click.argument("pictures", nargs=-1, metavar="[PICTURE]...")
@click.option(
    "--show",
    type=click.Choice(get_args(Show)),
    default="cam",
    show_default=True,
    help="What is to be seen, see above.",
)
@click.option("--at", metavar="LAYER", help="By default the last with maps; of kernels the first.")
@click.option(
    "--class",
    "of",
    multiple=True,
    metavar="NAME|NUMBER",
    help="Of heat maps: by default the best class; repeatable.",
)
@click.option(
    "--channel",
    "channels",
    type=click.IntRange(min=0),
    multiple=True,
    help="Of maps and best: its number; repeatable.",
)
@click.option(
    "--patch", type=click.IntRange(min=1), metavar="PIXELS", help="Of occlusion: the patch's side."
)
@click.option("-o", "--output", type=FILE, help="A .png; by default the model's name and --show.")
@labels_options
@click.option("--weights", metavar="FILE|NAME", help="Of a spec: a file's, or known ones.")
@spec_settings
@click.option("--size", metavar="HxW", help="The size of pictures where the model leaves it open.")
@device_options
@click.option("--seed", type=int, default=0, show_default=True, help="Of a spec without weights.")
@picture_options
@click.option("-q", "--quiet", is_flag=True, help="No remarks, no progress.")
def command(
    model: str,
    pictures: tuple[str, ...],
    show: Show,
    at: str | None,
    of: tuple[str, ...],
    channels: tuple[int, ...],
    patch: int | None,
    output: Path | None,
    labels: Path | None,
    first: int,
    weights: str | None,
    settings: tuple[str, ...],
    inputs: tuple[str, ...],
    size: str | None,
    device: str,
    threads: int | None,
    seed: int,
    quiet: bool,
    **options: Any,
) -> None:
    """Write a picture of what MODEL sees in each PICTURE (files, or folders of them).

    MODEL is an .onnx file, a run's folder, or a spec or zoo name with --weights. What can't be read
    is named, and the exit status is 1 then.

    \b
    --show cam        places that speak for a class: Grad-CAM at LAYER
           saliency   pixels on which the class' score depends most: its gradient
           guided     the same by gradients above 0 alone
           occlusion  places without which the class is less probable
           maps       what LAYER makes of a picture, channel by channel
           kernels    the weights of a convolution
           best       of all pictures the nine that excite a channel most

    \b
    Examples:
      cnndsl look runs/lenet5-001 seven.png
      cnndsl look resnet18 --weights resnet18 dog.jpg --class tabby --class husky
      cnndsl look net.onnx photos/ --show best --at conv4 --channel 12 -o best.png
    """
    from cnndsl.looking.subject import open_subject
    from cnndsl.runtime.labels import read_labels
    from cnndsl.runtime.pictures import usual_preprocessing
    from cnndsl.verbs.looking import view

    path = output or Path(f"{Path(model).stem}-{show}.png")
    _check_output(path)
    opened, known = spec_or_model(model, settings, inputs, weights)
    loaded = None
    if known is not None:
        if isinstance(opened, Path):
            raise UsageError(f"`{model}` has weights of its own, so it takes no others")
        loaded = load_weights(opened, str(known), quiet=quiet or weights is None)
    with open_subject(opened, weights=loaded, seed=seed, threads=threads, device=device) as subject:
        usual = usual_preprocessing(subject.model)
        subject = replace(
            subject,
            how=read_preprocessing(options, subject.model.preprocessing, usual),
            size=read_size(size),
            labels=("",) * first + read_labels(labels) if labels else subject.labels,
        )
        if subject.model.fresh and not quiet:
            echo_line(f"{model} has random weights (seed {seed})", err=True)
        elif show != "kernels" and not quiet:
            remark_taken(options, subject.model.name, subject.model.preprocessing, subject.picture)
        steps = _steps(subject, pictures, show, patch)
        with counted("looking", steps, hidden=quiet or steps < 2) as progress:
            seen = view(subject, pictures, show, at, of, channels, patch, progress)
    seen.save(path)
    if not quiet:
        for line in seen.lines:
            echo_line(line)
        height, width, _ = seen.pixels.shape
        echo_line(f"{path}: {width}x{height} pixels")
    for reason in seen.skipped:
        echo_line(f"left out: {reason}", err=True)
    if seen.skipped:
        raise UsageError(f"{len(seen.skipped):,} of the pictures can't be read")


def _steps(subject: Subject, pictures: tuple[str, ...], show: Show, patch: int | None) -> int:
    """How many steps there are to count."""
    if show in ("kernels", "maps"):
        return 0
    count = len(subject.paths(pictures))
    if show != "occlusion":
        return count
    from cnndsl.looking.heat import patches

    return count * len(patches(subject, patch).corners)


def _check_output(path: Path) -> None:
    if path.suffix.lower() != ".png":
        raise UsageError(f"what is seen goes to a .png, and `{path}` is none")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder `{path.parent}` to write `{path.name}` into")
