"""Numbers, bars and tables as people read them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cnndsl.show import figures
from cnndsl.show.table import Column, give_way, markdown_rows, text_row, widths


@pytest.mark.parametrize(
    "number, text",
    [
        (0, "0"),
        (84, "84"),
        (999, "999"),
        (1000, "1.00 k"),
        (61_706, "61.7 k"),
        (None, "?"),
        (138_357_544, "138 M"),
        (999_500, "1.00 M"),
        (15_470_264_320, "15.5 G"),
        (10**19, "10000 P"),
    ],
)
def test_scaled(number: int | None, text: str) -> None:
    assert figures.scaled(number) == text


@pytest.mark.parametrize(
    "count, text",
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.00 KiB"),
        (None, "?"),
        (1536, "1.50 KiB"),
        (553_430_176, "528 MiB"),
        (1 << 40, "1.00 TiB"),
    ],
)
def test_size(count: int | None, text: str) -> None:
    assert figures.size(count) == text


@pytest.mark.parametrize(
    "part, whole, text",
    [
        (1, 2, "50.0 %"),
        (0, 5, "0.0 %"),
        (1, 10_000, "<0.1 %"),
        (None, 1, "?"),
        (1, None, "?"),
        (1, 0, "?"),
        (5, 10_000, "0.1 %"),
    ],
)
def test_percent(part: int | None, whole: int | None, text: str) -> None:
    assert figures.percent(part, whole) == text


@pytest.mark.parametrize(
    "value, first, text",
    [
        (1, 1, "×1.00"),
        (103, 1000, "×0.103"),
        (15, 1, "×15.0"),
        (150, 1, "×150"),
        (1, 40, "÷40.0"),
        (0, 5, "×0.000"),
        (1, 100_000, "÷100,000"),
        (None, 5, "?"),
        (5, None, "?"),
        (5, 0, "?"),
    ],
)
def test_ratio(value: int | None, first: int | None, text: str) -> None:
    assert figures.ratio(value, first) == text


def test_bars_show_the_least_bit_and_fill_their_width() -> None:
    assert figures.bar(0, 6) == ""
    assert figures.bar(1e-9, 6) == "▏"
    assert figures.bar(0.5, 6) == "███"
    assert figures.bar(1, 6) == "██████"
    assert all(len(figures.bar(i / 100, 6)) <= 6 for i in range(101))


def test_signed_and_plain() -> None:
    assert figures.signed(Fraction(-3, 4)) == "−0.75"
    assert figures.plain(Fraction(6, 3)) == 2
    assert figures.plain(Fraction(1, 3)) == 0.3333
    assert figures.grouped(None) == "?"
    assert figures.grouped(0, "·") == "·"


def test_columns_give_way_down_to_their_least() -> None:
    columns = [Column("name", least=4), Column("op", least=6), Column("n", "right")]
    natural = widths(columns, [["a long name", "an even longer op", "1,000"]])
    assert natural == [11, 17, 5]
    assert give_way(columns, natural, 100) == natural
    assert give_way(columns, natural, 30) == [11, 10, 5]
    assert give_way(columns, natural, 5) == [4, 6, 5]
    row = text_row(columns, ["a long name", "an even longer op", "7"], [10, 11, 5])
    assert row == "a long na…  an even lo…      7"


def test_markdown_escapes_bars() -> None:
    rows = markdown_rows([Column("a|b"), Column("n", "right")], [["x|y", "1"]])
    assert rows[1:] == ["| --- | ---: |", "| x\\|y | 1 |"]
