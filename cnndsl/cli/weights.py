"""`cnndsl weights`: files of weights, whatever framework wrote them."""

from __future__ import annotations

import click

from cnndsl.cli.listed import Listed

WEIGHTS = {
    "convert": "Write a file's tensors as .safetensors or .npz.",
    "fetch": "Download pretrained weights, or list them.",
    "inspect": "List a file's tensors, and what it says of pictures and classes.",
    "map": "Show where each tensor of a file goes in a net.",
}
"""Every subcommand with its one-line help; `weights_NAME.py` holds it."""


@click.group(
    cls=Listed,
    listed=WEIGHTS,
    prefix="weights_",
    short_help="Look into files of weights, convert, fetch and fit them.",
)
def command() -> None:
    """Look into files of weights, convert them, fetch known ones, and fit them to nets.

    FILE is PyTorch's (.pt, .pth, .bin), .safetensors, .npz, an ONNX model, or Keras' (.h5, .keras).
    None of these frameworks is needed, and nothing in a file is run.
    """
