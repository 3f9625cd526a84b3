"""Names that somebody chose who means ill, or was careless."""

from __future__ import annotations

import re

HOSTILE_NAME = "a\x1b[31mb\x1b]0;c\x07d\x9b2Je\u202ef\u200bg\th\ni\rj\x7fk\x00l\udcffm"
"""Colours, a window's title, a bell, a cleared screen, letters backwards, more lines than one."""

HOSTILE_FILE = HOSTILE_NAME.replace("\x00", "").replace("\udcff", "")
"""The same as a file's name."""


def acted_on(text: str) -> list[str]:
    """Characters of a text that a terminal acts on, other than ends of lines."""
    return re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\ufeff\ud800-\udfff]", text)
