"""Layers worked through with numbers: as ONNX Runtime and torch have them, and by hand."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.layers import LAYERS
from cnndsl.show.numbers import WORKED, worked_through
from cnndsl.show.numbers.drawing import as_page, as_svg
from cnndsl.show.numbers.lesson import number, numbers
from cnndsl.show.numbers.part import part_of
from cnndsl.show.numbers.reading import read_array
from cnndsl.show.numbers.request import Request, of_line
from cnndsl.show.numbers.text import WIDTH, as_text
from tests.show.numbers import LINES, case, torch_gradients
from tests.support.golden import Golden
from tests.support.run_layer import run_layer

LECTURES = {
    "conv": ("conv 3x3 1 p1 s2", Request("1 2 3; 4 5 6; 7 8 9", "0 1 0; 1 -4 1; 0 1 0")),
    "conv-filters": ("conv 2x2 4", Request("1 2 3; 4 5 6 | 1 0 1; 0 1 0", steps=2)),
    "conv-gradient": (
        "conv 2x2",
        Request("1 2 0; 0 1 3; 2 1 1", "1 0; 2 1", {"bias": "1"}, "1 2; 0 1", gradient=True),
    ),
    "deconv": (
        "deconv 3x3 1 s2 nobias",
        Request("1 2; 3 4", "0 1 2; 3 4 5; 6 7 8", gradient=True, steps=1),
    ),
    "deconv-padding": ("deconv 3x3 1 s2 p1 op1", Request("1 2; 3 4", steps=1)),
    "pool": ("pool 2x2", Request("1 3 2 0; 4 2 1 5; 0 1 2 2; 7 1 0 2", upstream="1 2; 3 4")),
    "avgpool": ("avgpool 2x2 s2 p1", Request("1 2; 3 4", gradient=True)),
    "gap": ("gap", Request("1 2; 3 4 | 0 0; 0 1")),
    "upsample": ("upsample 2x2", Request("1 2; 3 4", gradient=True)),
    "upsample-bilinear": ("upsample 2x2 bilinear", Request("0 4; 8 12", gradient=True)),
    "lrn": ("lrn 3 k=1 alpha=1 beta=0.5", Request("1 2 | 2 0 | 2 0", upstream="1 0 | 0 0 | 0 0")),
    "bn": ("bn eps=1e-12", Request("1 3; 5 7 | 0 0; 0 4", upstream="1 0; 0 0 | 0 1; 0 0")),
    "bn-given": (
        "bn",
        Request("1 3; 5 7", parameters={"running_mean": "3", "running_var": "4", "bias": "1"}),
    ),
    "ln": ("ln", Request("1 3 | 3 3 | 8 3", upstream="1 0 | 0 1 | 0 0")),
    "softmax": ("softmax", Request("0 1 2 3", upstream="0 0 0 1")),
    "relu": ("relu", Request(gradient=True)),
    "conv-depth": ("conv 2x2x2", Request(gradient=True, steps=1)),
    "pool-depth": ("pool 2x2x2", Request(steps=1)),
    "mul": ("mul x", Request("1 2; 3 4 | 1 1; 2 2", gradient=True, others=("2 | 3",))),
    "concat": ("concat x", Request("1 2; 3 4", gradient=True, others=("5 6; 7 8",))),
    "minmax": ("minmax", Request("1 5; 3 1", upstream="1 0; 1 0")),
    "fc": ("fc 2", Request("1 2 3", "1 0 -1; 2 1 0", {"bias": "1 -1"}, gradient=True)),
}


@pytest.mark.parametrize("line", LINES)
def test_values_are_those_of_onnx_runtime(line: str) -> None:
    given = case(line, statistics=True)
    inputs = [x[None] for x in (given.x, *given.others)]
    found = run_layer(given.layer, *inputs, parameters=given.parameters)[0]
    np.testing.assert_allclose(worked_through(given).output, found, rtol=2e-5, atol=2e-5)


@pytest.mark.torch
@pytest.mark.parametrize("statistics", [False, True])
@pytest.mark.parametrize("line", LINES)
def test_gradients_are_those_of_torch(line: str, statistics: bool) -> None:
    given = case(line, statistics=statistics)
    lesson, (output, gradients) = worked_through(given), torch_gradients(given)
    np.testing.assert_allclose(lesson.output, output, rtol=1e-9, atol=1e-9)
    assert set(lesson.gradients) == set(gradients)
    for name, expected in gradients.items():  # torch's hard sigmoid takes 1/6 in 32 bits
        np.testing.assert_allclose(lesson.gradients[name], expected, rtol=1e-7, atol=1e-7)


def test_every_kind_is_compared() -> None:
    assert {line.split()[0] for line in LINES} == set(WORKED) <= set(LAYERS)


@pytest.mark.parametrize("name", LECTURES)
def test_lectures(name: str, golden: Golden) -> None:
    line, request = LECTURES[name]

    def show(_: str) -> str:
        given = of_line(line, request)
        text = as_text(worked_through(given), given.notes)
        assert max(map(len, text.splitlines())) <= WIDTH
        return text

    golden(f"numbers/{name}", line, show)


def test_stamps_of_the_lecture() -> None:
    """A 2x2 image, a 3x3 filter of 0 to 8 and stride 2: 5x5, in whose middle all stamps meet."""
    lesson = worked_through(
        of_line("deconv 3x3 1 s2 nobias", Request("1 2; 3 4", "0 1 2; 3 4 5; 6 7 8"))
    )
    assert lesson.output.tolist() == [
        [
            [0, 1, 2, 2, 4],
            [3, 4, 11, 8, 10],
            [6, 10, 26, 18, 24],
            [9, 12, 27, 16, 20],
            [18, 21, 48, 28, 32],
        ]
    ]
    assert lesson.output[0, 2, 2] == 8 * 1 + 6 * 2 + 2 * 3 + 0 * 4 == 26


def test_sizes_of_the_lecture() -> None:
    """A convolution with stride 2 makes 2 of 5, a transposed one 5 of 2; padded, 3 and 5."""
    for line, size, made in (
        ("conv 3x3 s2", 5, 2),
        ("deconv 3x3 s2", 2, 5),
        ("conv 3x3 s2 p1", 5, 3),
        ("deconv 3x3 s2 p1", 3, 5),
    ):
        text = "; ".join([" ".join(["1"] * size)] * size)
        assert worked_through(of_line(line, Request(text))).output.shape == (1, made, made)


def test_merges_share_what_is_equal_and_flat_maps_divide_by_nothing() -> None:
    lesson = worked_through(
        of_line("max x y", Request("1 2", "", {}, "6 4", others=("1 3", "1 0")))
    )
    assert [g.ravel().tolist() for g in lesson.gradients.values()] == [[2, 0], [2, 4], [2, 0]]
    lesson = worked_through(
        of_line("atan2 x", Request("0 0 1", upstream="1 1 1", others=("0 2 0",)))
    )
    np.testing.assert_allclose(lesson.output.ravel(), [0, 0, np.pi / 2])
    assert lesson.gradients["X"].ravel().tolist() == [0, 0.5, 0]
    flat = worked_through(of_line("minmax", Request("3 3; 3 3", upstream="1 0; 0 0")))
    assert not flat.output.any()
    assert flat.gradients["X"].ravel().tolist() == [0.75, -0.25, -0.25, -0.25]


PARTS = {
    "conv 3x3 4 s2 p1 nobias": "3@30x31",
    "conv 5x3 6 g2 d2x1 p=(0,1,2,1)": "4@26x24",
    "conv k3 2 s2 same": "3@50",
    "conv 1x1 5": "3@22x22",
    "dwconv 3x3 s2 p1": "3@25x25",
    "filter sobel_x p1": "2@21x25",
    "deconv 3x3 4 s2 p1 op1 g2": "2@12x13",
    "deconv 2x2 s2": "2@12x12",
    "deconv k5 2 s2 p3": "2@40",
    "pool 3x3 s2 p1": "2@25x25",
    "pool 3x3 s2 ceil": "2@24x24",
    "avgpool 3x3 s2 p1": "2@25x25",
    "avgpool 3x3 s2 ceil": "2@24x24",
    "avgpool 3x3 s1 p1 countpad": "2@21x21",
    "bn": "3@21x21",
    "ln": "4@21x21",
    "lrn 3": "5@21x21",
    "softmax": "4@21x21",
    "prelu": "3@21x21",
    "sigmoid": "2@500",
    "add x": "3@21x21 3@1x1",
    "mul x y": "2@21x22 2@21x22 1@21x22",
}


@pytest.mark.parametrize("line", PARTS)
@pytest.mark.parametrize("where", [None, 0.0, 0.4, 1.0])
@pytest.mark.parametrize("channel", [None, 1])
def test_a_part_is_what_the_whole_has_there(
    line: str, where: float | None, channel: int | None
) -> None:
    """Values and gradients, those of the whole with 0 for all dY but the part's."""
    whole = case(line, PARTS[line], statistics=True)
    sizes = whole.output.sizes
    at = () if where is None else tuple(round(where * (n - 1)) for n in sizes)
    all_channels = line.split()[0] in ("ln", "lrn", "softmax")
    if all_channels and channel is not None:
        with pytest.raises(UsageError, match="with all of its channels"):
            part_of(whole, at, channel, few=True)
        return
    shown = part_of(whole, at, channel, few=True)
    assert shown.part
    rank = len(sizes)
    first = shown.part.output_first[3 - rank :]
    assert where is None or first == at
    spans = tuple(slice(n, n + m) for n, m in zip(first, shown.output.sizes, strict=True))
    one = slice(None) if channel is None else slice(channel, channel + 1)
    assert whole.upstream is not None
    dy = np.zeros_like(whole.upstream)
    dy[(one, *spans)] = whole.upstream[(one, *spans)]
    expected = worked_through(replace(whole, upstream=dy))
    found = worked_through(replace(shown, upstream=dy[(one, *spans)]))
    np.testing.assert_allclose(found.output, expected.output[(one, *spans)], rtol=1e-9, atol=1e-9)
    seen = zip(shown.part.input_first[3 - rank :], shown.x.shape[1:], strict=True)
    region = tuple(slice(n, n + m) for n, m in seen)
    dx = expected.gradients["X"]
    if len(shown.x) == len(dx):
        np.testing.assert_allclose(found.gradients["X"], dx[(slice(None), *region)], atol=1e-9)
        dx[(slice(None), *region)] = 0
        assert not dx.any()
    else:
        assert found.gradients["X"].sum() == pytest.approx(dx.sum())
    for name, values in found.gradients.items():
        if name[0] != "X":
            theirs = expected.gradients[name]
            assert values.sum() == pytest.approx(theirs.sum())


