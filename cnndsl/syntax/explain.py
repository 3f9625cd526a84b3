"""Where the grammar gave up → what is wrong, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cnndsl.diagnostics import Diagnostic
from cnndsl.source import Source, Span

_ARGUMENT = {"NAME", "TEMPLATE", "NUMBER", "MINUS", "CALL", "LPAREN", "SIZE", "OPTION", "SHAPE"}
_VALUE = {"NAME", "TEMPLATE", "NUMBER", "MINUS", "CALL", "LPAREN", "NOT"}
_OPERATORS = {"STAR", "DIVISION", "PLUS", "MINUS", "POWER", "COMPARISON", "AND", "OR"}
_SIGNS = _OPERATORS - {"AND", "OR"}
_ENDS = {"_FROM", "STAR", "_IF"}
_WORDS = {
    "NAME": "a name",
    "TEMPLATE": "a name",
    "NUMBER": "a number",
    "CALL": "a name with parentheses",
    "SIZE": "a size such as `3x3`",
    "SHAPE": "a shape such as `3@224x224`",
    "STRING": 'a file such as `"blocks.cnn"`',
    "RPAREN": "`)`",
    "_COLON": "`:`",
    "_COMMA": "`,`",
    "_EQUAL": "`=`",
    "_ARROW": "`->`",
    "_NEWLINE": "the end of the line",
    "$END": "the closing brace",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A place where the grammar couldn't go on.

    `kind` is the terminal that was found, "" where it was none; `expected` the terminals that would
    have done; `line` the text of the logical line, which starts at offset `start`.
    """

    source: Source
    offset: int
    length: int
    kind: str
    expected: frozenset[str]
    line: str
    start: int

    @property
    def text(self) -> str:
        """What was found."""
        return self.source.text[self.offset : self.offset + self.length]

    @property
    def before(self) -> str:
        """The line up to the place, without blanks at its end."""
        return self.line[: self.offset - self.start].rstrip()

    @property
    def first_word(self) -> str:
        """What sort of line it is, as far as its first word tells."""
        return self.line.split(maxsplit=1)[0] if self.line.strip() else ""

    def error(self, message: str, help: str = "", code: str = "unexpected-token") -> Diagnostic:
        """An error at the place."""
        span = Span(self.source, self.offset, self.offset + self.length)
        return Diagnostic(code, message, span, help)


def explain(failure: Failure) -> Diagnostic:
    """The first explanation that fits a token in the wrong place."""
    for attempt in _EXPLANATIONS:
        diagnostic = attempt(failure)
        if diagnostic is not None:
            return diagnostic
    help = f"here may stand {expectation(failure.expected)}"
    return failure.error(f"`{failure.text}` can't stand here", help)


def missing_parentheses(source: Source, start: int, end: int) -> Diagnostic:
    """The error for the sign in `4*n` among arguments, which stands at these offsets."""
    sign = source.text[start:end]
    left = re.search(r"[\w.]*$", source.text[max(0, start - 60) : start].rstrip())
    right = re.match(r"\s*([\w.]*)", source.text[end : end + 60])
    operands = (left[0] if left else "", right[1] if right else "")
    help = "write it as in `(4*n)`"
    if all(operands):
        help = f"write `({operands[0]}{sign}{operands[1]})`"
    if sign == "*" and all(operand.isdigit() for operand in operands):
        help += f", or `{operands[0]}x{operands[1]}` for a size"
    message = "a value that is computed must stand in parentheses"
    line = source.text[source.text.rfind("\n", 0, start) + 1 : start]
    if sign == "+" and re.fullmatch(r"\s*([\w.]+\s*:)?\s*[\w.]+\s*", line):  # `y: x + …`
        message, help = "values of the net aren't added by a sign", "write `add x` on a line below"
    return Diagnostic("missing-parentheses", message, Span(source, start, end), help)


