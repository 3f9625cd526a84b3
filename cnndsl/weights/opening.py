"""Opening a file of weights, whatever its format; the format is seen by the content alone.

The file may come from anywhere. No code in it is run, nothing is written, and its claims are
checked before they are trusted. Opening takes at most 64 times the file's size in memory and 32 MiB
beside, and its tensors together may be 100 times the file and 16 MiB, compressed or not.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from cnndsl.diagnostics import UsageError
from cnndsl.weights.formats.elements import TYPES, width
from cnndsl.weights.tensors import Array, Damaged, Tensor, TensorFile

MOST_EXPANSION, ALWAYS_ALLOWED = 100, 16 << 20

_KINDS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("safetensors", lambda start: start[8:9] == b"{"),
)
"""The module in `formats/` that reads a file with such a start; the first match is taken."""

_START = 64  # bytes


def open_tensors(path: Path) -> TensorFile:
    """A file of weights: PyTorch's, safetensors, NumPy's .npz, an ONNX model, or Keras'.

    Raises UsageError, with one sentence, for a file that is none of these, is damaged, or claims
    what can't be true; so does reading a tensor later.
    """
    with _one_sentence(path):
        if not path.is_file():
            raise UsageError(
                f"`{path}` is no ordinary file" if path.exists() else f"there is no file `{path}`"
            )
        with path.open("rb") as file:
            start = file.read(_START)
        kind = next((module for module, fits in _KINDS if fits(start)), None)
        if kind is None:
            raise Damaged(
                "is no file of weights that is known: PyTorch, safetensors, .npz, ONNX or Keras"
            )
        found: TensorFile = import_module(f"cnndsl.weights.formats.{kind}").open_file(path)
        found = replace(found, bytes=found.bytes or path.stat().st_size)
        _check_total(found)
    return replace(found, tensors={n: _guarded(path, t) for n, t in found.tensors.items()})


def _guarded(path: Path, tensor: Tensor) -> Tensor:
    def read() -> Array:
        with _one_sentence(path):
            return tensor.read()

    return replace(tensor, read=read)


def _check_total(file: TensorFile) -> None:
    """Raise Damaged where the tensors together are far larger than the file."""
    total = sum(t.size * width(t.type) for t in file.tensors.values() if t.type in TYPES)
    if total > file.bytes * MOST_EXPANSION + ALWAYS_ALLOWED:
        raise Damaged(
            f"has {file.bytes:,} bytes and claims tensors of {total:,}: that can't be meant"
        )


_DAMAGES = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, EOFError,
    RuntimeError, zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What readers, and the libraries below them, raise over damaged files."""


@contextmanager
def _one_sentence(path: Path) -> Generator[None]:
    """Turn whatever is raised over a damaged file into a UsageError."""
    try:
        yield
    except OSError as e:
        reason = e.strerror or str(e).splitlines()[0] if str(e) else "the system doesn't say why"
        raise UsageError(f"`{path}` can't be read: {_plain(reason)}") from None
    except MemoryError:
        raise UsageError(f"`{path}` doesn't fit into memory") from None
    except Damaged as e:
        raise UsageError(f"`{path}` {_plain(str(e))}") from None
    except _DAMAGES as e:
        raise UsageError(f"`{path}` is damaged ({_plain(str(e)) or type(e).__name__})") from None


def _plain(text: str) -> str:
    """A reason on one line, without characters that a terminal would act on."""
    line = "".join(c if c.isprintable() else "\ufffd" for c in text[:300])
    return line.rstrip(". ")
