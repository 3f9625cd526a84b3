"""The report of every net in the zoo as a terminal shows it; other formats of a small one."""

from __future__ import annotations

import csv
import io

import pytest

from cnndsl import resources
from cnndsl.show.columns import CSV_TITLES, as_csv, as_markdown
from cnndsl.show.data import as_json
from cnndsl.show.report import Report, report
from cnndsl.show.terminal import WIDTH, Style, render
from tests.show.nets import OPEN, SHARED, SMALL, analysed, zoo_analysed, zoo_source
from tests.support.golden import Golden


def small(**options: object) -> Report:
    return report(analysed(SMALL), "net.cnn", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", resources.zoo_names())
def test_zoo(name: str, golden: Golden) -> None:
    def show(text: str) -> str:
        printed = render(report(zoo_analysed(name, text), f"zoo/{name}.cnn"))
        assert max(map(len, printed.splitlines())) <= WIDTH
        return printed

    golden(f"report/{name}", zoo_source(name), show)


@pytest.mark.parametrize(
    "form, show",
    [("md", as_markdown), ("csv", as_csv), ("json", as_json)],
    ids=["md", "csv", "json"],
)
def test_formats(form: str, show: object, golden: Golden) -> None:
    assert callable(show)
    golden(
        f"report/formats/{form}",
        SMALL,
        lambda text: show(report(analysed(text), "net.cnn", batch=8, limit=10**9)),
    )


@pytest.mark.parametrize("depth", [1, 2])
def test_folded(depth: int, golden: Golden) -> None:
    golden(
        f"report/formats/depth{depth}",
        zoo_source("resnet18"),
        lambda text: render(report(zoo_analysed("resnet18", text), "resnet18.cnn", depth=depth)),
    )


@pytest.mark.parametrize("name, text", [("open", OPEN), ("shared", SHARED)])
def test_what_is_special(name: str, text: str, golden: Golden) -> None:
    golden(f"report/formats/{name}", text, lambda text: render(report(analysed(text), "net.cnn")))


def test_every_depth_has_the_same_sums() -> None:
    analysis = zoo_analysed("googlenet", zoo_source("googlenet"))
    for depth in (None, 1, 2, 3):
        made = report(analysis, "", depth=depth)
        assert sum(e.params for e in made.layers) == analysis.totals.params
        assert sum(e.macs or 0 for e in made.layers) == analysis.totals.macs
        assert sum(e.layers for e in made.layers) == len(analysis.network.without_heads())
        heads = sum(e.params for layers in made.heads.values() for e in layers)
        assert heads == analysis.totals.head_params


def test_folded_blocks_are_called_as_they_are_written() -> None:
    made = report(zoo_analysed("resnet50", zoo_source("resnet50")), "", depth=1)
    texts = {entry.name: entry.text for entry in made.layers}
    assert texts["stage1"] == "stage 64 3 s1"
    assert texts["stage4"] == "stage 512 3"
    made = report(zoo_analysed("lenet5", zoo_source("lenet5")), "", depth=1)
    assert {e.name: e.text for e in made.layers}["C5"] == "fc 120 -> relu"


def test_lines_are_those_of_the_spec_and_not_of_the_prelude() -> None:
    made = report(zoo_analysed("resnet50", text := zoo_source("resnet50")), "")
    lines = text.splitlines()
    for entry in made.layers:
        assert entry.line is not None
        if entry.name.startswith("stage1.bottleneck1."):
            assert "bottleneck n s=s" in lines[entry.line - 1]
    assert lines[(made.layers[0].line or 0) - 1].startswith("conv 7x7 64")


def test_a_wide_terminal_shows_more_and_a_narrow_one_cuts() -> None:
    made = small()
    wide = render(made, 160).splitlines()
    titles = next(line for line in wide if line.startswith("layer"))
    assert titles.split()[-5:] == ["jump", "weights", "outputs", "other", "ops"]
    between = render(made, 110)
    assert "jump" in between
    assert "other ops" not in between
    assert "jump" not in render(made, WIDTH)
    narrow = render(report(analysed(SMALL.replace("stem", "a_label_that_is_long")), ""), 60)
    assert max(map(len, narrow.splitlines())) <= 60
    assert "…" in narrow
    assert "█" not in narrow


def test_colours_change_nothing_else() -> None:
    style = Style(bold=lambda t: f"⟦{t}⟧", dim=lambda t: f"⟦{t}⟧", bar=lambda t: f"⟦{t}⟧")
    painted = render(small(), style=style)
    assert "⟦████" in painted
    assert painted.replace("⟦", "").replace("⟧", "") == render(small())


def test_csv_has_a_line_a_layer() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(small()))))
    assert tuple(rows[0]) == CSV_TITLES
    assert [row["name"] for row in rows if row["head"]] == ["aux.gap1", "aux.fc1"]
    main = [row for row in rows if not row["head"]]
    assert sum(int(row["params"]) for row in main) == analysed(SMALL).totals.params
    assert abs(sum(float(row["share_of_macs"]) for row in main) - 1) < 1e-4


def test_unknown_is_never_0() -> None:
    made = report(analysed(OPEN), "net.cnn", limit=10**9)
    rows = list(csv.DictReader(io.StringIO(as_csv(made))))
    assert {row["macs"] for row in rows} == {"?"}
    assert {row["activation_bytes"] for row in rows} == {"?"}
    assert {row["share_of_macs"] for row in rows} == {"?"}
    assert made.notes() == [
        "H must be divisible by 2",
        "W must be divisible by 2",
        "? depends on H and W, which aren't fixed: give them by `--input 1@224x224`",
    ]


def test_many_open_sizes_are_listed() -> None:
    made = report(analysed("input clip 1@TxHxW\nrelu\n"), "net.cnn")
    assert made.notes()[0].startswith("? depends on T, H and W, which aren't fixed")


def test_the_suggested_input_satisfies_the_conditions() -> None:
    text = OPEN.replace("pool 2x2\nupsample 2x2", "pool 2x2\npool 2x2\npool 2x2\nupsample 8x8")
    assert "--input 1@224x224" in report(analysed(text), "").notes()[-1]
    odd = OPEN.replace("HxW", "1x{S}").replace("{S}", "S")
    assert report(analysed(odd.replace("pool 2x2\nupsample 2x2", "relu")), "").symbols == ("S",)
