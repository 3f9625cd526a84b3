"""`cnndsl data`: data sets looked at before they are trained on."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnndsl.cli.listed import Group
from cnndsl.cli.output import counted, downloading, echo, echo_line
from cnndsl.diagnostics import UsageError
from cnndsl.printing import json_text

if TYPE_CHECKING:
    from cnndsl.data import DataSet
    from cnndsl.preprocessing import Preprocessing

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
TILE = 128, 128  # pixels of a photo in the mosaic
MOST_TILE = 512

DATA_DIR = click.option("--data-dir", type=FOLDER, help="Where built-in data sets lie, or are put.")


@click.group(cls=Group, short_help="Check a data set, and show what augmentation makes of it.")
def command() -> None:
    """Look at data sets.

    DATA is a folder of class folders (with or without train, val and test above them), a CSV file
    `path,label[,split]`, an .npz with images and labels, the folder of MNIST-style idx files, or a
    built-in name (`cnndsl data list`). Pictures alone, in a folder, an .npz or an .npy, are for
    nets that are to give them back.
    """


@command.command("list")
@DATA_DIR
def list_(data_dir: Path | None) -> None:
    """List the built-in data sets, and which of them are at hand."""
    from cnndsl.data.builtin import BUILTINS
    from cnndsl.data.places import data_folders

    folders = data_folders(data_dir)
    for name, builtin in BUILTINS.items():
        here = next((folder / name for folder in folders if (folder / name).is_dir()), None)
        state = str(here) if here else f"{builtin.bytes / 1e6:.0f} MB to download"
        echo_line(f"{name:15} {builtin.describes:52} {state if builtin.downloads else ''}".rstrip())


@command.command()
@click.argument("name")
@DATA_DIR
def fetch(name: str, data_dir: Path | None) -> None:
    """Download a built-in data set, unless it is there already."""
    from cnndsl.data import BUILTINS
    from cnndsl.diagnostics import did_you_mean

    if name not in BUILTINS:
        hint = did_you_mean(name, BUILTINS, f"there are {', '.join(BUILTINS)}")
        raise UsageError(f"there is no built-in data set `{name}`; {hint}")
    data = opened(name, data_dir)
    echo_line(data.describe() + (f" in {data.where}" if data.where else ""))


@command.command()
@click.argument("data")
@DATA_DIR
@click.option(
    "--augment", default="light", show_default=True, help="none, light, strong, or a .toml file."
)
@click.option("--size", metavar="HxW", help="The net's input; by default that of the pictures.")
@click.option("--mosaic", type=FILE, help="Where to draw samples.  [default: NAME-samples.png]")
@click.option("--no-mosaic", is_flag=True, help="Draw none.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--strict", is_flag=True, help="Fail on damaged pictures, leaks or contradictions.")
def check(
    data: str,
    data_dir: Path | None,
    augment: str,
    size: str | None,
    mosaic: Path | None,
    no_mosaic: bool,
    seed: int,
    form: str,
    strict: bool,
) -> None:
    """Look at every picture of DATA: counts, damages, copies, leaks, sizes.

    Copies are found bit by bit, and in other sizes and compressions. A mosaic shows samples as they
    are and as augmentation changes them.
    """
    from cnndsl.data import read_augmentation
    from cnndsl.data.check import check as check_data
    from cnndsl.data.present import as_data, as_text

    warnings.simplefilter("ignore")  # libraries' remarks on odd pictures: what matters is found
    found = opened(data, data_dir, seed)
    augmentation = read_augmentation(augment, found.mirror)
    sides = read_sides(size, found)
    with counted("looking", sum(map(len, found.splits.values()))) as progress:
        findings = check_data(found, progress)
    how = _measured(found, sides, seed)
    drawn = None
    if not no_mosaic and how is not None:
        from cnndsl.data.mosaic import mosaic as put_together
        from cnndsl.data.mosaic import write_mosaic

        drawn = mosaic or Path(f"{found.name}-samples.png")
        write_mosaic(put_together(found, augmentation, sides, how, seed), drawn)
    if form == "json":
        echo(json_text(as_data(findings, how, drawn), indent=2))
    else:
        echo(as_text(findings, how))
        if drawn:
            changed = augmentation.describe() if augmentation else "nothing is augmented"
            beside = ", each beside its answer" if found.paired else ""
            echo(f"\n{drawn}: samples as they are, then augmented ({changed}){beside}")
    if strict and not findings.sound:
        raise SystemExit(1)


def opened(where: str, data_dir: Path | None, seed: int = 0) -> DataSet:
    """A data set, with a bar on the terminal where it has to be downloaded. Raises UsageError."""
    from cnndsl.data import open_data

    return open_data(
        where, seed=seed, data_dir=data_dir, progress=downloading, unlabelled=True, numbers=None
    )


def read_sides(text: str | None, data: DataSet) -> tuple[int, int]:
    """`96x128` as height and width; by default what the pictures have. Raises UsageError."""
    if text is None:
        return data.shape[1:] if data.shape else TILE
    sides = [int(side) for side in text.split("x") if re.fullmatch(r"[1-9]\d{0,3}", side)]
    if len(sides) != text.count("x") + 1 or len(sides) != 2 or max(sides) > MOST_TILE:
        raise UsageError(f"`--size {text}` is no height and width up to {MOST_TILE}: 128x128")
    return sides[0], sides[1]


def _measured(data: DataSet, sides: tuple[int, int], seed: int) -> Preprocessing | None:
    """Mean and deviation; None where no picture can be read, which is found out anyway."""
    from cnndsl.data import measured, whole_or_middle
    from cnndsl.runtime.pictures import PictureInput

    channels = data.shape[0] if data.shape else 3
    how = whole_or_middle(data)
    picture = PictureInput(data.name, "float32", channels, *sides, False, how, data.depth)
    try:
        return measured(data.first, picture, seed)
    except UsageError:
        return None
