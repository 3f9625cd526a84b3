"""Reading the documentation's pages: their code blocks and links, which tests hold to the truth.

A block's first line may say more than its language:

- ```` ```cnn ```` is a whole spec. `fragment` puts `input image 3@32x32` above it, `fragment
  64@56x56` another shape. `error=CODE` names the diagnostic it must end in, `warning=CODE` the one
  it gives. `file=net.cnn` keeps it for the page's commands. `prelude` is a part of the prelude.
- ```` ```python ```` runs, after the page's earlier ones; `print(…)  # text` must print the text.
  `python skip=why` doesn't run.
- ```` ```text ```` below a spec with an error is what is printed about it.
- ```` ```console ```` holds commands after `$ ` and what they print. A line `…` stands for any
  number of lines. `console skip=why` isn't run, though its commands and options must exist.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = (
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
)
"""Every page for users."""

ELLIPSIS = "…"
_PRINT = re.compile(r"^ *print\(.*\)  # (.*)$", re.M)
_FENCE = re.compile(r"```(\w*) *(.*)")
_LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A code block: where it begins, what its first line says, and its text."""

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str
    preceding: Block | None = field(default=None, repr=False)

    @property
    def runs(self) -> bool:
        """Whether it is code or commands to run."""
        return self.language in ("python", "console") and self.option("skip") is None

    @property
    def name(self) -> str:
        """`docs/language.md:12`, as a test's name."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def option(self, key: str) -> str | None:
        """The value of `key=value` on the block's first line."""
        return next((w.partition("=")[2] for w in self.words if w.startswith(f"{key}=")), None)


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The page's blocks in their order, all or those of a language."""
    found: list[Block] = []
    for block in _blocks(page):
        found.append(replace(block, preceding=found[-1] if found else None))
    return [block for block in found if language in (None, block.language)]


def _blocks(page: Path) -> Iterator[Block]:
    opening: re.Match[str] | None = None
    start, lines = 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
        if opening is None:
            opening = _FENCE.fullmatch(line)
            start, lines = number, []
        elif line == "```":
            words = tuple(opening[2].split())
            yield Block(page, start, opening[1], words, "".join(f"{x}\n" for x in lines))
            opening = None
        else:
            lines.append(line)


def prose(page: Path) -> str:
    """The page without its blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def links(page: Path) -> list[str]:
    """The targets of the page's links."""
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """What `page.md#…` may name: headings as GitHub turns them into anchors."""
    headings = re.findall(r"^#+ +(.*)$", prose(page), flags=re.M)
    plain = (re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def spec(block: Block) -> str:
    """The text of a ```` ```cnn ```` block as a whole spec."""
    if "fragment" not in block.words:
        return block.text
    shape = next((w for w in block.words if "@" in w), "3@32x32")
    return f"cnndsl 1\ninput image {shape}\n{block.text}"


@dataclass(frozen=True, slots=True)
class Command:
    """A command in a ```` ```console ```` block, and what it prints."""

    words: str
    output: str

    @property
    def arguments(self) -> list[str] | None:
        """What follows `cnndsl`; None for another program."""
        program, *arguments = shlex.split(self.words, comments=True)
        return arguments if program == "cnndsl" else None


def commands(block: Block) -> list[Command]:
    """The commands of a block."""
    parts = re.split(r"^\$ (.*)\n", block.text, flags=re.M)
    return [Command(*pair) for pair in zip(parts[1::2], parts[2::2], strict=True)]


def announced(page: Path) -> list[str]:
    """What the page's Python says that it prints."""
    return [text for b in blocks(page, "python") if b.runs for text in _PRINT.findall(b.text)]


def same_output(shown: str, printed: str) -> bool:
    """Whether a command's output is what a page shows of it."""
    pieces = (re.escape(line) for line in shown.rstrip("\n").split("\n"))
    pattern = "\n".join(r"(?:.*\n)*?.*" if p == ELLIPSIS else p for p in pieces)
    return re.fullmatch(pattern, printed.rstrip("\n")) is not None
