"""Published numbers, copied with their sources into tests/reference/, and the nets they are of."""

from __future__ import annotations

import csv
from pathlib import Path

from cnndsl.analyse import Analysis, analyse
from cnndsl.cli.options import read_inputs, read_settings
from cnndsl.specs import load

REFERENCE = Path(__file__).resolve().parents[1] / "reference"

Fact = dict[str, str]


def facts(name: str) -> list[Fact]:
    """The rows of tests/reference/NAME.csv."""
    with (REFERENCE / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def analysed(net: str, settings: str = "") -> Analysis:
    """A zoo net; `settings` are `name=value` and `input=shape`, separated by blanks."""
    values = settings.split()
    given = read_settings(tuple(v for v in values if "@" not in v))
    shapes = read_inputs(tuple(v for v in values if "@" in v))
    return analyse(load(net, given, shapes)[0])


def row_id(fact: Fact) -> str:
    """What a test of this fact is called."""
    words = [fact["net"], fact.get("settings", ""), fact.get("quantity", "")]
    return " ".join(word for word in words if word).replace(" ", "-")
