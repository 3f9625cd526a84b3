"""Whatever the text, reading it ends in a tree or in a SpecError whose places lie in the text."""

import re

from hypothesis import example, given

from cnndsl.diagnostics import SpecError
from cnndsl.source import Source
from cnndsl.syntax.limits import MAX_DEPTH, MAX_OPERATORS, MAX_PARENTHESES
from cnndsl.syntax.parse import MAX_ERRORS, parse
from cnndsl.syntax.write import write
from tests.syntax.strategies import damaged_specs, texts


def check(text: str) -> None:
    source = Source("fuzz.cnn", text)
    try:
        file = parse(source)
    except SpecError as error:
        assert 1 <= len(error.diagnostics) <= MAX_ERRORS
        starts: list[int] = []
        for diagnostic in error.diagnostics:
            span = diagnostic.span
            assert span is not None and 0 <= span.start < span.end <= len(text) + 1
            starts.append(span.start)
            assert re.fullmatch(r"[a-z]+(-[a-z]+)*", diagnostic.code)
            assert diagnostic.render().count("\n") >= 3
            words = re.sub("`.*?`", "", diagnostic.message + diagnostic.help, flags=re.DOTALL)
            assert not re.search(r"(?<!U\+)\b_?[A-Z]{3,}\b|__", words), "a terminal's name"
        assert starts == sorted(starts)
    else:
        written = write(file)
        assert write(parse(Source("written.cnn", written))) == written


@given(texts)
@example("")
@example("\n\n  # only a comment")
@example("\ufeff conv")
@example("conv\r")
@example("\u2028\n    and")
@example("a:\n    b:\n  -> c")
@example("| x\n-> y:\n  z")
def test_any_text(text: str) -> None:
    check(text)


@given(damaged_specs())
def test_damaged_specs(text: str) -> None:
    check(text)


def test_the_largest_that_is_read_needs_no_deep_stack() -> None:
    """Bodies, parentheses and operators at their limits, in one file."""
    opened = "".join(f"{'  ' * level}residual:\n" for level in range(MAX_DEPTH))
    depth = MAX_PARENTHESES - 1
    value = "(" * depth + "1" + "+1)" * depth + "+1" * (MAX_OPERATORS - depth)
    text = f"cnndsl 1\n{opened}{'  ' * MAX_DEPTH}conv x=({value})\n"
    file = parse(Source("deep.cnn", text))
    assert file == parse(Source("deep.cnn", write(file)))
