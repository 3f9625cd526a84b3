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


ADVICE: dict[str, tuple[tuple[str, str], ...]] = {
    "bad-dedent": (("  relu", "    relu"), ("  relu", "relu")),
    "bad-input": (("8@3x224x224x1\nconv 3x3", "3@16x112x112\nconv 3x3x3"),),
    "bad-loss": (("0.5*logits", "0.3*cross_entropy(logits)"),),
    "bad-name": (("café", "cafe_1"), ("café", "cafe.a")),
    "bad-number": ((" .5", " 0.5"), (" .5", " 1e-5")),
    "bad-option": (("s2.0", "s=(4/2)"),),
    "bad-repeat": (("1000000", "20"),),
    "bad-shape": (("3@\n", "3@224x224\n"), ("3@\n", "3@HxW\n")),
    "bad-size": (("5X5", "5x5"),),
    "channel-out-of-range": (("1 2 3", "0 1 2"),),
    "crop-how": (("crop", "crop 4"), ("crop", "crop to=image")),
    "crop-too-large": (("crop to=image", "pad 8"), ("crop to=image", "crop to=small from image")),
    "division-by-zero": (("0 1:", "1 2:"),),
    "empty-file": (("# My", "cnndsl 1\nnet Name\ninput image 3@224x224\nrelu  # My"),),
    "even-neighbours": (("lrn 4", "lrn 3"), ("lrn 4", "lrn 5")),
    "filter-numbers": (
        ("filter 3x3 0 -1 0 -1 5 -1", "filter sobel_x"),
        ("filter 3x3 0 -1 0 -1 5 -1", "filter 3x3 1 0 -1 2 0 -2 1 0 -1"),
    ),
    "given-twice": ((" stride=2", ""), (" s2 ", " ")),
    "head-needed": (("output aux", "output fc1"),),
    "loss-shape-mismatch": (("deconv 2x2 1 s2", "deconv 2x2 3 s2"),),
    "merge-shape-mismatch": (
        ("3x3 8\n    | conv 5x5 8", "3x3 8 same\n    | conv 5x5 8 same"),
        ("3x3 8\n", "3x3 8 -> crop 1\n"),
        ("5x5 8", "5x5 8 -> pad 1"),
    ),
    "misplaced-arrow": (("-> conv", "conv"),),
    "misplaced-brace": (("{4*n}", "(4*n)"),),
    "misplaced-branch": (("| conv 3x3 8 same", "concat:\n    | conv 3x3 8 same\n    | skip"),),
    "misplaced-statement": (("    output add1", "output add1"),),
    "missing-body": (("\nconv", "\n    conv"), ("residual relu:\n", "relu\n")),
    "missing-branches": (("    conv", "    | skip\n    | conv"),),
    "missing-colon": (("16 32", "16 32:"),),
    "missing-input": (("net Small\n", "net Small\ninput image 3@224x224\n"),),
    "missing-setting": (("(classes)", "(classes=10)"),),
    "mixed-body": (
        ("    conv 3x3", "    | conv 3x3"),
        ("    conv 3x3 8 same", "      -> conv 3x3 8 same\n    | skip"),
    ),
    "mixed-indentation": (("\t", "    "),),
    "name-taken": (("e: conv", "P{n}: conv"),),
    "name-too-long": (("_many", ""),),
    "needs-fixed-size": (("fc 10", "gap -> fc 10"), ("3@HxW", "3@224x224")),
    "needs-space": (("conv 3x3 64", "reshape 2@8x8"), ("conv 3x3 64", "fc 64")),
    "needs-vector": (("rbf 10", "fc 20 -> rbf 10"), ("rbf 10", "flatten -> rbf 10")),
    "negative-part": (("in 0 1", "in 1 2"),),
    "no-layers": (("conv 3x3 64 if deep", "conv 3x3 64 relu"),),
    "no-such-number": (("9-10", "10-9"),),
    "not-a-label": (("conv 3x3 3 same relu\nreuse conv1", "a: conv 3x3 3 same relu\nreuse a"),),
    "not-a-layer": (("x relu", "relu from x"),),
    "not-a-number": (("2*act", "2*3"),),
    "not-a-pool": (("P1: pool 2x2 relu", "P1: pool 2x2 s2"),),
    "not-a-value": (("crop to=24", "x: pool 2x2\ncrop to=x from image"),),
    "not-whole": (("7/2", "7//2"), ("7/2", "round8(7/2)")),
    "nothing-left": (("crop 4", "crop 1"),),
    "number-too-large": (("2**60", "2**6"),),
    "output-padding-with-same": ((" op1", ""), (" same", " p1")),
    "pad-value-unused": ((" edge", ""), (" value=0.5", "")),
    "padding-too-large": (("p2", "p1"), ("pool 2x2 s2 p2", "pad 2 -> pool 2x2 s2")),
    "recursive-block": (("    deeper (2*n)\ndeeper 16", "deeper 16 *2"),),
    "reflect-too-wide": (("pad 4 reflect", "pad 3 reflect"), ("reflect", "edge")),
    "refused-argument": (("momentum=0.99", "keep=0.9"),),
    "repeat-after-if": (("if deep *2", "*2 if deep"),),
    "repeated-tail": (("*2 *3", "*6"),),
    "reserved-name": (("pad", "my_pad"),),
    "reshape-mismatch": (("4@7x7", "4@5x5"),),
    "residual-shape-mismatch": (("residual relu:", "residual project relu:"),),
    "reuse-mismatch": (("reuse a", "reuse a from image"),),
    "row-length": (("(32)", "(32, 2)"),),
    "sample-shape-mismatch": (("fc 10", "fc 20"),),
    "second-loss": (
        (
            "loss cross_entropy(logits)\nloss 0.3*cross_entropy(aux)",
            "loss cross_entropy(logits) + 0.3*cross_entropy(aux)",
        ),
    ),
    "second-net": (("net Large\n", ""),),
    "symbolic-same": (("same", "half"),),
    "symbolic-variable": (("3@sizexsize", "3@{size}x{size}"), ("3@sizexsize", "3@HxW")),
    "symbolic-vector": (("@N", "@128"),),
    "take-how": (("take", "take 0 1 2"), ("take", "take first=2"), ("take", "take last=2")),
    "too-many-codes": (("rbf 10", "fc 20 -> rbf 10"),),
    "unclosed-brace": (("P{i:", "P{i}:"),),
    "unclosed-parenthesis": (("(4*8", "(4*8)"),),
    "unexpected-body": (("64:\n    relu", "64\nrelu"),),
    "unexpected-branches": (
        ("| conv 3x3 3 same\n    | skip", "conv 3x3 3 same"),
        ("residual:", "add:"),
    ),
    "unexpected-end": (("let n =", "let n = 3"), ("let n =\n", "")),
    "unexpected-indent": (("    relu", "relu"),),
    "unexpected-token": (("3x3,", "3x3"),),
    "unknown-function": (("pow(2,5)", "(2**5)"),),
    "unopened-parenthesis": (("4*8)", "(4*8)"),),
    "unpool-shape-mismatch": (("unpool P1", "conv 1x1 3 -> unpool P1"),),
    "widen-narrower": (("widen 32", "take first=32"), ("widen 32", "conv 1x1 32")),
    "window-too-large": (("conv 3x3 64", "conv 1x1 64"), ("s2 ->", "->")),
    "wrong-axes": (("3x3x3", "k3"), ("3x3x3", "3x3")),
}
"""What helps in words say, done: in place of one text another one, each by itself."""


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [(name, *change) for name, changes in ADVICE.items() for change in changes],
)
def test_advice_in_words_leads_to_a_spec_without_mistakes(
    name: str, before: str, after: str
) -> None:
    text = golden_source(f"diagnostics/{name}")
    assert mistakes(text) and before in text
    assert [str(d.message) for d in mistakes(text.replace(before, after))] == []


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
