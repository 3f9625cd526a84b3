"""Text on its way out to terminals, pages and JSON, and whether it may be coloured.

Names of files, classes, tensors and nodes are chosen by others, and a terminal acts on some
characters instead of showing them. So everything that leaves passes one of these functions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

MARK = "\ufffd"

_UNPRINTABLE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters: escape sequences begin with one of them
    "\xad\u180e\u200b\u2060-\u206f\ufeff"  # of no width, or of no width and isolating directions
    "\u061c\u200e\u200f\u202a-\u202e"  # reading direction: `\u202etac` shows a name backwards
    "\u2028\u2029"  # ends of lines and paragraphs
    "\ud800-\udfff"  # halves of pairs: bytes of file names that are no UTF-8
    "\ufff9-\ufffb\ufffe\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e007f"
    "]"
    # Joiners belong to emoji and to Persian and Indian words; in ASCII they only hide a difference.
    "|(?<![^\x00-\x7f])[\u200c\u200d]"
)


def printable(text: str, keep: str = "") -> str:
    r"""Put a mark in place of every character that a terminal would act on instead of showing it.

    Those in `keep` stay: "\n" for a text of several lines.
    """
    return _UNPRINTABLE.sub(lambda found: found[0] if found[0] in keep else MARK, text)


def encodable(name: str) -> str:
    r"""Spell what is no Unicode in the name of a file as `\udcff`, so that any file can hold it."""
    return name.encode("utf-8", "backslashreplace").decode()


def escape(text: str) -> str:
    """Write a text so that HTML and SVG show it as it is, quotes too."""
    from html import escape  # only pages need its tables

    return escape(printable(text, "\n\t"))


def json_text(content: Any, **options: Any) -> str:
    r"""Write JSON as `json.dumps` does, readable, with `\u` for what a terminal would act on.

    Half a surrogate pair becomes a mark: many readers of JSON refuse it.
    """
    import json

    def escaped(found: re.Match[str]) -> str:
        if found[0] == "\n":
            return "\n"
        return MARK if "\ud800" <= found[0] <= "\udfff" else json.dumps(found[0])[1:-1]

    return _UNPRINTABLE.sub(escaped, json.dumps(content, ensure_ascii=False, **options))


def coloured(stream: TextIO) -> bool:
    """Whether a text for this stream may be coloured.

    NO_COLOR forbids it, FORCE_COLOR and CLICOLOR_FORCE ask for it, or forbid it as `0`; without
    them a terminal that knows colours gets them, unless CLICOLOR is `0`.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if any(
        os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")
    ):
        return True
    return "0" not in (os.environ.get("CLICOLOR"), os.environ.get("FORCE_COLOR")) and is_live(
        stream
    )


def is_live(stream: TextIO) -> bool:
    """Whether a line that is on this stream can be written anew."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def html_table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table as notebooks show it: numbers grouped and on the right, `?` for None."""

    def cell(value: object) -> str:
        if value is None:
            text = "?"
        elif isinstance(value, int):
            text = f"{value:,}"
        else:
            text = f"{value:.4g}" if isinstance(value, float) else escape(str(value))
        side = "left" if isinstance(value, str) else "right"
        return f'<td style="text-align: {side}">{text}</td>'

    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    lines = (f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    body = "\n".join(lines)
    return (
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    )
