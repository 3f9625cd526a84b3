"""Weights that a file shares between nodes: the layers that they become share them too.

Which of the file's constants a layer's weights are made of is followed through what is computed
from them and through the joining of layers. Two layers are tied where they are made of the same
constants and have come to the same values, so that nothing is tied but what the file ties.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnndsl.importing.draft import Array, Draft, Step
from cnndsl.layers.base import Layer


def tie_weights(draft: Draft, constants: Mapping[str, Array]) -> None:
    """Let later layers take the weights of the first one that has the same, and note what is shared
    in the file but not here.

    Exporters keep equal constants once, such as the zeros and ones of untrained norms. So layers
    whose numbers are all the same aren't tied by themselves, only within a line that is.
    """
    owners: dict[tuple[Layer, frozenset[str]], Step] = {}
    users: dict[str, set[Step]] = {}
    for step in draft.steps:
        if not step.values or not step.roots:
            continue
        owner = owners.setdefault((step.layer, step.roots), step)
        if owner is not step and alike(owner, step):
            step.shares = owner
        for root in step.roots:
            users.setdefault(root, set()).add(step.shares or step)
    untied = [
        root
        for root, found in users.items()
        if len(found) > 1 and root in constants and _is_kernel(constants[root])
    ]
    if untied:
        more = f" and {len(untied) - 1} more tensors" if len(untied) > 1 else ""
        draft.notes.append(
            f"several nodes of the model share `{untied[0]}`{more} and differ in the rest: here "
            f"each has weights of its own"
        )


def is_tied(step: Step) -> bool:
    """Whether it takes another's weights, and these are neither all the same number nor a mask of
    zeros and ones.
    """
    return step.shares is not None and any(
        np.ptp(v) > 0 and not np.all((v == 0) | (v == 1)) for v in step.values.values()
    )


def alike(first: Step, second: Step) -> bool:
    """Whether two layers are the same, with the same numbers of the same constants."""
    if first.layer != second.layer or first.roots != second.roots:
        return False
    return first.values.keys() == second.values.keys() and all(
        value is second.values[name] or np.array_equal(value, second.values[name])
        for name, value in first.values.items()
    )


def _is_kernel(array: Array) -> bool:
    return array.ndim > 1 and array.dtype.kind == "f" and bool(np.ptp(array) > 0)
