"""The strategies of transfer learning: which one suits, and what each does by default.

The table is that of the lectures (Stanford's CS231n, "Transfer Learning"; Yosinski et al. 2014,
arXiv:1411.1792): how many pictures there are, and how much they are like those the net knows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Any

from cnndsl.data.dataset import DataSet
from cnndsl.layers.base import Parameter
from cnndsl.network import Network
from cnndsl.training.blocks import blocks, patterns_of
from cnndsl.training.defaults import RATES, learning_rate
from cnndsl.training.options import Strategy
from cnndsl.training.patterns import is_trained
from cnndsl.training.stages import Stage, merged
from cnndsl.transfer.heads import Renewed

STRATEGIES: tuple[Strategy, ...] = ("features", "last", "full", "gradual", "scratch")

FEW = 500
"""Fewer pictures of each class are few."""
MANY = 2000
"""So many suffice to change all layers; fewer that are like the old ones change the last block."""
VERY_MANY = 5000
"""From so many pictures of each class on, a net that knows something else is no head start."""
EARLIER = 0.6
"""How deep a net is still general, as a part of its blocks."""

SMALL_SET = 1000
"""Below so many pictures batches are smaller, so that an epoch still has some steps."""
GRADUAL_STAGES = 4
FINE_TUNED: tuple[Strategy, ...] = ("last", "full", "gradual")
"""Strategies that begin with a head that was fitted to features."""

FINE_RATE = 1e-4
"""Trained layers get a tenth of the learning rate that they would be trained with anew, at most
this."""

_FINE: Mapping[str, Any] = {"epochs": 10, "augment": "light"}
DEFAULTS: Mapping[Strategy, Mapping[str, Any]] = {
    "features": {"epochs": 30, "learning_rate": 1e-3},
    "last": _FINE,
    "full": {**_FINE, "layer_decay": 0.8},
    "gradual": {**_FINE, "layer_decay": 0.8},
    "scratch": {"epochs": 30, "augment": "light"},
}
"""What is taken where an option isn't given; the rest is as for `cnndsl train`."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A strategy, the layer that features are taken at (None: before the head), and why."""

    strategy: Strategy
    at: str | None
    why: str


def fine_rate(optimiser: str, layers: int, has_norms: bool) -> float:
    """The learning rate of strategies that change trained layers; for optimisers that take the same
    one for any net a fiftieth of it, which is 0.001 for `sgd`.
    """
    rate = learning_rate(optimiser, layers, has_norms)
    if optimiser in RATES:
        return rate / 50
    return min(float(f"{rate / 10:.1g}"), FINE_RATE)


def choose(data: DataSet, network: Network, similar: bool, trained: bool) -> Chosen:
    """What `auto` means; `similar` is whether the data is like what the net knows, `trained`
    whether it knows anything.
    """
    count = len(data.train) / max(data.classes, 1)
    size = "few" if count < FEW else "a medium number" if count < MANY else "many"
    found = f"{count:,.0f} training pictures a class are {size}"
    like = "much like" if similar else "unlike"
    if not trained:
        return Chosen("scratch", None, "there are no weights to start from: --weights names some")
    why = f"{found}, {like} those that the net was trained on"
    if count < FEW:
        if similar:
            return Chosen("features", None, f"{why}: only a new head is trained")
        at = earlier_layer(network)
        return Chosen("features", at, f"{why}: a new head is trained on earlier, general features")
    if similar and count < MANY:
        return Chosen("last", None, f"{why}: the head and the last block are trained")
    if similar or count < VERY_MANY:
        return Chosen("full", None, f"{why}: all layers are trained further")
    return Chosen("scratch", None, f"{why}: the net is trained anew")


def earlier_layer(network: Network) -> str:
    """The value that the last of the general blocks ends with: what the next one takes."""
    names: dict[str, Parameter] = {}
    for step in network.without_heads():
        for parameter in step.layer.parameters(*network.input_shapes(step)):
            names.setdefault(f"{step.owner}.{parameter.name}", parameter)
    found = list(blocks(names).values())
    following = found[max(ceil(EARLIER * (len(found) - 1)), 1)]
    value = network.by_name[following[0].rpartition(".")[0]].inputs[0]
    while (step := network.by_name.get(value)) is not None and step.layer.is_identity:
        value = step.inputs[0]
    return value


def stages(
    strategy: Strategy,
    renewed: Renewed,
    parameters: Mapping[str, Parameter],
    epochs: int,
    kept: Sequence[str] = (),
) -> tuple[Stage, ...]:
    """What is freed when by "last" and "gradual": the new head and the block below it at once.

    `kept` are patterns of what stays frozen all the time.
    """
    body = {n: p for n, p in parameters.items() if n not in renewed.new and is_trained(n, kept)}
    found = [patterns_of(block, names) for block, names in blocks(body).items()]
    if kept:  # a block's name would free all of it
        found = [_layers(names) for names in blocks(body).values()]
    if not found:
        return (Stage(0, renewed.layers),)
    if strategy == "last":
        return (Stage(0, (*renewed.layers, *found[-1])),)
    return _gradually(renewed.layers, found, epochs)


def _gradually(
    head: tuple[str, ...], found: Sequence[tuple[str, ...]], epochs: int
) -> tuple[Stage, ...]:
    """Some blocks more at a time from the head down, all within the first two thirds."""
    count = min(GRADUAL_STAGES, len(found), max(2 * epochs // 3, 1))
    ends = [len(found) - number * len(found) // count for number in range(count + 1)]
    made = [
        Stage(number * (2 * epochs // 3) // count, _together(found[begin:end]))
        for number, (end, begin) in enumerate(pairwise(ends))
    ]
    return merged((Stage(0, head), *made))


def _together(found: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(pattern for block in found for pattern in block)


def _layers(names: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in names))
