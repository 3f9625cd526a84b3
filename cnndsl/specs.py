"""Finding and reading specs: paths, zoo names, plain text; and the files they use."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl import resources
from cnndsl.diagnostics import Diagnostic, UsageError
from cnndsl.source import Source

if TYPE_CHECKING:  # names for annotations alone: `zoo` and `run` start without the parser
    from cnndsl.network import Network
    from cnndsl.shape import Shape
    from cnndsl.syntax.reading import Reading
    from cnndsl.syntax.tree import File

MOST_BYTES = 1 << 20
SUFFIX = ".cnn"
MODEL_SUFFIX = ".onnx"


def find(spec: str | Path) -> Source:
    """The source of a spec: a path, a zoo name, `-` for standard input, or (with a line break in
    it) the text itself.

    Raises UsageError where there is no such file, or it is no text.
    """
    if isinstance(spec, str) and "\n" in spec:
        return Source("<text>", spec)
    if str(spec) == "-":
        return Source("<stdin>", _text(sys.stdin.buffer.read(MOST_BYTES + 1), "standard input"))
    path = Path(spec)
    if _is_file(path):
        return read(path)
    if isinstance(spec, str) and not path.suffix and path.name == spec:
        try:
            found = resources.zoo_path(spec)
        except LookupError as e:
            raise UsageError(f"there is no file `{spec}`, and {e}") from None
        return read(found, name=f"zoo/{found.name}")
    if path.is_dir():
        raise UsageError(f"`{spec}` is a folder; a spec is a file that ends in {SUFFIX}")
    raise UsageError(f"there is no file `{spec}`")


def read(path: Path, name: str | None = None) -> Source:
    """The source in a file; raises UsageError where it can't be read as text."""
    if path.suffix.lower() == MODEL_SUFFIX:
        raise UsageError(f"`{path}` is a model; `cnndsl import {path}` makes a spec of it")
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror}") from None
    return Source(name or str(path), _text(data, f"`{path}`"), path.resolve().parent)


def _text(data: bytes, what: str) -> str:
    try:
        if len(data) > MOST_BYTES and b"\0" not in data:
            raise UsageError(f"{what} is larger than a spec may be ({MOST_BYTES:,} bytes)")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(
            f"{what} is no UTF-8 text; a spec is a text file, and a file of weights goes with one "
            f"by --weights"
        ) from None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, for one
        return False


def load(
    spec: str | Path | Source | File | Reading,
    settings: Mapping[str, int | float | str] | None = None,
    input_shapes: Mapping[str, Shape] | None = None,
) -> tuple[Network, list[Diagnostic]]:
    """The network that a spec, its tree, or what was read of it, describes, and warnings.

    Raises SpecError with everything that is wrong in the spec, UsageError where it can't be read.
    """
    from cnndsl.elaborate import elaborate
    from cnndsl.syntax import parse, reading, tree

    with without_collections():
        if isinstance(spec, tree.File):
            read = reading.Reading(spec)
        elif isinstance(spec, reading.Reading):
            read = spec
        else:
            read = parse.read(spec if isinstance(spec, Source) else find(spec))
        return elaborate(
            read,
            prelude=_prelude,
            read_used=_read_used,
            settings=settings,
            input_shapes=input_shapes,
        )


@contextmanager
def without_collections() -> Generator[None, None, None]:
    """Pause the garbage collector, which would look through the growing tree and network again and
    again: a third of the time for a net of 10,000 layers, and nothing in them is garbage. So what
    was made meanwhile counts as old afterwards.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def is_prelude(source: Source) -> bool:
    """Whether it is the prelude's text, which nobody's spec can mend."""
    return source is _prelude().source


@cache
def _prelude() -> File:
    from cnndsl.syntax.parse import parse

    return parse(Source("prelude.cnn", resources.prelude_text()))


def _read_used(source: Source, path: str) -> File:
    """The file named by a `use` line: from the spec's folder or below it, never from elsewhere.

    It is called after its true place, so that a file is one file by whatever way it is reached.
    """
    from cnndsl.syntax.parse import parse

    if "\0" in path or Path(path).is_absolute() or ".." in Path(path).parts:
        raise LookupError(f"`{path}` may lie outside the spec's folder")
    if source.folder is None:
        raise LookupError(f"`{path}` can't be found, since this text lies in no folder")
    try:
        full = (source.folder / path).resolve()
    except (OSError, RuntimeError):  # links that lead in a circle
        raise LookupError(f"`{path}` can't be found") from None
    if not full.is_relative_to(source.folder):
        raise LookupError(f"`{path}` lies outside the spec's folder")
    if full.suffix != SUFFIX:
        raise LookupError(f"`{path}` doesn't end in {SUFFIX}")
    if not _is_file(full):
        raise LookupError(f"there is no file `{path}` beside the spec")
    name = str(Path(source.name).parent / full.relative_to(source.folder))
    try:
        return parse(read(full, name=name))
    except UsageError as e:
        raise LookupError(str(e)) from None


def read_shape(text: str) -> Shape:
    """`3@224x224` or `@128`; raises UsageError."""
    from cnndsl.shape import Shape

    channels, at, space = text.partition("@")
    try:
        sizes = tuple(int(s) for s in space.split("x"))
        shape = Shape(int(channels), sizes) if channels else Shape(sizes[0])
    except (ValueError, IndexError):
        at = ""
        shape = Shape(0)
    small = all(isinstance(s, int) and 0 < s <= 1 << 20 for s in shape)
    if not at or not small or shape.rank > 3:
        raise UsageError(f"`{text}` is no input shape; write it as `3@224x224`")
    return shape


def setting_value(text: str) -> int | float | str:
    """The value that a text gives a net's parameter: a number where it is one, or a word."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if abs(number) < 1 << 53:
            return number
    return text
