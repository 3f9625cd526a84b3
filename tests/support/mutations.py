"""Values that somebody might write into a run's config.toml in place of what stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator

VALUES = (
    *("0", "-1", "1", "2", "7", "1000000000", "1_000_000_000_000_000_000_000_000", "true", "false"),
    *("0.0", "0.5", "-0.5", "1.5", "1e-300", "1e300", "nan", "inf", "-inf", "1979-05-27"),
    *(
        '""',
        '"ten"',
        '"0.5"',
        '"none"',
        '"*"',
        '"../../etc"',
        '"a\\u0000b"',
        '"' + "x" * 5000 + '"',
    ),
    *("[]", "[1]", '["*"]', '["nix"]', "[[]]", "{}", "{ a = 1 }", '{ a = { b = "c" } }', "[{}]"),
    *("", "?", "=", '"', "1 2"),
)


def mutations(text: str) -> Iterator[tuple[str, str]]:
    """Each line of a TOML file with each value in place of its own; the line, and the text."""
    lines = lists_on_a_line(text).split("\n")
    for number, line in enumerate(lines):
        before, after = lines[:number], lines[number + 1 :]
        for changed in _changed(line):
            yield changed, "\n".join([*before, changed, *after])
        if line:
            yield f"without {line}", "\n".join([*before, *after])
            yield f"twice {line}", "\n".join([*before, line, line, *after])


def lists_on_a_line(text: str) -> str:
    """The same TOML, with each list of texts on its key's line."""
    return re.sub(
        r'\[\n((?: +"[^\n]*",\n)+)\]',
        lambda found: "[" + ", ".join(re.findall(r" +(.+),\n", found[1])) + "]",
        text,
    )


def _changed(line: str) -> Iterator[str]:
    if match := re.fullmatch(r"([^\s=]+) = (.*)", line):
        for value in VALUES:
            yield f"{match[1]} = {value}"
        yield f"nix = {match[2]}"
    elif match := re.fullmatch(r"\[([\w.]+)\]", line):
        yield from ("[nix]", "[]", f"[[{match[1]}]]", f"[{match[1]}.nix]", f"{match[1]} = 1")
