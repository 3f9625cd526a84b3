"""How a diagnostic looks in a terminal, and what editors get of it."""

import pytest

from cnndsl.diagnostics import Diagnostic, SpecError, closest, did_you_mean
from cnndsl.source import Source, Span


def diagnostic(text: str, part: str, **more: object) -> Diagnostic:
    start = text.index(part)
    span = Span(Source("net.cnn", text), start, start + len(part))
    return Diagnostic("some-code", "something is wrong", span, **more)  # type: ignore[arg-type]


def test_the_line_and_a_caret_under_the_part() -> None:
    assert diagnostic("relu\nconv 3x3 64", "3x3", help="do it").render() == (
        "error[some-code]: something is wrong\n"
        "  --> net.cnn:2:6\n"
        "   2 | conv 3x3 64\n"
        "     |      ^^^\n"
        "  help: do it"
    )


def test_line_numbers_keep_the_margin_as_long_as_they_can() -> None:
    rendered = diagnostic("\n" * 12344 + "relu", "relu").render().split("\n")
    assert rendered[2:] == ["12345 | relu", "      | ^^^^"]


def test_warnings_and_calls() -> None:
    text = "def f(n): conv n\nf 3\n"
    call = Span(Source("net.cnn", text), text.index("f 3"), text.index("f 3") + 3)
    rendered = diagnostic(text, "n): c", severity="warning", frames=(call, call)).render()
    assert rendered.startswith("warning[some-code]: ")
    assert rendered.endswith("\n  from: `f 3` at net.cnn:2:1\n  from: `f 3` at net.cnn:2:1")


def test_of_very_many_calls_the_inner_and_outer_ones() -> None:
    text = "".join(f"f{i}\n" for i in range(40))
    source = Source("net.cnn", text)
    frames = tuple(Span(source, source.line_starts[i], source.line_starts[i] + 2) for i in range(9))
    (*_, a, gap, b, c, d) = diagnostic(text, "f39", frames=frames).render().split("\n")
    assert a == "  from: `f4` at net.cnn:5:1"
    assert gap == "  from: … 1 more"
    assert [b[9:11], c[9:11], d[9:11]] == ["f6", "f7", "f8"]
    assert "more" not in diagnostic(text, "f39", frames=frames[:8]).render()


def test_a_caret_below_tabs_and_to_the_end_of_the_line_only() -> None:
    rendered = diagnostic("residual:\n\trelu\n\ttanh", "relu\n\ttanh").render().split("\n")
    assert rendered[2:] == ["   2 | \trelu", "     | \t^^^^"]


def test_a_place_behind_the_end() -> None:
    source = Source("net.cnn", "relu")
    rendered = Diagnostic("some-code", "it ends", Span(source, 4, 5)).render().split("\n")
    assert rendered[2:] == ["   1 | relu", "     |     ^"]


def test_of_a_long_line_only_the_neighbourhood_is_shown() -> None:
    rendered = diagnostic("a" * 5000 + "XYZ" + "b" * 5000, "XYZ").render().split("\n")
    assert max(map(len, rendered)) < 200
    shown, carets = rendered[2:]
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "XYZ"


@pytest.mark.parametrize("character", ["\x1b[31m", "\x00", "\x07", "\u202e", "\ud800", "\x9b"])
def test_a_terminal_is_not_told_what_to_do(character: str) -> None:
    text = f"use {character} relu"
    rendered = diagnostic(text, "relu", help=f"not {character}").render()
    assert character[0] not in rendered
    rendered.encode("utf-8")


def test_colours() -> None:
    plain, coloured = (diagnostic("relu", "relu", help="x").render(c) for c in (False, True))
    assert "\x1b[1;31merror[some-code]" in coloured and "\x1b[1;34mhelp:" in coloured
    for code in ("\x1b[1;31m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_the_form_for_editors() -> None:
    text = "relu\nresidual:\n  relu\n"
    assert diagnostic(text, "residual:\n  relu", help="x").as_json() == {
        "code": "some-code",
        "severity": "error",
        "message": "something is wrong",
        "help": "x",
        "file": "net.cnn",
        "line": 2,
        "column": 1,
        "end_line": 3,
        "end_column": 7,
        "from": [],
    }
    assert "line" not in Diagnostic("some-code", "without a place").as_json()


def test_an_error_is_its_diagnostics() -> None:
    error = SpecError([diagnostic("relu", "relu"), diagnostic("tanh", "tanh")])
    assert str(error).count("error[some-code]") == 2 and len(error.diagnostics) == 2


SUGGESTED = {
    "rleu": "relu",
    "RELU": "relu",
    "conv1d": "conv1",
    "encoder": "enc",
    "x": None,
    "frobnicate": None,
    "": None,
}


@pytest.mark.parametrize("word, meant", SUGGESTED.items(), ids=repr)
def test_what_was_probably_meant(word: str, meant: str | None) -> None:
    assert closest(word, ["relu", "tanh", "conv1", "enc", "Conv2"]) == meant
    otherwise = "nothing is like it"
    expected = f"did you mean `{meant}`?" if meant else otherwise
    assert did_you_mean(word, ["relu", "tanh", "conv1", "enc", "Conv2"], otherwise) == expected
