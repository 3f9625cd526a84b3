"""The text of a CSV file, in whatever encoding it is, as rows with the numbers of their lines."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path

from cnndsl.diagnostics import UsageError
from cnndsl.files import check_ordinary

MOST_BYTES = 1 << 30

Row = tuple[int, list[str]]

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_GUESSED = 4096  # bytes that tell whether a text without a mark is UTF-16
_QUOTED = re.compile(r'"[^"]*"')


def read_rows(path: Path) -> tuple[list[Row], str]:
    """Read the lines that aren't empty, with their numbers, at least one; and a remark, or "".

    The text is UTF-8, UTF-16 or, where it is neither, Windows-1252. Fields are separated by commas,
    semicolons, tabs or bars. Raises UsageError.
    """
    try:
        check_ordinary(path)
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"`{path}` is larger than such a list may be ({MOST_BYTES:,} bytes)")
        content = path.read_bytes()
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror or e}") from None
    text, note = _decoded(content, path)
    try:
        rows = parsed(text)
    except csv.Error as e:
        raise UsageError(f"`{path}` is no CSV: {e}") from None
    if not rows or len(rows[0][1]) < 2:
        raise UsageError(f"`{path}` has no lines `path,label`")
    return rows, note


def first_rows(path: Path, size: int = 1 << 16) -> list[list[str]]:
    """Read the rows at the beginning of a file. Raises UsageError, OSError, csv.Error."""
    check_ordinary(path)
    with path.open("rb") as file:
        content = file.read(size)
    whole = len(content) < size
    if not whole:
        content = content[: content.rfind(b"\n") + 1]
    return [row for _, row in parsed(_decoded(content, path)[0])]


def parsed(text: str) -> list[Row]:
    """Split a text into its rows, less empty ones. Raises csv.Error with the line."""
    line = _QUOTED.sub("", text.lstrip().split("\n", 1)[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t|", key=line.count))
    try:
        return [(reader.line_num, row) for row in reader if any(field.strip() for field in row)]
    except csv.Error as e:
        raise csv.Error(f"{e} (line {reader.line_num})") from None


def _decoded(content: bytes, path: Path) -> tuple[str, str]:
    """The text, and a remark where its encoding is a guess. Raises UsageError."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return _text(content[len(mark) :].decode(encoding, "replace"), path), ""
    some = content[:_GUESSED]
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = some[start::2].count(0), some[1 - start :: 2].count(0)
        if zeros > len(some) // 4 and not others:
            return _text(content.decode(encoding, "replace"), path), ""
    try:
        return _text(content.decode("utf-8"), path), ""
    except UnicodeDecodeError:
        pass
    text = _text(content.decode("cp1252", "replace"), path)
    return text, f"`{path.name}` is no UTF-8, so it was read as Windows-1252 (Latin-1)"


def _text(text: str, path: Path) -> str:
    if "\0" in text:
        raise UsageError(f"`{path}` is no text")
    return text
