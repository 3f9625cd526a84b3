"""The models that `make clients` tries."""

from __future__ import annotations

from collections import Counter

import cnndsl
from tests.clients.__main__ import table
from tests.clients.models import cases


def test_every_model_is_a_net() -> None:
    names = Counter(case.name for case in cases())
    assert max(names.values()) == 1
    for case in cases():
        assert cnndsl.parse(case.spec).steps


def test_a_row_says_what_became_of_all() -> None:
    counts = Counter({("tract", "nets", "right"): 3, ("tract", "nets", "crashed"): 1})
    assert table(counts, ["tract"]).splitlines() == [
        "| client | nets |",
        "|---|---|",
        "| tract | 3 of 4: 1 crashed |",
    ]
