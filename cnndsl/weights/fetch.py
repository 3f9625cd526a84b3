"""Pretrained weights by name, from the user's cache or their official address."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.downloads import BLOCK, Progress, fetch
from cnndsl.files import replaced
from cnndsl.resources import cache_folder
from cnndsl.weights.known import Known, imagenet_labels, known_weights
from cnndsl.weights.opening import open_tensors
from cnndsl.weights.tensors import TensorFile


def weights_folder() -> Path:
    """Where weights are kept: $CNNDSL_WEIGHTS, or the user's cache."""
    given = os.environ.get("CNNDSL_WEIGHTS")
    return Path(given).expanduser() if given else cache_folder() / "weights"


def find_known(name: str) -> Known:
    """The weights of that name. Raises UsageError."""
    table = known_weights()
    if name not in table:
        hint = did_you_mean(name, table, "`cnndsl weights fetch` lists those that are known")
        raise UsageError(f"there is no file `{name}`, and no known weights are called so; {hint}")
    return table[name]


def fetch_weights(known: Known, progress: Progress | None = None) -> Path:
    """The file, downloaded unless it is there, and the same as when it came.

    The beginning of its SHA-256 is known beforehand; the whole is kept beside it from the first
    time on. Raises UsageError.
    """
    folder, download = weights_folder(), known.download
    path = folder / download.name
    try:
        fetch(download, folder, progress)
    except UsageError as e:
        address = download.addresses[0]
        raise UsageError(
            f"{e}; a machine without a network takes the file from {address} by way of another: "
            f"put it into `{folder}`"
        ) from None
    pin = path.with_name(path.name + ".sha256")
    found = _sha256(path)
    expected = pin.read_text(encoding="ascii").strip() if pin.is_file() else download.sha256
    if not found.startswith(download.sha256) or not found.startswith(expected):
        raise UsageError(
            f"`{path}` is no longer, or never was, the file that is known: its SHA-256 begins "
            f"{found[:8]} instead of {expected[:8]}; delete it, and it is fetched anew"
        )
    if not pin.is_file():
        with replaced(pin) as file:
            file.write(f"{found}\n".encode("ascii"))
    return path


def open_weights(source: str | Path, progress: Progress | None = None) -> TensorFile:
    """A file of weights, or known ones by their name, with the preprocessing and labels that belong
    to them. Raises UsageError.
    """
    path = Path(source)
    if path.exists() or path.suffix or len(path.parts) != 1:
        return open_tensors(path)
    known = find_known(str(source))
    return replace(
        open_tensors(fetch_weights(known, progress)),
        preprocessing=known.preprocessing,
        labels=imagenet_labels(),
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
