"""Tables on terminals of any width, with names of any script."""

from __future__ import annotations

import pytest

from cnndsl import resources
from cnndsl.show.report import report
from cnndsl.show.table import Column, cut, shown_width, text_row, widths
from cnndsl.show.terminal import Style, render
from tests.show.nets import analysed, zoo_analysed, zoo_source


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("name", ["vgg16", "resnet18", "inception_v3", "c3d", "lenet5_1998"])
def test_a_report_fits_and_has_no_bar_where_an_op_is_cut(name: str, width: int) -> None:
    lines = render(report(zoo_analysed(name, zoo_source(name)), name), width).splitlines()
    table = lines[3 : lines.index("", 3)]
    if width >= 80:
        assert max(map(len, lines)) <= width
    is_cut = any("…" in line for line in table)
    longest = max(len(row.text) for row in report(zoo_analysed(name, zoo_source(name)), "").layers)
    assert not (is_cut and "█" in "".join(table)) or longest > 48


@pytest.mark.parametrize("name", resources.zoo_names())
@pytest.mark.parametrize("depth", [None, 1, 2])
def test_no_two_rows_of_a_block_have_one_name(name: str, depth: int | None) -> None:
    made = report(zoo_analysed(name, zoo_source(name)), name, depth=depth)
    lines = render(made, whole=True).splitlines()
    path: list[str] = []
    seen: set[str] = set()
    for line in lines[5 : lines.index("", 5) - 1]:
        title = line.split("  ")[0] if not line.startswith(" ") else line.strip().split("  ")[0]
        level = (len(line) - len(line.lstrip())) // 2
        path = [*path[:level], title]
        assert ".".join(path) not in seen, line
        seen.add(".".join(path))


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("ants", 4),
        ("蟻", 2),
        ("Ameisenhügel", 12),
        ("Ameisenhu\u0308gel", 12),
        ("개미", 4),
        ("🐜", 2),
    ],
)
def test_the_width_of_a_text_is_that_of_a_terminal(text: str, width: int) -> None:
    assert shown_width(text) == width
    columns = [Column("class"), Column("n", "right")]
    rows = [[text, "1"], ["bees", "20"]]
    found = widths(columns, rows)
    drawn = [text_row(columns, row, found) for row in rows]
    assert len({shown_width(line) for line in drawn}) == 1


def test_a_text_is_cut_between_characters_to_so_many_columns() -> None:
    assert cut("蟻蟻蟻蟻", 8) == "蟻蟻蟻蟻"
    assert cut("蟻蟻蟻蟻", 6) == "蟻蟻…"
    assert cut("蟻蟻蟻蟻", 7) == "蟻蟻蟻…"
    assert cut("abcdef", 4) == "abc…"


def test_a_bar_is_coloured_where_it_stands_behind_wide_names() -> None:
    text = "cnndsl 1\nnet N\ninput x 3@8x8\nconv 3x3 4\n"
    made = report(analysed(text), "n")
    plain = render(made)
    coloured = render(made, style=Style(bar=lambda part: f"<{part}>"))
    assert coloured.replace("<", "").replace(">", "") == plain and "<██████>" in coloured