def test_a_maximum_alone_gets_the_gradient() -> None:
    lesson = worked_through(of_line("pool 2x2", Request("1 3; 3 2", upstream="5")))
    assert lesson.gradients["X"].tolist() == [[[0, 5], [0, 0]]]  # the first of those that tie


@pytest.mark.parametrize("name", LECTURES)
def test_drawings_are_whole_and_coloured(name: str) -> None:
    given = of_line(*LECTURES[name])
    lesson = worked_through(given)
    svg = as_svg(lesson, given.notes)
    root = ET.fromstring(svg)
    texts = "".join(root.itertext())
    assert lesson.title in texts
    assert all(note in texts for note in given.notes)
    assert 'class="ground"' in svg
    page = as_page(lesson, given.notes)
    assert page.count("<svg") == len(lesson.sections)
    assert page.startswith("<!doctype html>")


@pytest.mark.parametrize("word", WORKED)
def test_every_layer_has_numbers_of_its_own(word: str) -> None:
    """Made up, always the same, and small enough to be shown."""
    line = LAYERS[word].examples[0].text
    if word in ("conv", "deconv", "fc"):
        line = {"conv": "conv 3x3", "deconv": "deconv 3x3 s2", "fc": "fc 3"}[word]
    first, second = (of_line(line, Request(gradient=True)) for _ in range(2))
    assert as_text(worked_through(first)) == as_text(worked_through(second))
    assert as_text(worked_through(first)).count("\n") < 250


