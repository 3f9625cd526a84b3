"""`cnndsl weights`: files of weights, whatever framework wrote them."""

from __future__ import annotations

import click

from cnndsl.cli.listed import Listed

WEIGHTS = {
    "convert": "Write a file's tensors as .safetensors or .npz.",
    "inspect": "List a file's tensors, and what it says of pictures and classes.",
}
"""Every subcommand with its one-line help; `weights_NAME.py` holds it."""


@click.group(
    cls=Listed,
    listed=WEIGHTS,
    prefix="weights_",
    short_help="Look into files of weights, and convert them.",
)
def command() -> None:
    """Look into files of weights, and convert them.

    FILE is PyTorch's (.pt, .pth, .bin), .safetensors, .npz, an ONNX model, or Keras' (.h5, .keras).
    None of these frameworks is needed, and nothing in a file is run.
    """
