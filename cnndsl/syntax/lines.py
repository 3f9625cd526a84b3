"""The lines of a spec before its grammar: comments, indentation, continuation lines, limits.

What comes out has the same offsets as the source, so that every place found in it is a place in
the source. Comments are blanked. A line that starts with `->` is joined to the line above, except
after an indented body. Everything that is wrong with the indentation is found here, line by line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cnndsl.diagnostics import Diagnostic
from cnndsl.source import Source, Span
from cnndsl.syntax import tree
from cnndsl.syntax.limits import MAX_CHARACTERS, MAX_DEPTH, MAX_LINE, line_fault

_COMMENT_OR_STRING = re.compile(r'"[^"\n]*"|#.*')
_HEAD = re.compile(r"(?:def|for) [^:]*:")


@dataclass(slots=True)
class LogicalLine:
    """A line with the lines that continue it; offsets into the source."""

    start: int
    end: int
    text: str
    faulty: bool = False

    @property
    def opens(self) -> bool:
        """Whether a body must follow."""
        return self.text.endswith(":")

    @property
    def is_branch(self) -> bool:
        """Whether it starts with `|`."""
        return self.text.startswith("|")


@dataclass(slots=True)
class _Level:
    """An open indentation: its column, and whether its lines are branches (None: not yet known)."""

    column: int
    branches: bool | None


@dataclass
class Lines:
    """A source, taken apart. `text` is what the grammar sees."""

    source: Source
    text: str = ""
    logical: list[LogicalLine] = field(default_factory=list[LogicalLine])
    comments: list[tree.Comment] = field(default_factory=list[tree.Comment])
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])

    def report(self, code: str, message: str, start: int, end: int, help: str = "") -> None:
        """Add an error at the offsets `start` ≤ i < `end`."""
        span = Span(self.source, start, max(end, start + 1))
        self.diagnostics.append(Diagnostic(code, message, span, help))


def read_lines(source: Source) -> Lines:
    """Take a source apart into lines; what is wrong with them is in the result's diagnostics."""
    lines = Lines(source)
    if len(source.text) > MAX_CHARACTERS:
        message = (
            f"the file has {len(source.text):,} characters; at most {MAX_CHARACTERS:,} are read"
        )
        lines.report("file-too-large", message, 0, 1, "split it, and bring the parts in by `use`")
        return lines
    _Reader(lines).read()
    if not lines.logical and not lines.diagnostics:
        help = "start with `cnndsl 1`, `net Name` and `input image 3@224x224`"
        lines.report("empty-file", "there is nothing in this file", 0, 1, help)
    return lines