def expectation(expected: frozenset[str]) -> str:
    """The terminals that would have done, in words: `a value, a name or the end of the line`."""
    rest, words = set(expected), list[str]()
    if {"SIZE", "OPTION"} <= rest:
        words.append("an argument")
        rest -= _ARGUMENT
    elif {"NUMBER", "LPAREN"} <= rest:
        words.append("a value")
        rest -= _VALUE
    if rest >= _ENDS:
        words.append("`from`, `*` or `if`")
        rest -= _ENDS
    if rest & _OPERATORS:
        words.append("an operator")
        rest -= _OPERATORS
    words.extend(sorted({_WORDS.get(name, f"`{name.strip('_').lower()}`") for name in rest}))
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _shape_order(f: Failure) -> Diagnostic | None:
    if "SHAPE" not in f.expected or f.first_word != "input":
        return None
    if f.kind == "NUMBER":
        message = "a shape has an `@` between channels and sizes"
        return f.error(message, f"a vector is written `@{f.text}`", "shape-order")
    if f.kind != "SIZE" or "{" in f.text:
        return None
    sizes = f.text.split("x")
    if len(sizes) == 2:
        help = f"write `3@{f.text}` if there are 3"
        return f.error("this shape has no channels", help, "shape-order")
    last = int(sizes[-1][:15]) <= int(sizes[0][:15])
    channels = sizes.pop() if last else sizes.pop(0)
    message = "a shape starts with its channels and an `@`"
    return f.error(message, f"write `{channels}@{'x'.join(sizes)}`", "shape-order")


def _missing_colon(f: Failure) -> Diagnostic | None:
    if "_COLON" not in f.expected or f.first_word not in ("def", "for"):
        return None
    if f.first_word == "for" and f.kind != "_NEWLINE":
        return None
    return f.error(f"a `{f.first_word}` needs a colon here", "write `:`", "missing-colon")


def _parameters(f: Failure) -> Diagnostic | None:
    """`def f:`, `def f (n):`, `net Name (n=1)`."""
    after = f.line[f.offset - f.start + f.length :].lstrip()
    if f.first_word == "net" and f.kind == "LPAREN":
        return f.error("the parenthesis must follow the name directly", "drop the blank")
    if f.first_word != "def" or f.kind not in ("NAME", "TEMPLATE") or f.expected - {"CALL"}:
        return None
    message = "a `def` has its parameters in parentheses right behind its name"
    if after.startswith("("):
        return f.error(message, "drop the blank")
    return f.error(message, f"write `def {f.text}():` if it has none")


def _computed(f: Failure) -> Diagnostic | None:
    """`n/2` among arguments, or what follows `4*n` or `*2`."""
    if "OPTION" in f.expected and f.kind in _SIGNS:
        return missing_parentheses(f.source, f.offset, f.offset + f.length)
    star = re.search(r"(\S?)\*[\w.]+$", f.before)
    if star is None or "_FROM" not in f.expected:
        return None
    if star[1]:
        start = f.start + star.end(1)
        return missing_parentheses(f.source, start, start + 1)
    message = "`*` repeats a whole line, so nothing but `from` and `if` may follow"
    return f.error(message, "a computed value is written `(4*n)`, a size `3x3`")


def _comma(f: Failure) -> Diagnostic | None:
    if f.kind != "_COMMA":
        return None
    if "OPTION" in f.expected:
        return f.error("arguments are separated by blanks", "drop the comma")
    if f.first_word == "for" and "_COLON" in f.expected:
        return f.error("the values of a `for` are separated by blanks", "drop the comma")
    if "RPAREN" in f.expected and f.first_word not in ("let", "loss", "for", "def", "net"):
        message = "parentheses hold one computed value here"
        return f.error(message, "arguments have blanks between them, and a size is written `3x3`")
    return None


def _empty_parentheses(f: Failure) -> Diagnostic | None:
    """`Flatten()`."""
    # A word within reach: searched for from every place of a long line, it would take squared time
    word = re.search(r"(\w+)\($", f.before[-60:])
    if f.kind != "RPAREN" or word is None:
        return None
    message = "there is nothing in these parentheses"
    return f.error(message, f"a layer is written without them: `{word[1].lower()}`")