@pytest.mark.parametrize("word", WORKED)
def test_a_gradient_that_is_made_up_comes_back(word: str) -> None:
    line = {"conv": "conv 3x3", "deconv": "deconv 3x3", "fc": "fc 3"}.get(
        word, LAYERS[word].examples[0].text
    )
    lesson = worked_through(of_line(line, Request(gradient=True)))
    assert any(abs(gradient).max() > 1e-6 for gradient in lesson.gradients.values())


def test_numbers_as_they_are_written() -> None:
    assert numbers([1, -2.0, 3]) == ["1", "−2", "3"]
    assert numbers([0.5, -0.25]) == ["0.50", "−0.25"]
    assert numbers([1 / 3, -1e-9, np.nan]) == ["0.3333", "0.0000", ""]
    assert number(1e9) == "1e+09"
    assert read_array("1, 2; 1/4 -3e-1 | 0 0; −1 1;", "--input").tolist() == [
        [[1, 2], [0.25, -0.3]],
        [[0, 0], [-1, 1]],
    ]


@pytest.mark.parametrize(
    ("line", "request_", "message"),
    [
        ("relu", Request("1 x"), "--input: row 1 of channel 1, number 2: `x` is no number"),
        ("relu", Request("1 2; 3"), "--input: row 2 has 1 number, and the first 2"),
        ("relu", Request("1; 2 | 3"), "--input: channel 2 has 1 row, and the first 2"),
        ("relu", Request("1;;2"), "--input: row 2 of channel 1 is empty; write numbers as in"),
        ("relu", Request("1/0"), "--input: row 1 of channel 1, number 1: `1/0` divides by 0"),
        ("relu", Request("1e99"), "--input: numbers lie between −1e+15 and 1e+15"),
        ("relu", Request("nan"), "`nan` is no number"),
        ("relu", Request(kernel="1"), "--kernel: `relu` has no weights; it has none at all"),
        ("conv 3x3", Request(kernel="1 2"), "--kernel has 2 numbers, and 9 (1x1x3x3) are needed"),
        (
            "conv 3x3 4",
            Request(kernel="1 2"),
            "36 (4x1x3x3), or 9 for all 4 kernels alike are needed",
        ),
        ("bn", Request("1 2", parameters={"running_var": "1 -1"}), "a variance is 0 or more"),
        ("conv 3x3", Request(parameters={"bais": "1"}), "no parameter `bais`; did you mean `bias`"),
        ("conv 3x3", Request(upstream="1 2 3"), "--upstream has 3 numbers, and 4 (1x2x2) are"),
        (
            "upsample 40x40",
            Request(),
            "the grid of the output, 1@80x80, would have 6,400 numbers a channel, and at most 400 "
            "are shown; give a smaller --input",
        ),
        ("fc 2000000", Request(), "`fc` has 8,000,000 weights on @4, and at most 4,194,304"),
        ("conv 3x3 -> relu", Request(), "is 2 layers, and one is worked through at a time"),
        ("unpool", Request(), "`unpool` goes back by the switches of a pool: `cnndsl explain"),
        ("l2norm", Request(), "`l2norm` isn't worked through with numbers yet; these are: `conv`"),
        ("add x", Request("1 2"), "`add` takes 2 inputs, and 1 is given; give each its --input"),
        ("relu", Request("1", others=("2",)), "`relu` takes 1 input, and 2 are given; give it one"),
        (
            "gap 4x4",
            Request(),
            "`gap` is worked through over whole maps alone; windows are shown by",
        ),
        ("convv 3x3", Request(), "there is no layer `convv`"),
        ("relu", Request("nothing.npy"), "nothing.npy"),
    ],
)
def test_what_is_refused(line: str, request_: Request, message: str) -> None:
    with pytest.raises((UsageError, SpecError, OSError)) as caught:
        of_line(line, request_)
    assert message in str(caught.value)


