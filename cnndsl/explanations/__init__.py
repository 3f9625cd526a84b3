"""What each diagnostic means: a paragraph, a spec that is wrong in this way, and one that is right;
and what the words of the language are for.

They stand in the Markdown files beside this one, a heading each, words in a folder of their own. To
add one is to add such a section in any of the files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SECTION = re.compile(
    r"## (?P<code>[a-z-]+)\n\n(?P<text>.+?)\n\n"
    r"```cnn\n(?P<wrong>.+?)```\n\n```cnn\n(?P<right>.+?)```\n",
    re.DOTALL,
)
_WORD = re.compile(r"## (?P<name>\w+)\n\n(?P<text>.+?)\n\n```cnn\n(?P<example>.+?)```\n", re.DOTALL)
_MORE = re.compile(r"(\S+ )… \(and ([\d,]+) characters more\)")
_OPTIONS = re.compile(r"# cnndsl check net\.cnn (.+)\n")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means. `wrong` gives this diagnostic, `right` is the same put right; `group` is
    the file that it stands in.
    """

    group: str
    code: str
    text: str
    wrong: str
    right: str


@dataclass(frozen=True, slots=True)
class Word:
    """What a form or a word of the language is for, with a spec that uses it."""

    group: str
    name: str
    text: str
    example: str


@cache
def explanations() -> dict[str, Explanation]:
    """All explanations by their codes."""
    found = [Explanation(**section) for section in _sections(_SECTION, "*.md")]
    return {explanation.code: explanation for explanation in found}


@cache
def words() -> dict[str, Word]:
    """The words of the language that are no layers, by their names."""
    return {section["name"]: Word(**section) for section in _sections(_WORD, "words/*.md")}


def _sections(pattern: re.Pattern[str], files: str) -> list[dict[str, str]]:
    """The sections of all files, in their order; ValueError where one holds something else."""
    found: list[dict[str, str]] = []
    for path in sorted(Path(__file__).parent.glob(files)):
        text = path.read_text(encoding="utf-8")
        sections = [match.groupdict() | {"group": path.stem} for match in pattern.finditer(text)]
        if len(sections) != len(re.findall("^## ", text, re.MULTILINE)):
            raise ValueError(f"{path.name} holds something else than sections")
        found += sections
    return found


def expanded(spec: str) -> str:
    """A spec that is wrong by its length: `x … (and 1,000 characters more)` written out."""
    return _MORE.sub(lambda m: m[1] * (int(m[2].replace(",", "")) // len(m[1]) + 2), spec)


def options(spec: str) -> str:
    """The options of `cnndsl check` under which a spec is wrong or right, from its first line."""
    match = _OPTIONS.match(spec)
    return match[1] if match else ""
