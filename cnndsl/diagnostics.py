"""What is wrong, where, and what to do: diagnostics are values, rendered only at the door."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from cnndsl.printing import printable
from cnndsl.source import Source, Span

Severity = Literal["error", "warning", "advice"]

LONGEST_WORD = 60
LONGEST_QUOTE = 100
MOST_CANDIDATES = 500
_LONG_QUOTE = re.compile(rf"`([^`]{{{LONGEST_WORD}}})[^`]{{{LONGEST_QUOTE - LONGEST_WORD},}}`")
_LONG_WORD = re.compile(rf"([^\s`]{{{LONGEST_WORD}}})[^\s`]{{{LONGEST_QUOTE - LONGEST_WORD},}}")
_NOQA = re.compile(r"#.*?\bnoqa: *([a-z]+(?:-[a-z]+)+(?:, *[a-z]+(?:-[a-z]+)+)*)")
INNER_FRAMES, OUTER_FRAMES = 5, 3  # of the calls that led to a place; between them there is a gap


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of a source, and what is to stand in its place."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `code` is kebab case and explained by `cnndsl explain CODE`; `message` is one clause without
    a full stop; `help` says what to do; `frames` are the calls that led here, innermost first;
    `edits` mend it without changing what the net is, where that can be done.
    """

    code: str
    message: str
    span: Span | None = None
    help: str = ""
    severity: Severity = "error"
    frames: tuple[Span, ...] = ()
    edits: tuple[Edit, ...] = ()

    def __post_init__(self) -> None:
        """Cut what is quoted to a length that people read: a word may be as long as its line."""
        for name in ("message", "help"):
            text = getattr(self, name)
            if len(text) > LONGEST_QUOTE:
                quoted = _LONG_QUOTE.sub(r"`\1…`", text)
                object.__setattr__(self, name, _LONG_WORD.sub(r"\1…", quoted))

    def render(self, colour: bool = False) -> str:
        """The message as people read it, with the source line and a caret under the cause."""
        bold, red, blue, end = _colours(self.severity) if colour else ("", "", "", "")
        message = printable(self.message)
        lines = [f"{red}{self.severity}[{self.code}]{end}{bold}: {message}{end}"]
        if self.span is not None:
            lines.extend(_excerpt(self.span, blue, red, end))
        if self.help:
            lines.append(f"  {blue}help:{end} {printable(self.help)}")
        hidden = range(INNER_FRAMES, len(self.frames) - OUTER_FRAMES)
        for number, frame in enumerate(self.frames):
            call, place = printable(_first_line(frame.text)), printable(frame.place)
            if number not in hidden:
                lines.append(f"  {blue}from:{end} `{call}` at {place}")
            elif number == hidden[0]:
                lines.append(f"  {blue}from:{end} … {len(hidden)} more")
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """The form for editors; lines and columns count from 1, `end` is exclusive."""
        entry: dict[str, object] = {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "help": self.help,
        }
        if self.span is not None:
            entry |= {"file": self.span.source.name, **self.span.region}
        entry["from"] = [{"text": _first_line(f.text), "place": f.place} for f in self.frames]
        if self.edits:
            entry["edits"] = [{**edit.span.region, "text": edit.text} for edit in self.edits]
        return entry


class SpecError(Exception):
    """A spec that can't be understood; carries every diagnostic that was found."""

    def __init__(self, diagnostics: Iterable[Diagnostic]):
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n\n".join(d.render() for d in self.diagnostics))


def silenced_codes(line: str) -> tuple[str, ...]:
    """The codes that a line's comment silences: `# noqa: lost-bias, odd-channels (why)`."""
    found = _NOQA.search(line)
    return tuple(code.strip() for code in found[1].split(",")) if found else ()


def is_silenced(diagnostic: Diagnostic) -> bool:
    """Whether the line of a warning or an advice says that it is meant; errors are never silent."""
    span = diagnostic.span
    if span is None or diagnostic.severity == "error":
        return False
    return diagnostic.code in silenced_codes(span.source.line(span.line))


def in_order(diagnostics: Iterable[Diagnostic], source: Source) -> list[Diagnostic]:
    """Diagnostics in the order of a source's text; those of other files come behind."""

    def place(diagnostic: Diagnostic) -> tuple[bool, int]:
        span = diagnostic.span
        return (span is None or span.source is not source, span.start if span else 0)

    return sorted(diagnostics, key=place)


class UsageError(Exception):
    """Something outside the spec is wrong (a file, an option, a missing package).

    Its text is one clear sentence that the command line prints as it is.
    """


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was probably meant, or None when nothing is near.

    Of very many candidates only the first are looked at closely.
    """
    word = word[:LONGEST_WORD].lower()
    near = (c for c in dict.fromkeys(candidates) if len(c) <= 3 * len(word) <= 9 * len(c))
    lowered = {c.lower(): c for c in islice(near, MOST_CANDIDATES)}
    matches = difflib.get_close_matches(word, lowered, n=1, cutoff=0.6)
    return lowered[matches[0]] if matches else None


def did_you_mean(word: str, candidates: Iterable[str], otherwise: str = "") -> str:
    """A help sentence: `did you mean …?`, or `otherwise`."""
    match = closest(word, candidates)
    return f"did you mean `{match}`?" if match else otherwise


def _colours(severity: Severity) -> tuple[str, str, str, str]:
    colour = {"error": "\033[1;31m", "warning": "\033[1;33m", "advice": "\033[1;36m"}[severity]
    return "\033[1m", colour, "\033[1;34m", "\033[0m"


def _first_line(text: str) -> str:
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= 80 else line[:77] + "…"


def _excerpt(span: Span, blue: str, red: str, end: str) -> list[str]:
    """The arrow to the place, the line, and carets under the span (its first line's part)."""
    number, text = f"{span.line:>4}", printable(span.source.line(span.line), "\t")
    offset = span.column - 1
    width = max(1, min(span.end - span.start, len(text) - offset))
    if len(text) > 160:  # a hostile or generated line: show the neighbourhood alone
        start = max(0, offset - 60)
        text, offset, width = text[start : start + 140], offset - start, min(width, 60)
    lead = "".join(c if c == "\t" else " " for c in text[:offset])
    margin = " " * len(number)
    return [
        f"{blue}  --> {end}{printable(span.place)}",
        f"{blue}{number} |{end} {text}".rstrip(),
        f"{blue}{margin} |{end} {lead}{red}{'^' * width}{end}",
    ]
