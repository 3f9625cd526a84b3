"""A network from steps that were moved about: shapes and conditions inferred anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cnndsl.diagnostics import UsageError
from cnndsl.elaborate.steps import MOST_ELEMENTS, joined
from cnndsl.layers.base import ShapeError
from cnndsl.network import Network, Step
from cnndsl.shape import Condition, Shape


def rebuilt(network: Network, steps: Iterable[Step], **changes: Any) -> Network:
    """The network with these steps, and with its other fields as they are or as `changes` say.

    The steps' outputs are inferred, so those that they come with don't matter. Raises UsageError
    where a layer can't take what it is given.
    """
    inputs = changes.get("inputs", network.inputs)
    shapes: dict[str, Shape] = {i.name: i.shape for i in inputs}
    conditions: dict[str, Condition] = {}
    made: list[Step] = []
    for step in steps:
        taken = [shapes[name] for name in step.inputs]
        shapes[step.name] = output = _output(step, taken, conditions)
        made.append(step.model_copy(update={"output": output}))
    changes |= {"steps": tuple(made), "conditions": tuple(conditions.values())}
    fields = {name: getattr(network, name) for name in Network.model_fields}
    return Network(**(fields | changes))


def _output(step: Step, taken: Sequence[Shape], conditions: dict[str, Condition]) -> Shape:
    try:
        output = step.layer.shape(*taken)
        for condition in step.layer.conditions(*taken):
            conditions[condition.name] = joined(conditions.get(condition.name), condition)
        largest = [p.size for p in step.layer.parameters(*taken)]
    except ShapeError as e:
        help = f"; {e.help}" if e.help else ""
        raise UsageError(f"at `{step.name}`: {e.message}{help}") from None
    if output.is_concrete:
        largest.append(output.elements)
    if max(largest, default=0) > MOST_ELEMENTS:
        raise UsageError(f"`{step.name}` would hold more than {MOST_ELEMENTS:,} values")
    return output


def needed(steps: Sequence[Step], values: Iterable[str]) -> tuple[list[Step], dict[str, str]]:
    """The steps that these values come from, in their order, and the new names of some.

    A step that shares the weights of one that isn't needed takes that one's place and name, so that
    the weights are called as before.
    """
    wanted = set(values)
    kept: list[Step] = []
    for step in reversed(steps):
        if step.name in wanted:
            wanted |= {*step.inputs}
            kept.append(step)
    heirs: dict[str, str] = {}
    for step in reversed(kept):
        if step.shares is not None and step.shares not in wanted:
            heirs.setdefault(step.shares, step.name)
    names = {heir: owner for owner, heir in heirs.items()}
    made = [renamed(step, names) for step in reversed(kept)]
    return [s.model_copy(update={"shares": None}) if s.name in heirs else s for s in made], names


def renamed(step: Step, names: Mapping[str, str]) -> Step:
    """The step with other names for itself and what it takes, where there are any."""
    return step.model_copy(
        update={
            "name": names.get(step.name, step.name),
            "inputs": tuple(names.get(name, name) for name in step.inputs),
        }
    )
