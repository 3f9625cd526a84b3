"""Keras 3's .keras files: a zip archive with the weights in HDF5, and the configuration in JSON.

Whatever else is in the archive, such as assets, isn't looked at.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cnndsl.weights.formats.archive import members
from cnndsl.weights.formats.hdf5 import File
from cnndsl.weights.formats.keras_config import LARGEST, read_configuration
from cnndsl.weights.formats.keras_h5 import tensor_file
from cnndsl.weights.tensors import DamagedError, TensorFile

WEIGHTS, CONFIGURATION = "model.weights.h5", "config.json"


def open_file(path: Path) -> TensorFile:
    """List the tensors. Raises DamagedError."""
    archive = members(path)
    weights, text = archive[WEIGHTS], archive[CONFIGURATION]
    if text.size > LARGEST:
        raise DamagedError(f"has a configuration of over {LARGEST:,} bytes")
    unpacked = bytes(weights.read()) if weights.compressed else None  # Keras doesn't compress

    def read(begin: int, end: int) -> bytes:
        return bytes(weights.read(begin, end)) if unpacked is None else unpacked[begin:end]

    return tensor_file(path, partial(File, read, weights.size), read_configuration(text.read()))
