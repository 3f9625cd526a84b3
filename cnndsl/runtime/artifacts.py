"""The door to ONNX Runtime's own training: onnxruntime-training, in its last version."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from cnndsl.diagnostics import UsageError
from cnndsl.runtime.session import plain

INSTALL = "`pip install onnxruntime-training-cpu==1.19.2 torch cnndsl`"
NEEDED = (
    "this needs onnxruntime-training, which takes onnxruntime's place and ends with Python 3.12: "
    f"in an environment of its own, {INSTALL}"
)


def generate_artifacts(
    forward: Path, trained: Sequence[str], frozen: Sequence[str], folder: Path
) -> None:
    """Write the artifacts of a model whose first output is its loss, with AdamW, into a folder.

    `trained` and `frozen` are its initializers by name. Raises UsageError where the package isn't
    there, or has no gradient for an operator of the model.
    """
    artifacts = _artifacts()
    try:
        with _silence():
            artifacts.generate_artifacts(
                str(forward),
                requires_grad=list(trained),
                frozen_params=list(frozen),
                optimizer=artifacts.OptimType.AdamW,
                artifact_directory=str(folder),
            )
            _open(folder)  # what has no kernel is found out here, not on the device
    except Exception as e:  # its exceptions have no common base of their own
        raise UsageError(f"onnxruntime-training can't train this net: {_cause(e)}") from None


def _artifacts() -> Any:
    """The module; it imports torch for no more than a name."""
    if not all(find_spec(name) for name in ("onnxruntime", "torch")):
        raise UsageError(NEEDED)
    try:
        from onnxruntime.training import artifacts  # pyright: ignore
    except ImportError:
        raise UsageError(NEEDED) from None
    return cast("Any", artifacts)


def _open(folder: Path) -> None:
    """Open the training model with its checkpoint, as programs will."""
    from onnxruntime.training import api  # pyright: ignore

    state = cast("Any", api).CheckpointState.load_checkpoint(str(folder / "checkpoint"))
    cast("Any", api).Module(str(folder / "training_model.onnx"), state)


@contextmanager
def _silence() -> Generator[None]:
    """Nothing on the screen: the library tells of every pass over a graph, and can't be asked not
    to. What goes wrong comes as an exception.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _cause(error: Exception) -> str:
    """The operator that has no gradient, or no kernel for it, where that's it."""
    without_rule = re.search(r"gradient builder has not been registered: (\w+)", str(error))
    without_kernel = re.search(r"Could not find an implementation for (\w+?)Grad\(", str(error))
    found = without_rule or without_kernel
    return f"it has no gradient for the operator {found[1]}" if found else plain(error)
