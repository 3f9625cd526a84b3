"""Warnings: what is allowed but probably not meant."""

from __future__ import annotations

import re

from cnndsl.diagnostics import Diagnostic
from cnndsl.elaborate.scope import MOST_FINDINGS
from cnndsl.layers.batchnorm import BatchNorm
from cnndsl.layers.windows import Window
from cnndsl.network import Network, Step
from cnndsl.shape import Shape, window_extent

SLICES = {"length": "value", "height": "row", "width": "column", "depth": "frame"}
"""What one position along an axis is."""


Finding = tuple[str, str, str]  # code, message, help


def warnings(network: Network) -> list[Diagnostic]:
    """A network's warnings, each place once, and no more than there would be errors; those that a
    `# noqa` silences are among them.
    """
    found: dict[tuple[str, int, int], Diagnostic] = {}
    inputs = {i.name for i in network.inputs}
    read, normed = _read(network), _normed(network)
    findings = [(i.origin, _unread(i.name, read)) for i in network.inputs]
    for step in network.steps:
        of_step = (
            *_first_filters(step, inputs),
            *_discarded(network, step),
            *_lost_bias(network, step, normed.get(step.owner)),
        )
        findings.append((step.origin, [*of_step, *_unread(step.name, read)]))
    for origin, of_origin in findings:
        for code, message, help in of_origin:
            key = (code, id(origin.span.source), origin.span.start)
            found.setdefault(
                key, Diagnostic(code, message, origin.span, help, "warning", origin.frames)
            )
    return list(found.values())[:MOST_FINDINGS]


def _read(network: Network) -> set[str]:
    """The names of the values that something is done with."""
    return _kept(network).union(*(step.inputs for step in network.steps))


def _kept(network: Network) -> set[str]:
    """The names of the values that outlast the steps: outputs, heads and what the loss takes."""
    of_loss = {name for term in network.loss for name in term.arguments}
    return of_loss | set(network.outputs) | set(network.heads.values())


def _normed(network: Network) -> dict[str, str]:
    """A norm behind each step that batch norms alone read; by the steps that own weights."""
    norms: dict[str, set[str]] = {}
    owners = {step.name: step.owner for step in network.steps}
    bad = {owners.get(name, name) for name in _kept(network)}
    for step in network.steps:
        for name in step.inputs:
            owner = owners.get(name, name)
            if isinstance(step.layer, BatchNorm):
                norms.setdefault(owner, set()).add(step.name)
            else:
                bad.add(owner)
    return {owner: min(found) for owner, found in norms.items() if owner not in bad}


def _lost_bias(network: Network, step: Step, norm: str | None) -> list[Finding]:
    """A bias that nobody wrote, and that the batch norm takes off with the mean."""
    if norm is None:
        return []
    parameters = step.layer.parameters(*network.input_shapes(step))
    if all(parameter.role != "bias" for parameter in parameters):
        return []
    span = step.origin.span
    rest = span.source.line(span.line)[span.column - 1 :]
    if "bias" in re.split("->|#", rest, maxsplit=1)[0].split():
        return []
    message = f"the bias of `{step.name}` does nothing: `{norm}` takes the mean off, and it as well"
    return [("lost-bias", message, "write `nobias`, or `bias` where it is meant")]


def _unread(name: str, read: set[str]) -> list[Finding]:
    if name in read:
        return []
    message = f"no layer, output or loss reads `{name}`"
    return [("unread-value", message, f"`output {name}` keeps it, `from {name}` goes on from it")]


def _first_filters(step: Step, inputs: set[str]) -> list[Finding]:
    if step.layer.word != "conv" or not inputs.intersection(step.inputs):
        return []
    if getattr(step.layer, "filters", 1) is not None:
        return []
    count = step.output.channels
    message = f"the first layer has no number of filters, so it has {count}, like the input"
    return [("first-layer-filters", message, "write the number: `conv 3x3 64 …`")]


def _discarded(network: Network, step: Step) -> list[Finding]:
    """Pixels at the end of the map that no pooling window reaches."""
    if step.layer.word not in ("pool", "avgpool"):
        return []
    (x,) = network.input_shapes(step)
    window: Window = getattr(step.layer, "window")(x)  # noqa: B009
    lost = unreached(x, window)
    if not lost:
        return []
    message = f"the windows stop short of the end of {x}: nobody reads {' and '.join(lost)}"
    return [("pool-discards", message, "`ceil` adds a last window, `same` pads")]


def unreached(x: Shape, window: Window) -> list[str]:
    """What isn't read along each axis: `the last row`, `the last 2 columns`; nothing where windows
    are fewer than pixels on purpose, or rounded up.
    """
    lost: list[str] = []
    for name, n, k, s, (before, after), d in () if window.ceil else window.axes(x):
        subsamples = k < s  # skipping pixels is what such a window is for
        if isinstance(n, int) and not subsamples:
            unread = (n + before + after - window_extent(k, d)) % s - after
            if unread > 0:
                what = SLICES[name]
                lost.append(f"the last {what}" if unread == 1 else f"the last {unread} {what}s")
    return lost
