"""Where a net's classifier begins: the last layer with weights that gives the classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cnndsl.diagnostics import UsageError
from cnndsl.network import Network, Step

CLASSIFIERS = ("fc", "conv", "rbf")
"""Layers that give a number a class; `rbf`'s weights are fixed ones."""


@dataclass(frozen=True, slots=True)
class Head:
    """A net in two: what describes a picture, and what makes classes of it.

    features: the value before the head. dropouts: the steps between it and the classifier, which
    do nothing at inference. classifier: the step that gives the classes. after: the steps from
    there to the output, such as `softmax`, or `relu`, `gap` and `flatten` in a SqueezeNet. pooled:
    whether the classifier looks at every position of a map by itself and the mean is taken
    afterwards, so that the features as a vector are their mean; others are flattened.
    """

    features: str
    dropouts: tuple[Step, ...]
    classifier: Step
    after: tuple[Step, ...]
    pooled: bool

    @property
    def classes(self) -> int:
        """How many classes it tells apart."""
        return self.classifier.output.channels

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of it, in order."""
        return (*self.dropouts, self.classifier, *self.after)


def split_head(network: Network) -> Head:
    """The head of a net that classifies; of several outputs, that of the first with classes.

    Raises UsageError where none of them gives a number a class.
    """
    for output in network.outputs:
        head = _head(network, output)
        if head is not None:
            return head
    shapes = ", ".join(f"`{name}` {network.shapes[name]}" for name in network.outputs)
    raise UsageError(
        f"{network.name} has no classifier that could be told from the rest: that is an `fc`, or a "
        f"`conv` with `gap` behind it, and its output is {shapes}"
    )


def _head(network: Network, output: str) -> Head | None:
    shape = network.shapes[output]
    if any(size != 1 for size in shape.space):
        return None  # a map, not a number a class
    after: list[Step] = []
    for step in _upwards(network, output):
        if step.layer.word in CLASSIFIERS:
            if step.output.channels != shape.channels:
                return None
            dropouts = [*_dropouts(network, step.inputs[0])]
            return Head(
                features=dropouts[-1].inputs[0] if dropouts else step.inputs[0],
                dropouts=tuple(reversed(dropouts)),
                classifier=step,
                after=tuple(reversed(after)),
                pooled=any(size != 1 for size in step.output.space),
            )
        after.append(step)
    return None


def _upwards(network: Network, name: str) -> Iterator[Step]:
    """The step of that name and those before it, up to one that takes several values."""
    while (step := network.by_name.get(name)) is not None:
        yield step
        if len(step.inputs) != 1:
            return
        name = step.inputs[0]


def _dropouts(network: Network, name: str) -> Iterator[Step]:
    for step in _upwards(network, name):
        if not step.layer.is_identity:
            return
        yield step
