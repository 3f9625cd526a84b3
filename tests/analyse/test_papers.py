"""The zoo against published numbers: tests/reference/papers.csv and torchvision.csv."""

from __future__ import annotations

import pytest

from cnndsl.analyse import Analysis, Row
from tests.analyse.facts import Fact, analysed, facts, row_id

LEARNED = ("conv", "dwconv", "deconv", "fc")
OUTPUT_CONNECTIONS = 840  # of LeNet-5's output, distances of 84 values to 10 codes


@pytest.mark.parametrize("fact", facts("papers"), ids=row_id)
def test_published_figures(fact: Fact) -> None:
    analysis = analysed(fact["net"], fact["settings"])
    kind, _, name = fact["quantity"].partition(" of ")
    rows = [r for r in analysis.rows if r.name == name or r.name.startswith(f"{name}.")]
    found = _quantity(kind, analysis, rows if name else list(_main(analysis)))
    assert found == int(fact["value"]), fact["source"]


def _main(analysis: Analysis) -> list[Row]:
    return [row for row in analysis.rows if row.step.head is None]


def _quantity(kind: str, analysis: Analysis, rows: list[Row]) -> int:
    match kind:
        case "params":
            return sum(row.params for row in rows)
        case "params and statistics":
            return sum(row.params + row.statistics for row in rows)
        case "macs":
            return sum(row.macs or 0 for row in rows)
        case "neurons":
            return sum(row.output.elements for row in rows if row.layer.word in LEARNED)
        case "convolutions":
            return sum(row.layer.word in LEARNED for row in rows)
        case "output height":
            return analysis.network.shapes[analysis.network.outputs[0]].sizes[0]
        case "connections":
            whole = OUTPUT_CONNECTIONS if rows == _main(analysis) else 0
            return whole + sum(_connections(row) for row in rows if row.step.name != "logits")
        case _:
            raise NotImplementedError(kind)


def _connections(row: Row) -> int:
    """As LeCun et al. 1998 count: every product and every bias, at every position."""
    if row.layer.word in LEARNED:
        return row.params * row.output.area
    if row.layer.word == "avgpool":  # four inputs and the bias
        return 5 * row.output.elements
    return 0


@pytest.mark.parametrize("fact", facts("torchvision"), ids=row_id)
def test_torchvision(fact: Fact) -> None:
    """Parameters exactly, MACs as near as they are given."""
    totals = analysed(fact["net"]).totals
    assert totals.params == int(fact["params"])
    assert totals.macs is not None
    assert abs(totals.macs / 1e9 - float(fact["gmacs"])) < 0.002
    if fact["params_with_heads"]:
        assert totals.params + totals.head_params == int(fact["params_with_heads"])
