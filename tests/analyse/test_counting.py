"""Cases that counters are known to disagree about; most of them count one of these wrong."""

from __future__ import annotations

import pytest

from cnndsl.analyse import analyse
from cnndsl.specs import load

CASES = {
    "conv without bias": ("3@32x32", "conv 3x3 16 same nobias", 432, 442_368, 884_736),
    "conv with bias": ("3@32x32", "conv 3x3 16 same", 448, 442_368, 901_120),
    "transposed by its input": ("8@8x8", "deconv 4x4 4 s2 p1 nobias", 512, 32_768, 65_536),
    "grouped": ("8@8x8", "conv 3x3 8 same g4 nobias", 144, 9_216, 18_432),
    "batch norm": ("16@8x8", "bn", 32, 0, 2_048),
    "relu": ("16@8x8", "relu", 0, 0, 1_024),
    "max pool": ("16@8x8", "pool 2x2", 0, 0, 768),
    "global pool": ("16@8x8", "gap", 0, 0, 1_024),
    "dense": ("@64", "fc 10", 650, 640, 1_290),
    "dense on a map": ("4@4x4", "fc 10", 650, 640, 1_290),
    "shared twice": (
        "4@16x16",
        "a: conv 3x3 4 same nobias\nreuse a\nreuse a",
        144,
        3 * 36_864,
        6 * 36_864,
    ),
    "residual add": (
        "8@8x8",
        "residual:\n    conv 3x3 8 same nobias",
        576,
        36_864,
        2 * 36_864 + 512,
    ),
    "bilinear": ("8@8x8", "upsample 2x2 bilinear", 0, 0, 14_336),
    "dropout": ("@64", "dropout", 0, 0, 0),
}


@pytest.mark.parametrize("case", CASES)
def test_counted_right(case: str) -> None:
    shape, lines, params, macs, flops = CASES[case]
    network, _ = load(f"cnndsl 1\nnet Case\ninput x {shape}\n{lines}\n")
    totals = analyse(network).totals
    assert (totals.params, totals.macs, totals.flops) == (params, macs, flops)


def test_statistics_are_stored_but_not_counted() -> None:
    totals = analyse(load("cnndsl 1\nnet Case\ninput x 16@8x8\nbn\n")[0]).totals
    assert totals.statistics == 32
    assert totals.weight_bytes == 4 * (32 + 32)


def test_heads_are_no_part_of_the_totals() -> None:
    text = "cnndsl 1\nnet Case\ninput x @8\nfc 8\nhead aux train:\n    fc 4 -> bn\nfc 2\n"
    totals = analyse(load(text)[0]).totals
    assert totals.params == 72 + 18
    assert totals.macs == 64 + 16
    assert (totals.head_params, totals.head_statistics) == (32 + 8, 8)


def test_what_depends_on_an_open_size_is_unknown() -> None:
    text = "cnndsl 1\nnet Case\ninput x 3@HxW\nconv 3x3 8 same\ngap\nfc 2\n"
    analysis = analyse(load(text)[0])
    assert analysis.totals.params == 224 + 18
    assert analysis.totals.macs is None
    assert analysis.memory(1) is None
    assert [row.macs for row in analysis.rows] == [None, None, 16]
