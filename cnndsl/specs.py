"""Finding and reading specs: paths, zoo names, plain text; and the files they use."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl import resources
from cnndsl.diagnostics import Diagnostic, UsageError
from cnndsl.source import Source

if TYPE_CHECKING:  # names for annotations alone: `zoo` and `run` start without the parser
    from cnndsl.network import Network
    from cnndsl.shape import Shape
    from cnndsl.syntax.tree import File

MOST_BYTES = 1 << 20
SUFFIX = ".cnn"


def find(spec: str | Path) -> Source:
    """The source of a spec: a path, a zoo name, `-` for standard input, or (with a line break in
    it) the text itself.

    Raises UsageError where there is no such file, or it is no text.
    """
    if isinstance(spec, str) and "\n" in spec:
        return Source("<text>", spec)
    if str(spec) == "-":
        return Source("<stdin>", sys.stdin.read(MOST_BYTES + 1))
    path = Path(spec)
    if path.is_file():
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
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror}") from None
    if len(data) > MOST_BYTES:
        raise UsageError(f"`{path}` is larger than a spec may be ({MOST_BYTES:,} bytes)")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"`{path}` is no UTF-8 text; a spec is a text file") from None
    return Source(name or str(path), text, path.resolve().parent)


def load(
    spec: str | Path | Source,
    settings: Mapping[str, int | float | str] | None = None,
    input_shapes: Mapping[str, Shape] | None = None,
) -> tuple[Network, list[Diagnostic]]:
    """The network that a spec describes, and warnings.

    Raises SpecError with everything that is wrong in the spec, UsageError where it can't be read.
    """
    from cnndsl.elaborate import elaborate
    from cnndsl.syntax.parse import parse

    source = spec if isinstance(spec, Source) else find(spec)
    return elaborate(
        parse(source),
        prelude=_prelude,
        read_used=_read_used,
        settings=settings,
        input_shapes=input_shapes,
    )


def _prelude() -> File:
    from cnndsl.syntax.parse import parse

    return parse(Source("prelude.cnn", resources.prelude_text()))


def _read_used(source: Source, path: str) -> File:
    """The file named by a `use` line: from the spec's folder or below it, never from elsewhere."""
    from cnndsl.syntax.parse import parse

    if source.folder is None:
        raise LookupError(f"`{path}` can't be found: this text lies in no folder")
    full = (source.folder / path).resolve()
    if Path(path).is_absolute() or not full.is_relative_to(source.folder):
        raise LookupError(f"`{path}` lies outside the spec's folder; copy it there")
    if full.suffix != SUFFIX:
        raise LookupError(f"`{path}` doesn't end in {SUFFIX}")
    if not full.is_file():
        raise LookupError(f"there is no file `{path}` beside the spec")
    try:
        return parse(read(full, name=str(Path(source.name).parent / path)))
    except UsageError as e:
        raise LookupError(str(e)) from None