def _assignment(f: Failure) -> Diagnostic | None:
    """`logits = fc 10`, `logits := fc 10`."""
    if f.kind != "_EQUAL" or not re.fullmatch(r"\w+\s*:?", f.before):
        return None
    label = f.before.rstrip(": ")
    help = f"write `{label}: …`; a variable is written `let {label} = …`"
    return f.error("a line's value is named by a label and a colon", help)


def _arrow(f: Failure) -> Diagnostic | None:
    if f.kind == "_NEWLINE" and f.before.endswith("->"):
        help = "start the next line with `->` instead"
        return f.error("nothing follows this `->`", help, "unexpected-end")
    if f.kind != "_ARROW":
        return None
    if f.before.endswith("|"):
        return f.error("a branch starts with an op", "`| skip` passes the input on")
    help = "it goes on from a layer, at the end of its line or at the start of the next"
    if re.search(r" (\*|from |if )", f.before):
        help = "`from`, `*` and `if` hold for a whole line: write them at its end"
    return f.error("`->` can't stand here", help)


def _comparison(f: Failure) -> Diagnostic | None:
    if f.kind != "COMPARISON" or not re.search(r"[<>=]", f.before):
        return None
    return f.error("comparisons don't chain", "write `a < b and b < c`")


def _else(f: Failure) -> Diagnostic | None:
    if f.kind != "_ELSE":
        return None
    message = "an `if` at the end of a line has no `else`"
    return f.error(message, "a choice is written `(2 if first else 1)`, in parentheses")


def _string(f: Failure) -> Diagnostic | None:
    if f.kind == "STRING":
        return f.error("a string can't stand here", "names are written without quotes")
    if f.first_word == "use" and "STRING" in f.expected:
        return f.error("the file must stand in quotes", 'write `use "blocks.cnn"`')
    return None


def _after_colon(f: Failure) -> Diagnostic | None:
    if not f.before.endswith(":") or f.expected - {"_NEWLINE"}:
        return None
    message = "a line has one label, and its body stands below it"
    return f.error(message, "start a new line here, indented")


def _size(f: Failure) -> Diagnostic | None:
    if f.kind != "SIZE" or not {"NUMBER", "LPAREN"} <= f.expected:
        return None
    message = "a size isn't a value that can be computed with"
    return f.error(message, "take its numbers, and write `{k}x{k}` where the size is used")


def _line_start(f: Failure) -> Diagnostic | None:
    if f.before not in ("", "|") or f.kind in ("_NEWLINE", "_INDENT"):
        return None
    return f.error("a line starts with the name of an op, or with a label", "write the op first")


def _shape_sign(f: Failure) -> Diagnostic | None:
    """`3@64*64`, `3@64,64`."""
    start = re.search(r"\S*@\d+$", f.before[-60:])
    rest = re.match(r"(?:[*,/×]\s*\d+)+", f.line[len(f.before) :].lstrip())
    if f.first_word != "input" or not start or not rest:
        return None
    shape = start[0] + "".join(f"x{size}" for size in re.findall(r"\d+", rest[0]))
    message = f"`{f.text}` can't stand between the sizes of a shape"
    return f.error(message, f"write `{shape}`")


def _early_end(f: Failure) -> Diagnostic | None:
    if f.kind not in ("_NEWLINE", "$END", "_INDENT"):
        return None
    what = "braces end" if f.kind == "$END" else "line ends"
    message = f"the {what} where {expectation(f.expected)} should follow"
    return f.error(message, "write the rest, or drop what stands before it", "unexpected-end")


_EXPLANATIONS: tuple[Callable[[Failure], Diagnostic | None], ...] = (
    _shape_order,
    _shape_sign,
    _missing_colon,
    _parameters,
    _arrow,
    _computed,
    _comma,
    _empty_parentheses,
    _assignment,
    _comparison,
    _else,
    _string,
    _after_colon,
    _size,
    _line_start,
    _early_end,
)
