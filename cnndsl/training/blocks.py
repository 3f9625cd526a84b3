"""The blocks of a net, from the input to the head: the steps by which it is frozen and freed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnndsl.layers.base import Parameter

Blocks = dict[str, list[str]]
"""Parameters by the block that they belong to."""

LARGEST_SHARE = 0.5
"""A block with more than this part of all layers is none; the blocks in it are."""


MOST_LEVELS = 10
"""Learning rates that differ by depth."""


def blocks(parameters: Mapping[str, Parameter]) -> Blocks:
    """Parameters in blocks, in the order in which they are used.

    A block is what stands under one name at the top of the net: `stage3` with all that is in it, or
    a layer of its own. A norm goes with the layer before it. A block that holds most of the net is
    divided into those below it.
    """
    layers: dict[str, list[str]] = {}
    for name in parameters:
        layers.setdefault(name.rpartition(".")[0], []).append(name)
    depths = dict.fromkeys(layers, 1)
    while True:
        counts: dict[str, list[str]] = {}
        for layer in layers:
            counts.setdefault(_above(layer, depths[layer]), []).append(layer)
        large = [
            layer
            for inside in counts.values()
            if len(inside) > max(LARGEST_SHARE * len(layers), 1)
            for layer in inside
            if layer.count(".") >= depths[layer]
        ]
        if not large:
            break
        for layer in large:
            depths[layer] += 1
    found: Blocks = {}
    last = ""
    for layer, names in layers.items():
        name = _above(layer, depths[layer])
        alone = not any(parameters[n].role == "weight" for n in names) and name == layer
        if not (alone and last):
            last = name
        found.setdefault(last, []).extend(names)
    return found


def patterns_of(block: str, names: Sequence[str]) -> tuple[str, ...]:
    """Patterns for `--freeze` that match the parameters of a block, and no others."""
    layers = dict.fromkeys(name.rpartition(".")[0] for name in names)
    return tuple(
        dict.fromkeys(block if f"{layer}.".startswith(f"{block}.") else layer for layer in layers)
    )


def depth_factors(parameters: Mapping[str, Parameter], decay: float) -> dict[str, float]:
    """What multiplies each parameter's learning rate: 1 in the last block, `decay` times the one
    above in each below it (Howard, Ruder 2018, arXiv:1801.06146, section 3.2).

    Neighbours in a net of many blocks share a factor, so that `decay` means as much for a net that
    is written layer by layer.
    """
    found = list(blocks(parameters).values())
    levels = min(len(found), MOST_LEVELS)
    return {
        name: decay ** (levels - 1 - depth * levels // len(found))
        for depth, names in enumerate(found)
        for name in names
    }


def _above(layer: str, depth: int) -> str:
    return ".".join(layer.split(".")[:depth])