class _Reader:
    """Walks down the lines with a stack of open indentations."""

    def __init__(self, lines: Lines):
        self.lines = lines
        self.levels = [_Level(0, False)]
        self.pieces: list[str] = []
        self.indented_by = ""
        self.mixed = False

    def read(self) -> None:
        offset = 0
        for number, raw in enumerate(self.lines.source.text.split("\n")):
            if number == 0 and raw.startswith("\ufeff"):
                raw = " " + raw[1:]
                self._line(raw, 0, 1)
            else:
                self._line(raw, offset, 0)
            offset += len(raw) + 1
        if self.lines.logical:
            self._finish(self.lines.logical[-1], -1)
        self.lines.text = "".join(self.pieces)[1:] + "\n"

    def _line(self, raw: str, offset: int, skip: int) -> None:
        """One line of the file; `skip` characters before its indentation don't count."""
        content = self._without_comment(raw, offset).rstrip(" \t\r")
        stripped = content[skip:].lstrip(" \t")
        if not stripped:
            self.pieces.append(" " * (len(raw) + 1))
            return
        column = len(content) - skip - len(stripped)
        start, end = offset + skip + column, offset + len(content)
        padding = " " * (len(raw) - len(content))
        lead = ("\n" if self.lines.logical else " ") + " " * (skip + column)
        width = self._width(content[skip : skip + column], offset + skip)
        if stripped.startswith("->"):
            lead = self._continuation(stripped, width, start, end, skip + column)
        else:
            self._start(LogicalLine(start, end, stripped), width)
        self.pieces.append(lead + stripped + padding)

    def _without_comment(self, raw: str, offset: int) -> str:
        if "#" not in raw:
            return raw
        for match in _COMMENT_OR_STRING.finditer(raw):
            if match[0].startswith("#"):
                before = raw[: match.start()]
                span = Span(self.lines.source, offset + match.start(), offset + len(raw.rstrip()))
                text = match[0][1:].removeprefix(" ").rstrip()
                alone = not before.strip(" \t")
                self.lines.comments.append(tree.Comment(text=text, alone=alone, span=span))
                return before
        return raw

    def _start(self, line: LogicalLine, column: int) -> None:
        """A line that isn't a continuation: it must fit the open indentations."""
        lines, levels = self.lines, self.levels
        if lines.logical:
            self._finish(lines.logical[-1], column)
        if column > levels[-1].column:
            self._indent(line, column)
        else:
            inner = levels[-1].column
            while column < levels[-1].column:
                inner = levels.pop().column
            if column != levels[-1].column:
                self._bad_dedent(line, column, inner)
                levels.append(_Level(column, None))
        self._check_kind(line, levels[-1])
        lines.logical.append(line)

    def _indent(self, line: LogicalLine, column: int) -> None:
        above = self.lines.logical[-1] if self.lines.logical else None
        holds_branches = None
        if above is None or not above.opens:
            self._unexpected_indent(line, above)
        elif _HEAD.fullmatch(above.text):
            holds_branches = self.levels[-1].branches if above.text.startswith("for") else False
        if len(self.levels) == MAX_DEPTH + 1:
            message = f"bodies are nested more than {MAX_DEPTH} deep"
            self.lines.report("nested-too-deep", message, line.start, line.end, "use a `def`")
        self.levels.append(_Level(column, holds_branches))

    def _unexpected_indent(self, line: LogicalLine, above: LogicalLine | None) -> None:
        if above is None:
            message, help = "the first line is indented", "start it in the first column"
        else:
            number = Span(self.lines.source, above.start, above.end).line
            word = above.text.partition(" ")[0]
            if word in ("def", "for"):
                if not above.faulty:
                    message = f"a `{word}` line ends in a colon"
                    help = f"write `:` at the end of line {number}"
                    self.lines.report("missing-colon", message, above.end - 1, above.end, help)
                    above.faulty = True
                return
            message = "this line is indented more than the line above, which opens no body"
            help = f"end line {number} in `:` if this is its body, else align the two"
        self.lines.report("unexpected-indent", message, line.start, line.end, help)

    def _bad_dedent(self, line: LogicalLine, column: int, inner: int) -> None:
        outer = self.levels[-1].column
        message = f"this line is indented by {column}, which fits no line above"
        help = f"indent it by {inner} or by {outer}"
        self.lines.report("bad-dedent", message, line.start, line.end, help)

    def _finish(self, above: LogicalLine, column: int) -> None:
        """The line above is complete; the next one starts at a column."""
        if above.faulty:
            return
        if above.opens and column <= self.levels[-1].column:
            message = "a line that ends in `:` needs an indented body below"
            help = "indent the lines that belong to it, or drop the colon"
            self.lines.report("missing-body", message, above.end - 1, above.end, help)
            above.faulty = True
        fault = line_fault(above.text)
        if fault:
            code, message, help, start, end = fault
            self.lines.report(code, message, above.start + start, above.start + end, help)
            above.faulty = True

    def _check_kind(self, line: LogicalLine, level: _Level) -> None:
        """A body holds branches or statements, never both."""
        if line.text.startswith("for "):
            return  # it stands among both, and its body holds what the lines beside it are
        if level.branches is None:
            level.branches = line.is_branch
            for outer in reversed(self.levels[:-1]):
                if outer.branches is not None:
                    break
                outer.branches = line.is_branch
        elif level.branches and not line.is_branch:
            message = "this line stands among branches but doesn't start with `|`"
            help = "start it with `|`, or with `->` if it continues the branch above"
            self.lines.report("mixed-body", message, line.start, line.end, help)
        elif line.is_branch and not level.branches:
            message = "a branch can only stand in the body of a merge, such as `concat:` or `add:`"
            help = "write `concat:` above the branches, and indent them"
            self.lines.report("misplaced-branch", message, line.start, line.start + 1, help)
            line.faulty = True

    def _continuation(
        self, stripped: str, column: int, start: int, end: int, indentation: int
    ) -> str:
        """A line that starts with `->`; returns what stands for its line end and indentation, as
        many characters as these are.
        """
        lines, levels = self.lines, self.levels
        above = lines.logical[-1] if lines.logical else None
        if above is not None and (above.opens or column < levels[-1].column):
            self._finish(above, column)
        popped = False
        while len(levels) > 1 and levels[-1].column > column:
            levels.pop()
            popped = True
        if above is None or (above.opens and not popped and not above.faulty):
            message, help = "there is nothing here that `->` could go on from", "drop the `->`"
            lines.report("misplaced-arrow", message, start, start + 2, help)
            above = None
        if above is None or popped or above.opens:
            lines.logical.append(LogicalLine(start, end, stripped, faulty=above is None))
            level = min(levels[-1].column, indentation)  # less where tabs and spaces are mixed
            return " " * (indentation - level) + "\n" + " " * level
        gap = start - above.end
        if len(above.text) <= MAX_LINE:  # else it may be endless, and nobody reads it
            above.text += " " * gap + stripped
            above.end = end
        return " " * (indentation + 1)

    def _width(self, indentation: str, offset: int) -> int:
        """How many columns; tabs or spaces, but one of them throughout."""
        if not indentation:
            return 0
        self.indented_by = self.indented_by or indentation[0]
        if not indentation.strip(self.indented_by):
            return len(indentation)
        by_tabs = self.indented_by == "\t"
        if not self.mixed:
            self.mixed = True
            kind = "tabs" if by_tabs else "spaces"
            message = f"tabs and spaces are mixed: the lines above are indented by {kind}"
            help = "use four spaces a level; `cnndsl fmt` does"
            self.lines.report("mixed-indentation", message, offset, offset + len(indentation), help)
        return len(indentation.expandtabs(4)) // (4 if by_tabs else 1)  # as it was probably meant
