"""Characters that make no token → what is wrong with them, and what to write instead."""

from __future__ import annotations

import re

from cnndsl.diagnostics import Diagnostic
from cnndsl.source import Source, Span

_LOOKALIKES = {
    "×": "x", "·": "*", "→": "->", "−": "-", "–": "-", "—": "-", "“": '"', "”": '"', "„": '"',
    "，": ",", "：": ":", "（": "(", "）": ")", "≠": "!=", "≤": "<=", "≥": ">=", "[": "(", "]": ")",
    "\xa0": " ",
}  # fmt: skip


def explain_characters(source: Source, offset: int, rest: str) -> Diagnostic:
    """The error at an offset where no token starts; `rest` is the line from there on."""
    character = rest[:1] or source.text[offset : offset + 1]
    word = re.match(r"[^\s(),:=|]+", rest)
    code, message, help, length = (
        _string(rest)
        or _lookalike(character)
        or (word and (_number(word[0]) or _brace(word[0], rest) or _name(word[0])))
        or _other(character)
    )
    return Diagnostic(code, message, Span(source, offset, offset + length), help)


_Finding = tuple[str, str, str, int] | None  # code, message, help, length


def _string(rest: str) -> _Finding:
    if not rest.startswith('"') or rest.count('"') > 1:
        return None
    return "unterminated-string", "this string is never closed", 'write `"` after it', 1


def _lookalike(character: str) -> _Finding:
    instead = _LOOKALIKES.get(character)
    if instead is None:
        return None
    help = f"write `{instead}`" if instead.strip() else "write an ordinary blank"
    message = f"{_shown(character)} isn't a sign of the language"
    return "unexpected-character", message, help, 1


def _number(word: str) -> _Finding:
    if not re.match(r"\.?[0-9]", word):
        return None
    code, help = "bad-number", "a number is written `64`, `0.5` or `1e-5`"
    message = f"`{word}` isn't a number"
    if re.match(r"[0-9]+([xX]|\{)", word):
        code, help = "bad-size", "a size is written `5x5`, with a computed value `{n}x1`"
        message = f"`{word}` isn't a size"
    elif re.match(r"[0-9.]+(?![eE])[A-Za-z_]", word):
        help = "put a blank between number and name, or start the name with a letter"
        message = f"`{word}` is neither a number nor a name"
    return code, message, help, len(word)


def _brace(word: str, rest: str) -> _Finding:
    if "{" not in word and "}" not in word:
        return None
    if word.startswith("}") or rest.count("{") != rest.count("}"):
        return "unclosed-brace", "the braces don't match", "write them as in `P{i}`", len(word)
    help = "a computed name is written `P{i}`, a computed value `(4*n)`"
    return "misplaced-brace", "braces can't stand here", help, len(word)


def _name(word: str) -> _Finding:
    option = re.match(r"(op|[skpdg])[0-9]+[.x]", word)
    if option:
        help = f"a value that isn't a whole number is written `{option[1]}=…`"
        return "bad-option", f"`{word}` isn't a short option", help, len(word)
    if not word[0].isalpha() and word[0] != "_":
        return None
    help = "names consist of the letters a to z, digits and `_`, paths of names with dots between"
    return "bad-name", f"`{word}` isn't a name", help, len(word)


def _other(character: str) -> tuple[str, str, str, int]:
    help = "drop it; only comments, which begin with `#`, may hold any character"
    return "unexpected-character", f"{_shown(character)} can't stand here", help, 1


def _shown(character: str) -> str:
    if character.isprintable() and character.strip():
        return f"`{character}`"
    return f"the character U+{ord(character):04X}" if character else "the end of the file"
