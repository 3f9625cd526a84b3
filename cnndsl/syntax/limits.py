"""How large a spec may be, so that no text keeps the parser busy or runs out of stack."""

from __future__ import annotations

import re

MAX_CHARACTERS = 350_000  # read within a second or so; a net of 10,000 layers has room
MAX_LINE = 10_000
MAX_DEPTH = 50
MAX_PARENTHESES = 50
MAX_OPERATORS = 100
MAX_DIGITS = 15

_OPERATOR = re.compile(r"->|\*\*|//|[=!<>]=|[-+*/%<>]|\b(?:and|or|not|if)\b")

Fault = tuple[str, str, str, int, int]  # code, message, help, start and end in the line


def line_fault(text: str) -> Fault | None:
    """Why a line is not even shown to the grammar, or None: too much of something, or parentheses
    that don't match.
    """
    if len(text) > MAX_LINE:
        message = f"this line has more than {MAX_LINE:,} characters"
        return "line-too-long", message, "split it into several lines", 0, 1
    if len(text) > MAX_OPERATORS:
        operators = sum(match[0] != "->" for match in _OPERATOR.finditer(text))
        if operators > MAX_OPERATORS:
            message = f"this line has {operators} operators; at most {MAX_OPERATORS} are read"
            return "line-too-complex", message, "name parts of it with `let`", 0, len(text)
    if ("(" in text or ")" in text) and '"' not in text:  # a file may be named in any way
        return _parentheses(text)
    return None


def _parentheses(text: str) -> Fault | None:
    opened: list[int] = []
    for index, character in enumerate(text):
        if character == "(":
            opened.append(index)
            if len(opened) > MAX_PARENTHESES:
                message = f"parentheses are nested more than {MAX_PARENTHESES} deep"
                help = "name parts of it with `let`"
                return "nested-too-deep", message, help, index, index + 1
        elif character == ")":
            if not opened:
                message, help = "this parenthesis closes nothing", "drop it, or open one before"
                return "unopened-parenthesis", message, help, index, index + 1
            opened.pop()
    if opened:
        message, help = "this parenthesis is never closed", "close it on the same line"
        return "unclosed-parenthesis", message, help, opened[-1], opened[-1] + 1
    return None
