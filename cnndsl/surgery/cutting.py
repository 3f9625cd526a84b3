"""The part of a network up to a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.network import Input, Network, Step
from cnndsl.surgery.rebuilding import needed, rebuilt, renamed

_FEW = 4


def cut(network: Network, *at: str, start: str | None = None) -> Network:
    """The network up to the values `at`, which are its outputs; what they don't need is left out.

    With `start` it begins behind that value, which becomes its input; without `at` it goes to the
    network's outputs. A value is called by its step, or by the label or block that it ends
    (`value_at`). Parameters keep their names. Raises UsageError where there is no such value, or
    where something goes past `start`.
    """
    begin = start and value_at(network, start)
    values = tuple(dict.fromkeys(value_at(network, name) for name in at)) or network.outputs
    for name in values:
        if name not in network.by_name:
            raise UsageError(f"`{name}` is an input of {network.name}: no layer comes before it")
        if name == begin:
            raise UsageError(f"no layer lies behind `{start}`: the part ends with it")
    steps, names = needed(network.without_heads(), values)
    inputs = network.inputs
    if begin:
        behind = _behind(begin, steps)
        if missing := set(values) - {step.name for step in behind}:
            raise UsageError(f"`{min(missing)}` isn't made of `{start}`")
        name = begin.replace(".", "_")
        owners = {step.owner for step in behind}
        while name in owners or (name in network.by_name and name != begin):
            name += "_"
        steps, names = needed([renamed(step, {begin: name}) for step in behind], values)
        origin = next(i for i in (*network.inputs, *network.steps) if i.name == begin).origin
        inputs = (Input(name=name, shape=network.shapes[begin], origin=origin),)
    read = {name for step in steps for name in step.inputs}
    return rebuilt(
        network,
        steps,
        inputs=tuple(i for i in inputs if i.name in read),
        outputs=tuple(names.get(name, name) for name in values),
        heads={},
        loss=(),
    )


def _behind(start: str, steps: Iterable[Step]) -> list[Step]:
    """The steps that depend on a value. Raises UsageError where one takes anything else, too."""
    made, behind = {start}, list[Step]()
    for step in steps:
        others = [name for name in step.inputs if name not in made]
        if len(others) == len(step.inputs) or step.name == start:
            continue
        if others:
            raise UsageError(
                f"`{step.name}` takes `{others[0]}`, which isn't made of `{start}`: a part of the "
                f"net can't begin there"
            )
        made.add(step.name)
        behind.append(step)
    return behind


def unneeded(network: Network, part: Network) -> tuple[str, ...]:
    """The parameters that a part of a network doesn't have: a file of weights may lack them."""
    needed = set(_parameters(part))
    return tuple(name for name in _parameters(network) if name not in needed)


def value_at(network: Network, name: str) -> str:
    """The value that a name means: of a label or block, the value at its end; else the step's own.

    So `fc6` of `fc6: fc 4096 relu` is what comes out of the relu, as it is within a spec. Raises
    UsageError, with a suggestion, where there is none, or in training alone.
    """
    steps = network.without_heads()
    known = [*(i.name for i in network.inputs), *(step.name for step in steps)]
    named = [value for value in known if f"{value}.".startswith(f"{name}.")]
    if named:
        return named[-1]
    if name in network.by_name or name in network.heads:
        raise UsageError(f"`{name}` exists in training alone; name a value that inference makes")
    candidates = [*_blocks(known), *known]
    longer = next((c for c in known if c.endswith(f".{name}")), None)
    last = ", ".join(f"`{step.name}`" for step in steps[-_FEW:])
    hint = f"did you mean `{longer}`?" if longer else ""
    hint = hint or did_you_mean(name, candidates, f"its last values are {last}")
    raise UsageError(f"{network.name} has no value `{name}`; {hint}")


def _blocks(names: Iterable[str]) -> Iterator[str]:
    """The labels and blocks that names lie in, each once."""
    seen = {""}
    for name in names:
        while (name := name.rpartition(".")[0]) not in seen:
            seen.add(name)
            yield name


def _parameters(network: Network) -> Iterator[str]:
    for step in network.without_heads():
        for parameter in step.layer.parameters(*network.input_shapes(step)):
            yield f"{step.owner}.{parameter.name}"
