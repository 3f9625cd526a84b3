"""What a notebook or a prompt shows of a network, an analysis and a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import cnndsl
from cnndsl.training.progress import Epoch, Progress
from cnndsl.training.running import Outcome

SPEC = """cnndsl 1
net Small(classes=3)
input image 3@HxW
conv 3x3 4 same relu
gap -> fc classes
"""


def table(shown: Any) -> tuple[str | None, list[list[str | None]]]:
    """Caption and cells of the table that a notebook shows."""
    root = ElementTree.fromstring(shown._repr_html_())
    rows = [[cell.text for cell in row] for row in root.iter("tr")]
    return root.findtext("caption"), rows


def test_a_net_is_said_in_a_line_and_shown_as_a_table(tmp_path: Path) -> None:
    (tmp_path / "small.cnn").write_text(SPEC, encoding="utf-8")
    network = cnndsl.parse(tmp_path / "small.cnn")
    assert str(network) == "Small: 3@HxW → @3, 4 layers"
    caption, rows = table(network)
    assert caption == str(network) and len(rows) == 5
    assert rows[1] == ["conv1", "conv", "image", "4@HxW"]


def test_an_analysis_says_the_totals_and_shows_every_layer() -> None:
    analysis = cnndsl.analyse("lenet5")
    assert str(analysis).endswith("61,706 parameters, 416,520 MACs")
    caption, rows = table(analysis)
    assert caption == str(analysis) and len(rows) == len(analysis.rows) + 1
    found = dict(zip(rows[0], rows[1], strict=True))
    assert found["layer"] == "conv" and found["params"] == "156"


@pytest.mark.torch
def test_an_analysis_is_a_table_of_pandas() -> None:
    pytest.importorskip("pandas")
    frame = cnndsl.analyse("lenet5").to_pandas()
    assert frame["params"].sum() == 61_706 and frame["layer"][0] == "conv"


def test_a_run_shows_its_epochs() -> None:
    epochs = [Epoch(n, 3, 0.1, {"loss": 1.0 / n}, {"top1": 0.5}, 1.0, 48.0) for n in (1, 2)]
    outcome = Outcome(Path("runs/<small>-001"), Progress(epochs=epochs), None)
    caption, rows = table(outcome)
    assert caption == str(outcome) and caption.startswith("runs/<small>-001: 2 epochs")
    assert rows[0][:4] == ["epoch", "step", "lr", "train_loss"]
    assert [row[0] for row in rows[1:]] == ["1", "2"]
