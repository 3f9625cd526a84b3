"""The JSON of a report is as its schema says, for every net of the zoo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from cnndsl import resources
from cnndsl.analyse import analyse
from cnndsl.network import Network
from cnndsl.show.data import as_data, as_json
from cnndsl.show.report import CONVENTIONS, report
from tests.show.nets import OPEN, SHARED, SMALL, analysed, zoo_analysed, zoo_source
from tests.show.schema import problems
from tests.support.networks import networks

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "docs" / "report-schema.json"
SCHEMA: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def wrong(data: dict[str, Any]) -> list[str]:
    return problems(json.loads(json.dumps(data)), SCHEMA, SCHEMA)


@pytest.mark.parametrize("name", resources.zoo_names())
def test_zoo(name: str) -> None:
    analysis = zoo_analysed(name, zoo_source(name))
    assert wrong(as_data(report(analysis, name))) == []
    assert wrong(as_data(report(analysis, name, depth=1, batch=4, limit=10**9))) == []


@settings(max_examples=30)
@given(networks())
def test_any_network(network: Network) -> None:
    assert wrong(as_data(report(analyse(network), "drawn"))) == []


def test_a_library_agrees() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(as_json(report(analysed(SMALL), "net.cnn"))), SCHEMA)


def test_the_schema_finds_mistakes() -> None:
    data: Any = as_data(report(analysed(SMALL), "net.cnn"))
    assert wrong({k: v for k, v in data.items() if k != "totals"}) == ["$ has no totals"]
    assert wrong(data | {"more": 1}) == ["$ has an unknown more"]
    assert wrong(data | {"version": 2}) == ["$.version isn't 1"]
    layer = data["layers"][0] | {"params": None}
    assert wrong(data | {"layers": [layer]}) == ["$.layers[0].params is None, not integer"]
    layer = data["layers"][0] | {"output": []}
    assert wrong(data | {"layers": [layer]}) == ["$.layers[0].output has 0 items"]
    layer = data["layers"][0] | {"macs": -1}
    assert wrong(data | {"layers": [layer]}) == ["$.layers[0].macs is less than 0"]


def test_figures() -> None:
    data: Any = as_data(report(analysed(SMALL), "net.cnn", batch=2, limit=1_000_000))
    first = data["layers"][0]
    assert {k: first[k] for k in ("name", "op", "line", "output", "params", "macs")} == {
        "name": "stem",
        "op": "conv",
        "line": 7,
        "output": [8, 16, 16],
        "params": 224,
        "macs": 55_296,
    }
    assert first["receptive_field"] == {
        "everything": False,
        "size": [3, 3],
        "jump": [1, 1],
        "offset": [-1, -1],
    }
    assert first["padding"] == [[1, 1], [1, 1]]
    totals = data["totals"]
    for name in ("params", "macs", "flops", "weight_bytes", "activation_bytes", "statistics"):
        assert totals[name] == sum(layer[name] for layer in data["layers"]), name
    assert totals["trainable_params"] == totals["params"]
    assert data["memory"]["inference"]["activations"] == 2 * totals["peak_activation_bytes"]
    assert data["heads"][0]["name"] == "aux"
    assert data["conventions"] == CONVENTIONS


def test_what_is_open_is_null() -> None:
    data: Any = as_data(report(analysed(OPEN), "net.cnn"))
    assert data["memory"] is None
    assert data["totals"]["macs"] is data["totals"]["peak_activation_bytes"] is None
    assert data["layers"][2]["output"] == [8, "H//2", "W//2"]
    assert data["totals"]["params"] == 80 + 34


def test_shared_weights_are_named_and_counted_once() -> None:
    data: Any = as_data(report(analysed(SHARED), "net.cnn"))
    shared = next(layer for layer in data["layers"] if layer["name"] == "b")
    assert (shared["shares"], shared["params"], shared["text"]) == ("a", 0, "reuse a from right")
    assert shared["macs"] > 0
