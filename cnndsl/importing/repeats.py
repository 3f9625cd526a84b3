"""Values that a model repeats before it merges them, where a merge stretches them by itself."""

from __future__ import annotations

from cnndsl.importing.draft import Draft, Step, Value
from cnndsl.importing.elementary import Repeated
from cnndsl.layers.arithmetic import Arithmetic
from cnndsl.layers.base import Layer, ShapeError
from cnndsl.layers.channels import Take
from cnndsl.layers.resample import Upsample


def leave_out_repeats(draft: Draft) -> None:
    """Let merges take values as they were before a repetition; the others become layers."""
    for step in draft.steps:
        if isinstance(step.layer, Arithmetic):
            for number, value in enumerate(step.inputs):
                _shorten(step, number, value)
    draft.tidy()
    for step in list(draft.steps):
        if isinstance(step.layer, Repeated):
            _as_layers(draft, step)


def _shorten(step: Step, number: int, value: Value) -> None:
    if not isinstance(value, Step) or not isinstance(value.layer, Repeated):
        return
    inputs = [*step.inputs[:number], value.inputs[0], *step.inputs[number + 1 :]]
    try:
        stays = step.layer.shape(*(i.output for i in inputs)) == step.output
    except ShapeError:
        return
    if stays:
        step.inputs = inputs


def _as_layers(draft: Draft, step: Step) -> None:
    """`take 0 0 0` repeats a channel, `upsample` the rest."""
    x, wanted = step.inputs[0], step.output
    layers: list[Layer] = []
    if x.output.channels != wanted.channels:
        layers.append(Take(channels=(0,) * wanted.channels))
    factors = tuple(m // n for n, m in zip(x.output.sizes, wanted.sizes, strict=True))
    if set(factors) - {1}:
        layers.append(Upsample(factor=factors))
    *before, step.layer = layers
    for layer in before:
        made = Step(layer, [x], layer.shape(x.output), {}, step.hint)
        draft.steps.insert(draft.steps.index(step), made)
        step.inputs = [made]
