"""Opening a file of weights, whatever its format; the format is seen by the content alone.

The file may come from anywhere. No code in it is run, nothing is written, and its claims are
checked before they are trusted. Opening takes at most 80 times the file's size in memory and 64 MiB
beside, and its tensors together may be 100 times the file and 16 MiB, compressed or not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

from cnndsl.diagnostics import UsageError
from cnndsl.printing import printable
from cnndsl.weights.formats.archive import members
from cnndsl.weights.formats.elements import TYPES, width
from cnndsl.weights.formats.limits import LONGEST_NAME, check_expansion
from cnndsl.weights.formats.others import refused
from cnndsl.weights.parametrised import with_plain_weights
from cnndsl.weights.tensors import Array, DamagedError, TensorFile

_OLD_TORCH = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # a pickled number, behind a version
_ZIP = b"PK\3\4"

Members = Collection[str]
"""The names in a zip archive; empty for other files."""

_KINDS: tuple[tuple[str, Callable[[bytes, Members], bool]], ...] = (
    ("torch_zip", lambda _, names: any(n.endswith("/data.pkl") for n in names)),
    ("npz", lambda _, names: any(n.endswith(".npy") for n in names)),
    ("keras_zip", lambda _, names: "model.weights.h5" in names),
    ("keras_h5", lambda start, _: start.startswith(b"\x89HDF\r\n\x1a\n")),
    ("torch_stream", lambda start, _: _OLD_TORCH in start[:32]),
    ("safetensors", lambda start, _: start[6:9] == b"\0\0{"),
    ("onnx_model", lambda start, _: start[:1] == b"\x08" and start[1:2] < b"\x20"),
)
"""The module in `formats/` that reads such a file, by its first bytes and, if it is a zip archive,
by the names in it; the first match is taken.
"""

_START = 512  # bytes


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
        names = members(path) if start.startswith(_ZIP) else ()
        kind = next((module for module, fits in _KINDS if fits(start, names)), None)
        if kind is None:
            raise refused(start)
        found: TensorFile = import_module(f"cnndsl.weights.formats.{kind}").open_file(path)
        found = replace(found, bytes=found.bytes or path.stat().st_size)
        _check(found)
        found = with_plain_weights(found)
    tensors = {
        name: replace(tensor, read=partial(_read, path, tensor.read))
        for name, tensor in found.tensors.items()
    }
    return replace(found, tensors=tensors)


def _read(path: Path, read: Callable[[], Array]) -> Array:
    with _one_sentence(path):
        return read()


def _check(file: TensorFile) -> None:
    """Raise DamagedError for names that no model has, and tensors far larger than the file."""
    for name in file.tensors:
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise DamagedError(f"has a tensor called `{name[:100]}`: that can't be meant")
    total = sum(t.size * width(t.type) for t in file.tensors.values() if t.type in TYPES)
    check_expansion(total, file.bytes)


@contextmanager
def _one_sentence(path: Path) -> Generator[None]:
    """Turn whatever is raised over a damaged file into a UsageError.

    The libraries below (zipfile, zlib, numpy, json) raise a dozen kinds of errors over bytes
    that somebody has chosen, and no list of them would be complete.
    """
    try:
        yield
    except UsageError:
        raise
    except DamagedError as e:
        raise UsageError(f"`{path}` {_plain(str(e))}") from None
    except MemoryError:
        raise UsageError(f"`{path}` doesn't fit into memory") from None
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {_plain(e.strerror or str(e))}") from None
    except Exception as e:
        reason = _plain(str(e)) or type(e).__name__
        raise UsageError(f"`{path}` is damaged ({reason})") from None


def _plain(text: str) -> str:
    """A reason on one line, without characters that a terminal would act on."""
    return printable(text[:300]).rstrip(". ")
