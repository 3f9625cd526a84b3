"""A new classifier in place of the old one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from cnndsl.diagnostics import UsageError
from cnndsl.layers import LAYERS
from cnndsl.layers.activations import Relu
from cnndsl.layers.base import Layer, Parameter
from cnndsl.layers.dropout import Dropout
from cnndsl.layers.fc import Dense
from cnndsl.layers.globalpool import GlobalAverage
from cnndsl.network import LossTerm, Network, Step
from cnndsl.surgery.heads import Head, split_head
from cnndsl.surgery.rebuilding import needed, rebuilt, renamed
from cnndsl.weights.source import Chunks, Weights

Kind = Literal["linear", "mlp"]
HIDDEN = 256
MLP_DROPOUT = 0.5
MOST_CLASSES = 1 << 24
_KEPT_AFTER = ("softmax", "logsoftmax")


@dataclass(frozen=True, slots=True)
class Grafted:
    """A net with a new head.

    new: the parameters that the old net's weights don't hold, by their full names; all others are
    called as before and have their shapes. features: the value that the head is put on.
    left_out: the training-only heads that are gone, with their part of the loss.
    """

    network: Network
    new: frozenset[str]
    features: str
    left_out: tuple[str, ...]

    def weights(self, old: Weights, fresh: Weights) -> Weights:
        """The old net's weights, and fresh ones for what is new."""

        def values(name: str, parameter: Parameter) -> Chunks:
            return (fresh if name in self.new else old)(name, parameter)

        return values


def with_head(
    network: Network,
    classes: int,
    kind: Kind = "linear",
    *,
    dropout: float | None = None,
    hidden: int = HIDDEN,
) -> Grafted:
    """The net with a new classifier for `classes` classes.

    "linear" is one `fc`; "mlp" is `fc hidden relu`, dropout and an `fc`. `dropout` is the
    probability in front of the last `fc`, 0 for none; by default the old head's, for an mlp 0.5.

    The new `fc` is called like the old one. Nets that end in a convolution, whose maps are averaged
    (NiN, SqueezeNet), get `gap` and `fc`: without the relu between them that is the same function
    as a 1x1 convolution and its mean, and the features are a vector, so that a classifier fitted to
    stored features can be put on the net as it is. The relu would keep a class without positive
    scores from ever learning. Training-only heads are dropped: they gave hints to the first layers
    of a net that began at random. Raises UsageError.
    """
    _check(classes, kind, dropout, hidden)
    head = split_head(network)
    for step in network.without_heads():
        if step is not head.classifier and head.classifier.owner in (step.name, step.shares):
            raise UsageError(f"`{head.classifier.name}` and `{step.name}` share their weights")
    gone = {s.name: s.inputs[0] for s in (*head.dropouts, *head.after) if _goes(s, head)}
    steps = [s for s in network.without_heads() if s.name not in gone]
    taken = {s.name for s in steps if s is not head.classifier} | {i.name for i in network.inputs}
    taken |= network.settings.keys()
    taken |= {str(value).partition(" ")[0] for value in network.settings.values()}
    new = _Chain(head, taken).steps(network, classes, kind, dropout, hidden)
    place = steps.index(head.classifier)
    steps[place : place + 1] = new

    names = {head.classifier.name: new[-1].name}
    for name in gone:
        target = name
        while target in gone:
            target = gone[target]
        names[name] = names.get(target, target)
    fixed = {s.name for s in new}
    steps = [s if s.name in fixed else renamed(s, names) for s in steps]
    outputs = tuple(dict.fromkeys(names.get(name, name) for name in network.outputs))
    kept, heirs = needed(steps, outputs)
    made = rebuilt(
        network,
        kept,
        outputs=tuple(heirs.get(name, name) for name in outputs),
        settings=_settings(network, head, classes),
        heads={},
        loss=(_cross_entropy(new[-1].name),) if network.loss else (),
    )
    return Grafted(made, _parameters_of(made, fixed), head.features, tuple(network.heads))


