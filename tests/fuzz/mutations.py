"""Accidents that happen to text and to bytes, drawn from random numbers."""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Callable, Sequence
from random import Random

ODD = (
    *("#", '"', "{", "}", "@", "\t", "\x00", "é", "×", "\u202e", "\r", ";", "..", "\x1b[31m"),
    *(
        "\ufeff",
        "\u200b",
        "\u2028",
        "\x85",
        "\x0c",
        "\x0b",
        "e\u0301",
        "𝟙",
        "٣",
        "ａ",
        "\U0001f600",
    ),
    *("\ud800", "-", "->", ":", "|", "*", "(", ")", "[", "]", ",", "=", "\\", "/", "%", "'", "\n"),
)
NUMBERS = (
    *("0", "1", "-1", "2", "7", "0.5", "1e-5", "1e300", "1e999", "nan", "inf", "-inf", "99999"),
    *("1048576", "2147483647", "2147483648", "123456789012", "9007199254740993", "9" * 30),
    *("18446744073709551616", "0x10", "1_000", "01", "true", "''", "[]", "-0.0", "9" * 5000),
)
_TOKEN = re.compile(r"\s+|\w+|.", re.S)
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


def token_changed(text: str, random: Random, words: Sequence[str]) -> str:
    """A token more, less, twice, or another."""
    lines = text.split("\n")
    row = random.randrange(len(lines))
    parts = _TOKEN.findall(lines[row]) or [""]
    place = random.randrange(len(parts))
    match random.randrange(5):
        case 0:
            parts[place] = random.choice(words)
        case 1:
            del parts[place]
        case 2:
            parts.insert(place, f" {random.choice(words)} ")
        case 3:
            parts.insert(place, parts[random.randrange(len(parts))])
        case _:
            other = random.randrange(len(parts))
            parts[place], parts[other] = parts[other], parts[place]
    lines[row] = "".join(parts)
    return "\n".join(lines)


def line_changed(text: str, random: Random) -> str:
    """A line more, less, twice, elsewhere, or moved in or out."""
    lines = text.split("\n")
    row, other = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(6):
        case 0:
            del lines[row]
        case 1:
            lines.insert(row, lines[other])
        case 2:
            lines[row], lines[other] = lines[other], lines[row]
        case 3:
            lines[row] = random.choice(["  ", "    ", "\t", " ", "\u00a0"]) + lines[row]
        case 4:
            lines[row] = lines[row].strip()
        case _:
            lines[row] = lines[row] + random.choice([" ", ""]) + lines[other].strip()
    return "\n".join(lines)


def character_changed(text: str, random: Random) -> str:
    """A character more, less, twice, or another."""
    place = random.randrange(len(text) + 1)
    after = place + random.choice([0, 0, 1, 1, 2, 5, 20])
    inserted = random.choice(["", random.choice(ODD), chr(random.randrange(0x20, 0x7F))])
    return text[:place] + inserted + text[after:]


def number_changed(text: str, random: Random) -> str:
    """Another number in place of one."""
    found = list(_DIGITS.finditer(text))
    if not found:
        return text
    match = random.choice(found)
    return text[: match.start()] + random.choice(NUMBERS) + text[match.end() :]


def rewritten(text: str, random: Random) -> str:
    """Cut off, other line ends, another form of Unicode, twice."""
    match random.randrange(7):
        case 0:
            return text[: random.randrange(len(text) + 1)]
        case 1:
            return text.replace("\n", random.choice(["\r\n", "\r", "\n\n", "\u2028", "\n\r"]))
        case 2:
            return re.sub("\n", lambda _: random.choice(["\n", "\r\n", "\r"]), text)
        case 3:
            return unicodedata.normalize(random.choice(["NFD", "NFKD"]), text)
        case 4:
            return text + text
        case 5:
            return text[random.randrange(len(text) + 1) :]
        case _:
            return text.swapcase() if random.random() < 0.5 else text.rstrip("\n")


def text_changed(text: str, random: Random, words: Sequence[str]) -> str:
    """One accident of any kind."""
    changes: list[Callable[[str, Random], str]] = [line_changed, character_changed, number_changed]
    match random.randrange(10):
        case 0 | 1 | 2 | 3:
            return token_changed(text, random, words)
        case 4 if random.random() < 0.3:
            return rewritten(text, random)
        case _:
            return random.choice(changes)(text, random)


def bytes_changed(data: bytes, random: Random) -> bytes:
    """One accident: bits flipped, a piece lost, doubled, emptied, or another number."""
    if not data:
        return random.randbytes(random.choice([0, 1, 4, 100]))
    changed = bytearray(data)
    # What says what a file is stands at its beginning, or at its end
    size = len(data)
    limit = random.choice([size, size, min(size, 64), min(size, 512)])
    place = random.randrange(limit)
    if random.random() < 0.15:
        place = size - 1 - random.randrange(min(size, 128))
    match random.randrange(10):
        case 0 | 1:
            changed[place] ^= 1 << random.randrange(8)
        case 2:
            for _ in range(random.choice([2, 8, 50])):
                changed[random.randrange(size)] = random.randrange(256)
        case 3:
            changed[place] = random.choice([0, 1, 0x7F, 0x80, 0xFF])
        case 4:
            form = random.choice("bBhHiIqQefd") if random.random() < 0.9 else "d"
            order = random.choice("<>")
            number = _number(form, random)
            piece = struct.pack(order + form, number)
            changed[place : place + len(piece)] = piece
        case 5:
            del changed[place:]
        case 6:
            del changed[place : place + random.choice([1, 2, 4, 16, 1000])]
        case 7:
            piece = changed[place : place + random.choice([1, 4, 64, 1000])]
            changed[place:place] = piece * random.choice([1, 1, 2, 50])
        case 8:
            changed[place:place] = random.randbytes(random.choice([1, 4, 30]))
        case _:
            end = place + random.choice([4, 64, 4096])
            fill = random.choice([0, 255])
            changed[place:end] = bytes([fill]) * (min(end, size) - place)
    return bytes(changed)


def _number(form: str, random: Random) -> int | float:
    if form in "efd":
        return random.choice([0.0, -1.0, float("nan"), float("inf"), 60000.0, 1e-7])
    bits = 8 * struct.calcsize("<" + form)
    if form.islower():
        return random.choice([0, -1, 1, 127, (1 << bits - 1) - 1, -(1 << bits - 1)])
    return random.choice([0, 1, 255, (1 << bits) - 1, 1 << bits - 1, (1 << bits - 1) - 1])
