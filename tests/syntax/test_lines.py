"""Continuation lines, indentation, comments, line ends: what the grammar never sees."""

import pytest
from hypothesis import example, given

from cnndsl.source import Source
from cnndsl.syntax import tree
from cnndsl.syntax.limits import MAX_LINE
from cnndsl.syntax.lines import read_lines
from tests.syntax.nodes import body, branches, line, op, read
from tests.syntax.strategies import damaged_specs, texts

CONTINUED = {
    "deeper": "a\n    -> b\n",
    "in the same column": "a\n-> b\n",
    "twice": "a ->\tb\n  -> c\n      -> d\n",
    "after blank lines and comments": "a # one\n\n# two\n  # three\n\n  -> b\n",
    "in a body": "r:\n    a\n    -> b\n    c\n",
    "in a branch": "m:\n    | a\n      -> b\n    | c\n    -> d\n",
    "after a body": "r:\n    a\n-> b\nc\n",
    "after a body, further in": "r:\n        a\n    -> b\n    -> c\nd\n",
    "after a body in a body": "r:\n    r:\n        a\n    -> b\n    c\n",
    "after a body in a branch": "m:\n    | r:\n        a\n      -> b\n      -> c\n    | d\n",
    "after the same, under the sign": "m:\n    | r:\n        a\n    -> b -> c\n    | d\n",
    "after two bodies": "r:\n    r:\n        a\n-> b\n",
    "after branches": "m:\n    | a\n-> b\n",
    "with a body": "a\n-> r:\n    b\n-> c\n",
}


def residual(*inner: tree.Statement | str) -> tree.Operation:
    return op("r", body=body(*inner))


def merged(*inner: tree.Line | str | tuple[tree.Line, ...]) -> tree.Operation:
    return op("m", body=branches(*inner))


branch_with_body = (line(residual("a")), line("b", "c"))
EXPECTED = {
    "deeper": [line("a", "b")],
    "in the same column": [line("a", "b")],
    "twice": [line("a", "b", "c", "d")],
    "after blank lines and comments": [line("a", "b")],
    "in a body": [line(residual(line("a", "b"), "c"))],
    "in a branch": [line(merged(line("a", "b"), line("c", "d")))],
    "after a body": [line(residual("a")), line("b"), line("c")],
    "after a body, further in": [line(residual("a")), line("b", "c"), line("d")],
    "after a body in a body": [line(residual(line(residual("a")), "b", "c"))],
    "after a body in a branch": [line(merged(branch_with_body, "d"))],
    "after the same, under the sign": [line(merged(branch_with_body, "d"))],
    "after two bodies": [line(residual(line(residual("a")))), line("b")],
    "after branches": [line(merged("a")), line("b")],
    "with a body": [line("a", residual("b")), line("c")],
}


@pytest.mark.parametrize("case", CONTINUED)
def test_continuation(case: str) -> None:
    assert list(read(CONTINUED[case]).statements) == EXPECTED[case]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", [" ", "  ", "    ", "\t", "\t\t"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n", "# c\n", "\ufeff# c\n"])
@pytest.mark.parametrize("stop", ["", "\n", "\n\n  \n", "  # c"])
def test_ends_indents_and_byte_order_marks(start: str, indent: str, end: str, stop: str) -> None:
    text = f"{start}r:\n{indent}r:\n{indent * 2}a\n{indent * 2}b\n{indent}c  \nd{stop}"
    file = read(text.replace("\n", end))
    assert file.statements == (line(residual(line(residual("a", "b")), "c")), line("d"))


@given(damaged_specs() | texts)
@example("  a\nb:\n\t\tc\n\t-> d\ne\n")
@example("r:\n        a\n\t-> b\nc\n")
@example("a  # one\n\t    -> b\nr:\n        c\n      -> d\n")
def test_lines_stand_where_the_source_has_them(text: str) -> None:
    lines = read_lines(Source("net.cnn", text))
    if not lines.diagnostics or lines.diagnostics[0].code != "file-too-large":
        assert len(lines.text) == len(text) + 1
    for found in lines.logical:
        if len(found.text) <= MAX_LINE:
            assert lines.text[found.start : found.end] == found.text


def test_comments_have_text_place_and_kind() -> None:
    text = '#! one\na  #two # more \n  # three\nuse "a#b" # four\n#\n'
    found = read(text).comments
    assert [(c.text, c.alone, c.span.text) for c in found] == [
        ("! one", True, "#! one"),
        ("two # more", False, "#two # more"),
        ("three", True, "# three"),
        ("four", False, "# four"),
        ("", True, "#"),
    ]