def test_arrays_from_files(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.arange(8, dtype=np.int8).reshape(2, 2, 2))
    assert of_line("relu", Request(str(path))).x.shape == (2, 2, 2)
    np.save(path, np.ones((2, 2), complex))
    with pytest.raises(UsageError, match="no plain numbers but complex128"):
        of_line("relu", Request(str(path)))
    with path.open("wb") as file:
        np.savez(file, a=np.ones(2), b=np.ones(2))
    with pytest.raises(UsageError, match="holds several arrays"):
        of_line("relu", Request(str(path)))
    for shape, taken in (
        ((3,), (3,)),
        ((2, 3), (1, 2, 3)),
        ((1, 4, 2, 3), (4, 2, 3)),
        ((2, 3, 1, 4), (2, 3, 1, 4)),
        ((1, 2, 3, 1, 4), (2, 3, 1, 4)),
    ):
        np.save(path, np.ones(shape))
        assert of_line("relu", Request(str(path))).x.shape == taken
    np.save(path, np.ones((2, 4, 2, 3, 1)))
    with pytest.raises(UsageError, match="--input is 2x4x2x3x1, and C×H×W is taken, or C×D×H×W"):
        of_line("relu", Request(str(path)))
    np.save(path, np.ones((100_000, 1, 1)))
    with pytest.raises(UsageError, match="at most 100,000,000 are worked out"):
        of_line("lrn 99999", Request(str(path)))
    path.write_bytes(b"no array")
    with pytest.raises(UsageError, match="no array that can be read"):
        of_line("relu", Request(str(path)))