def _check(classes: int, kind: str, dropout: float | None, hidden: int) -> None:
    if kind not in get_args(Kind):
        raise UsageError(f"a new head is {' or '.join(get_args(Kind))}, not `{kind}`")
    for what, count in (("classes", classes), ("units in the hidden layer", hidden)):
        if not 0 < count <= MOST_CLASSES:
            raise UsageError(f"a head has 1 to {MOST_CLASSES:,} {what}, not {count}")
    if dropout is not None and not 0 <= dropout < 1:
        raise UsageError(f"dropout is a probability from 0 to below 1, not {dropout:g}")


def _goes(step: Step, head: Head) -> bool:
    """Whether a step of the old head has no place in the new one."""
    return step in head.dropouts or step.layer.word not in _KEPT_AFTER


class _Chain:
    """The new head's steps, one after the other, on the features."""

    def __init__(self, head: Head, taken: set[str]):
        self.head, self.taken = head, taken
        self.made: list[Step] = []

    def steps(
        self, network: Network, classes: int, kind: Kind, dropout: float | None, hidden: int
    ) -> list[Step]:
        head = self.head
        scores = self._classifier_name()  # the first one, so that dropout doesn't change it
        self.taken.add(scores)
        before = [s.layer.probability for s in head.dropouts if isinstance(s.layer, Dropout)]
        if kind == "mlp":
            if head.pooled:
                self._add(self._free("gap1"), GlobalAverage())
            name = self._free("hidden")
            self._add(name, Dense(units=hidden))
            self._add(f"{name}.relu1", Relu())
            rate, called = MLP_DROPOUT, f"{name}.dropout1"
        else:
            if head.pooled:
                self._add(self._free("gap1"), GlobalAverage())
            rate = before[-1] if before else 0.0
            called = head.dropouts[-1].name if head.dropouts else "dropout1"
            called = self._free("dropout1") if called in self.taken else called
        rate = rate if dropout is None else dropout
        if rate:
            self._add(called, Dropout(probability=rate))
        self._add(scores, Dense(units=classes))
        return self.made

    def _add(self, name: str, layer: Layer) -> None:
        """One more step; its output is inferred later on."""
        classifier = self.head.classifier
        source = self.made[-1].name if self.made else self.head.features
        self.taken.add(name)
        self.made.append(
            Step(
                name=name,
                layer=layer,
                inputs=(source,),
                output=classifier.output,
                origin=classifier.origin,
            )
        )

    def _classifier_name(self) -> str:
        """As before, or as the line was called that the scores came from."""
        head = self.head
        if head.classifier.layer.word != "conv":
            return head.classifier.name
        gone = [step for step in head.after if _goes(step, head)]
        if not gone:
            return self._free("logits")
        last = gone[-1]
        scope, _, own = last.name.rpartition(".")
        numbered = re.fullmatch(rf"{last.layer.word}_?\d+_?", own)
        return self._free((scope or "logits") if numbered else last.name)

    def _free(self, name: str) -> str:
        stem, number = name.rstrip("0123456789"), 1
        while name in self.taken or name in LAYERS:
            number += 1
            name = f"{stem}{number}"
        return name


def _settings(network: Network, head: Head, classes: int) -> dict[str, int | float | str]:
    """The net's parameters, the number of classes among them where the classifier has it."""
    settings = dict(network.settings)
    named = [step for step in network.steps if _names_classes(step)]
    of_head = not named or any(step.owner == head.classifier.owner for step in named)
    if settings.get("classes") == head.classes and of_head:
        settings["classes"] = classes
    return settings


def _names_classes(step: Step) -> bool:
    """Whether the line from the layer's word on, or a call that led there, has the parameter."""
    word = step.origin.span
    rest = word.source.line(word.line)[word.column - 1 :].partition("->")[0].partition("#")[0]
    texts = (rest, *(frame.text for frame in step.origin.frames))
    return any(re.search(r"\bclasses\b", text) for text in texts)


def _cross_entropy(name: str) -> LossTerm:
    return LossTerm(coefficient=1.0, function="cross_entropy", arguments=(name,))


def _parameters_of(network: Network, names: set[str]) -> frozenset[str]:
    return frozenset(
        f"{step.name}.{parameter.name}"
        for step in network.steps
        if step.name in names
        for parameter in step.layer.parameters(*network.input_shapes(step))
    )
