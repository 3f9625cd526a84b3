"""`cnndsl weights convert`: the same tensors in a format that everybody reads."""

from __future__ import annotations

from pathlib import Path

import click

from cnndsl.cli.output import counted, echo_line


@click.command(short_help="Write a file's tensors as .safetensors or .npz.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The new file; its suffix, .safetensors or .npz, says which kind it is.",
)
@click.option("--strip", metavar="PREFIX", default="", help="Take this off names: `module.`")
def command(file: Path, output: Path, strip: str) -> None:
    """Write the tensors in FILE as .safetensors or .npz.

    Names, shapes and types stay; bfloat16 becomes float32. So does what FILE says beside them:
    pictures, classes, and the layouts and order of the framework that wrote it.
    """
    from cnndsl.show.figures import size
    from cnndsl.weights.opening import open_tensors
    from cnndsl.weights.writing import convert

    found = open_tensors(file)
    with counted(f"writing {output.name}", len(found.tensors)) as progress:
        convert(found, output, strip, progress)
    count = f"{len(found.tensors):,} tensor{'s' * (len(found.tensors) != 1)}"
    echo_line(f"{output}: {count}, {size(output.stat().st_size)}")
