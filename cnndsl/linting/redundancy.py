"""Layers that change nothing about what they are given."""

from __future__ import annotations

from math import prod

from cnndsl.layers.dropout import Dropout, DropPath
from cnndsl.layers.pool import Pooling
from cnndsl.network import Network, Step

NEVER_NEGATIVE = ("relu", "relu6", "sigmoid", "hsigmoid", "softmax", "softplus", "abs", "exp")
AT_MOST_SIX = ("relu6", "sigmoid", "hsigmoid", "softmax")
IDEMPOTENT = {
    "relu": NEVER_NEGATIVE,
    "abs": NEVER_NEGATIVE,
    "leaky": NEVER_NEGATIVE,
    "relu6": AT_MOST_SIX,
}
"""What an activation leaves as it is, by its word."""

ORDER_KEEPING = ("pool", "flatten")
"""Layers whose values are some of their input's."""

FAR = 8  # layers in a row that are seen through


def is_redundant(network: Network, step: Step) -> bool:
    """Whether a step's output is its input, whatever that is."""
    return why_redundant(network, step) != ""


def why_redundant(network: Network, step: Step) -> str:
    """Why a step changes nothing, as a clause; empty where it may."""
    layer = step.layer
    if layer.word in IDEMPOTENT:
        before = source(network, step)
        if before is not None and before.layer.word in IDEMPOTENT[layer.word]:
            return f"`{before.name}` leaves nothing for it to change"
    if isinstance(layer, Pooling):
        (x,) = network.input_shapes(step)
        window = layer.window(x)
        if prod(window.kernel) * prod(window.stride) == 1 and step.output == x:
            return "a window of one value at a time takes each as it is"
    if isinstance(layer, Dropout | DropPath) and layer.probability == 0:
        return "a probability of 0 drops nothing"
    return ""


def source(network: Network, step: Step) -> Step | None:
    """The step whose values these are, seen through layers that only choose among them."""
    before = network.by_name.get(step.inputs[0])
    for _ in range(FAR):
        if before is None or before.layer.word not in ORDER_KEEPING:
            break
        before = network.by_name.get(before.inputs[0])
    return before
