"""Advice in messages is followed: what a help says to write is written, and the mistake is gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnndsl.diagnostics import Diagnostic, SpecError
from cnndsl.source import Source
from cnndsl.specs import load
from tests.support.command_line import cnndsl
from tests.support.golden import golden_names, golden_source
from tests.support.toy_data import write_toy

REPLACING = re.compile(r"(?:did you mean|write) `([^`…]+)`\??")
"""A help that is nothing but what to write in place of what the carets stand below."""


def mistakes(text: str) -> tuple[Diagnostic, ...]:
    """The errors of a spec."""
    try:
        load(Source("net.cnn", text))
    except SpecError as e:
        return tuple(e.diagnostics)
    return ()


def advised() -> list[str]:
    """Golden diagnostics whose first error says plainly what to write."""
    return [
        name
        for name in golden_names("diagnostics")
        if (found := mistakes(golden_source(name)))
        and found[0].span
        and REPLACING.fullmatch(found[0].help)
    ]


def without(text: str, first: Diagnostic, written: str) -> set[tuple[str, int]]:
    """Codes and lines of what is left when `written` stands in the mistake's place."""
    assert first.span is not None
    mended = text[: first.span.start] + written + text[first.span.end :]
    return {(d.code, d.span.line if d.span else 0) for d in mistakes(mended)}


@pytest.mark.parametrize("name", advised())
def test_what_a_diagnostic_says_to_write_mends_it(name: str) -> None:
    text = golden_source(name)
    first, *_ = mistakes(text)
    advice = REPLACING.fullmatch(first.help)
    assert advice and first.span
    assert (first.code, first.span.line) not in without(text, first, advice[1])


NET = "cnndsl 1\nnet N(classes=10)\ninput x 3@32x32\nconv 3x3 8\n{}\n"


@pytest.mark.parametrize(
    ("line", "pattern", "written"),
    [
        ("dropout p=0.5", r"for example `([^`]+)`", "{}"),
        ("dropout rate=0.5", r"for example `([^`]+)`", "{}"),
        ("output probabilities", r"as `([^`]+)` is", "output {}"),
        ("logits: fc classes\noutput logit", r"did you mean `([^`]+)`", "output {}"),
    ],
)
def test_an_example_in_a_help_takes_the_lines_place(line: str, pattern: str, written: str) -> None:
    (first,) = mistakes(NET.format(line))
    advice = re.search(pattern, first.help)
    assert advice, first.help
    before, _, _ = line.rpartition("\n")
    assert mistakes(NET.format(f"{before}\n{written.format(advice[1])}")) == ()


@pytest.mark.parametrize("shape", ["3@64*64", "3@64,64", "3@64 * 64", "3@16*64*64"])
def test_a_shape_with_other_signs_is_written_as_the_help_says(shape: str) -> None:
    text = "cnndsl 1\nnet N\ninput x {}\nrelu\n"
    (first,) = mistakes(text.format(shape))
    advice = REPLACING.fullmatch(first.help)
    assert advice, first.help
    assert mistakes(text.format(advice[1])) == ()


@pytest.mark.parametrize("spec", ["lenet5", "tiny.cnn", "fashion_cnn"])
def test_an_input_that_a_training_names_is_taken(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_toy(tmp_path)
    bigger = (tmp_path / "tiny.cnn").read_text().replace("1@8x8", "1@16x16")
    (tmp_path / "tiny.cnn").write_text(bigger)
    run = ("train", spec, "--data", "quarters.npz", "--epochs", "1", "--threads", "1")
    output = cnndsl(*run).output
    assert "pictures of 8x8 are resized to" in output
    advice = re.search(r"; (--input \S+) would take them as they are", output)
    assert (advice is None) == (spec == "lenet5")  # no window of 5 fits into what is left of 8x8
    if advice:
        assert "resized" not in cnndsl(*run, *advice[1].split()).output
