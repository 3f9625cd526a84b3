"""The one way in which layers of a file can be those of a net, where shapes leave no other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cnndsl.weights.mapping.aligning import Fits, Pairs
from cnndsl.weights.mapping.modules import Module
from cnndsl.weights.mapping.places import Place


def only_way(
    places: Sequence[Place], modules: Sequence[Module], fits: Fits, in_order: bool
) -> Pairs | None:
    """Every place with a layer of its own, where that can be done in one way; else None.

    Where a place fits one layer alone, or a layer one place, they belong together in every way, and
    the rest is looked at without them: if there is only one way, that leaves nothing. Layers of one
    shape whose names differ by a number count as one, if `in_order`: then they keep their order.
    """
    if len(places) != len(modules):
        return None
    ours: dict[object, list[Place]] = {}
    theirs: dict[object, list[Module]] = {}
    for place in places:
        shapes = tuple((p.name, p.shape) for p in place.parameters)
        key = (type(place.layer), shapes, place.inputs if place.flattened else ())
        ours.setdefault(key, []).append(place)
    for module in modules:
        roles = tuple((role, t.shape) for role, t in module.parts.items())
        theirs.setdefault((roles, _kind(module.name)), []).append(module)
    sizes: dict[int, set[object]] = {}
    for key, row in theirs.items():
        sizes.setdefault(_size(row[0]), set()).add(key)
    edges = {
        key: {
            other
            for other in sizes.get(_largest(row[0]), ())
            if _alike(row[0], theirs[other][0]) and fits(row[0], theirs[other][0])
        }
        for key, row in ours.items()
    }
    back: dict[object, set[object]] = {other: set() for other in theirs}
    for key, others in edges.items():
        for other in others:
            back[other].add(key)
    pairs: Pairs = []
    todo = [(key, other) for key, others in edges.items() if len(others) == 1 for other in others]
    todo += [(key, other) for other, keys in back.items() if len(keys) == 1 for key in keys]
    while todo:
        key, other = todo.pop()
        if key not in edges or other not in back:
            continue
        row, found = ours[key], theirs[other]
        if len(row) != len(found) or (len(row) > 1 and not in_order):
            return None
        pairs += zip(row, found, strict=True)
        for one in back.pop(other) - {key}:
            edges[one].discard(other)
            todo += [(one, last) for last in edges[one] if len(edges[one]) == 1]
        for one in edges.pop(key) - {other}:
            back[one].discard(key)
            todo += [(last, one) for last in back[one] if len(back[one]) == 1]
    return None if edges or back else pairs


def _alike(place: Place, module: Module) -> bool:
    """Whether both are norms with statistics, or both are none."""
    return place.has("running_var") == ("running_var" in module.parts)


def _kind(name: str) -> str:
    return re.sub(r"_\d+$", "", name)


def _largest(place: Place) -> int:
    return max(p.size for p in place.parameters)


def _size(module: Module) -> int:
    return max(tensor.size for tensor in module.parts.values())
