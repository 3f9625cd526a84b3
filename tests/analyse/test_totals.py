"""Columns sum to totals, any network can be analysed, and time grows with the layers."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import pytest
from hypothesis import given

from cnndsl import resources
from cnndsl.analyse import Analysis, analyse, parameters_of
from cnndsl.network import Network
from cnndsl.show.columns import as_csv, as_markdown
from cnndsl.show.data import as_json
from cnndsl.show.flat import flat
from cnndsl.show.page import as_page
from cnndsl.show.report import report
from cnndsl.show.terminal import render
from cnndsl.specs import load
from tests.support.networks import networks


def check_sums(analysis: Analysis) -> None:
    totals = analysis.totals
    main = [row for row in analysis.rows if row.step.head is None]
    heads = [row for row in analysis.rows if row.step.head is not None]
    assert totals.params == sum(row.weights + row.biases + row.norm for row in main)
    assert totals.statistics == sum(row.statistics for row in main)
    assert totals.weight_bytes == sum(row.weight_bytes for row in main)
    assert totals.head_params == sum(row.params for row in heads)
    for total, name in (
        (totals.macs, "macs"),
        (totals.flops, "flops"),
        (totals.activation_bytes, "activation_bytes"),
    ):
        column = [getattr(row, name) for row in main]
        assert total == (None if None in column else sum(column)), name


@pytest.mark.parametrize("name", resources.zoo_names())
def test_columns_sum_to_totals(name: str) -> None:
    check_sums(analyse(load(name)[0]))


@given(networks())
def test_any_network_is_analysed(network: Network) -> None:
    analysis = analyse(network)
    check_sums(analysis)
    owners = {step.owner for step in network.without_heads()}
    tensors = [p for n in owners for p in parameters_of(network, network.by_name[n])]
    trained = [p for p in tensors if p.role != "statistic"]
    if owners <= {step.name for step in network.without_heads()}:
        assert analysis.totals.params == sum(p.size for p in trained)
    memory = analysis.memory(3)
    assert memory is not None
    largest = max(4 * step.output.elements for step in network.without_heads())
    assert memory.peak_activations >= 3 * largest
    assert memory.inference <= memory.training + memory.peak_activations


LAYERS = 10_000


def deep(layers: int) -> Network:
    text = f"cnndsl 1\nnet Deep\ninput x 3@16x16\ndef b(): conv 3x3 4 same relu\nb *{layers // 2}\n"
    return load(text)[0]


@pytest.fixture(scope="module")
def nets() -> tuple[Network, Network]:
    return deep(LAYERS // 8), deep(LAYERS)


@pytest.mark.parametrize(
    "show",
    [
        analyse,
        lambda network: analyse(network).memory(),
        lambda network: render(report(analyse(network), "")),
        lambda network: render(report(analyse(network), "", depth=1)),
        lambda network: as_json(report(analyse(network), "")),
        lambda network: as_csv(report(analyse(network), "")),
        lambda network: as_markdown(report(analyse(network), "")),
        lambda network: as_page(report(analyse(network), "")),
        flat,
    ],
    ids=["analyse", "memory", "table", "folded", "json", "csv", "md", "html", "flat"],
)
def test_time_grows_with_the_layers(
    nets: tuple[Network, Network], show: Callable[[Network], object]
) -> None:
    """Eight times the layers take about eight times as long; quadratic growth would take 64."""
    small, large = nets
    assert seconds(show, large) < 20 * max(seconds(show, small), 0.002)


def seconds(show: Callable[[Network], object], network: Network) -> float:
    found: list[float] = []
    for _ in range(2):
        start = process_time()
        show(network)
        found.append(process_time() - start)
    return min(found)
