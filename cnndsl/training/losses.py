"""Losses as nodes: from values of the net to one number, and how many examples were right.

With `mean` over all values of a batch:

- cross_entropy(z): −log softmax(z)[target] along the classes, a softmax at the end of z is skipped
- bce(p, t): −t·log p − (1 − t)·log(1 − p), by the logits where p is a sigmoid of them
- mse(a, b): (a − b)², l1(a, b): |a − b|, huber(a, b): (a − b)²/2 up to 1, |a − b| − 1/2 beyond
- dice(z), dice(p, t), focal(z): `cnndsl.training.region_losses`
- ssim(a, b): 1 − the structural similarity, `cnndsl.training.similarity`
- kl(mu, logvar): −½·Σ (1 + logvar − mu² − exp(logvar)), summed over an example's code, mean over
  the batch: the distance of N(mu, exp(logvar)) from N(0, 1)

A loss that holds a `kl` is a bound on a likelihood (Kingma and Welling 2013, equation 10), and
bounds are sums: there bce, mse, l1, huber and ssim are summed over an example too, then averaged
over the batch. As means they would count for nothing beside the kl.

With `ramp` a term's weight grows from 0 to its own over so many epochs: the graph takes the number
of steps that were done before (`STEP`), and evaluation counts the whole weight.

`target` stands for the values that come with the data: classes (int64) for cross_entropy, numbers
for the others. Where some don't count they are negative: losses are means over the others then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import onnx_ir as ir

from cnndsl.autodiff.composite import composite
from cnndsl.diagnostics import UsageError
from cnndsl.graphs.writer import Writer
from cnndsl.network import LossTerm
from cnndsl.training import region_losses, similarity
from cnndsl.training.similarity import WINDOW
from cnndsl.training.top_k import before_softmax, class_count, count_top_k

TARGET = "target"
TARGET_WEIGHT = "target.weight"
"""The input for the sum of the class weights of the targets, where classes have weights or some
targets don't count."""
STEP = "loss.step"
"""The input for the number of steps before this one, where the weight of a term grows."""
Size = int | ir.SymbolicDim

_NO_PROBABILITIES = ("Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization")
"""Operators of which any number may come."""

_SURE = 100.0
"""A logit that is sure: ln(1 + exp(−100)) is 0 in float32."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How targets are taken: label smoothing from 0 to below 1, and a weight for every class.
    `clean`: the picture that went in counts without the noise on it, which comes as the target.
    `ignoring`: targets may be negative, and don't count then; `alone` whether a batch is divided by
    its own sum of weights then, and not by that of all batches of a step. `epoch_steps` are the
    steps of an epoch, over several of which weights may grow; 0 leaves them as they are.
    """

    label_smoothing: float = 0.0
    class_weights: Sequence[float] | None = None
    clean: bool = False
    ignoring: bool = False
    alone: bool = False
    epoch_steps: int = 0


@dataclass(frozen=True, slots=True)
class Goal:
    """What is trained for: a weighted sum of losses. `labels` are what people call some values."""

    terms: tuple[LossTerm, ...]
    recipe: Recipe
    labels: Mapping[str, str]

    def among(self, values: Collection[str]) -> Goal:
        """The terms that read nothing but these values and targets."""
        known = {*values, TARGET}
        terms = tuple(t for t in self.terms if known.issuperset(t.arguments))
        return replace(self, terms=terms)


@dataclass(slots=True)
class Objective:
    """The loss of a batch, its parts by name where there are several, counts of right answers, the
    inputs that hold the targets, what the losses take beside them (`TARGET_WEIGHT`, `STEP`), and
    the main classifier's number of classes.
    """

    loss: ir.Value
    parts: dict[str, ir.Value] = field(default_factory=dict[str, ir.Value])
    counts: dict[str, ir.Value] = field(default_factory=dict[str, ir.Value])
    targets: list[ir.Value] = field(default_factory=list[ir.Value])
    others: list[ir.Value] = field(default_factory=list[ir.Value])
    classes: int = 0

    def outputs(self) -> dict[str, ir.Value]:
        """By the names that they have as outputs of a graph."""
        return {
            "loss": self.loss,
            **{f"loss_{part}": value for part, value in self.parts.items()},
            **self.counts,
        }


def write_objective(write: Writer, goal: Goal, values: Mapping[str, ir.Value]) -> Objective:
    """Add the nodes of a weighted sum of losses."""
    terms, labels = goal.terms, goal.labels
    builder = _Losses(write, values, goal.recipe, summed=any(t.function == "kl" for t in terms))
    parts: dict[str, ir.Value] = {}
    weighted: list[ir.Value] = []
    for term, name in zip(terms, _names(terms, labels), strict=True):
        write.begin(f"loss/{name}")
        part = builder.term(term)
        parts[name] = part
        weight = builder.weight(term)
        if weight is not None:
            part = write.op("Mul", part, weight)
        weighted.append(part)
    write.begin("loss")
    loss = weighted[0] if len(weighted) == 1 else write.op("Sum", *weighted)
    for value in (loss, *weighted, *parts.values()):
        value.shape, value.type = ir.Shape([]), ir.TensorType(write.float_type)
    classifiers = [t.arguments[0] for t in terms if t.takes_classes]
    objective = Objective(loss, parts if len(parts) > 1 else {})
    objective.targets.extend(builder.targets.values())
    objective.others.extend(builder.others.values())
    if classifiers:
        logits = before_softmax(values[classifiers[0]])
        if not goal.recipe.ignoring:
            objective.counts |= count_top_k(write, logits, builder.targets[TARGET])
        objective.classes = class_count(logits)
    return objective


class _Losses:
    def __init__(self, write: Writer, values: Mapping[str, ir.Value], recipe: Recipe, summed: bool):
        self.write, self.values, self.recipe, self.summed = write, values, recipe, summed
        self.targets: dict[str, ir.Value] = {}
        self.others: dict[str, ir.Value] = {}

    def weight(self, term: LossTerm) -> ir.Value | None:
        """What a term is multiplied by; None for 1."""
        write, own = self.write, term.coefficient
        steps = term.settings.get("ramp", 0) * self.recipe.epoch_steps
        if not steps:
            return None if own == 1 else write.constant(own, "float")
        grown = write.op("Mul", self._number(STEP), own / steps)
        weight = write.op("Min" if own > 0 else "Max", grown, own)
        weight.shape, weight.type = ir.Shape([]), ir.TensorType(write.float_type)
        return weight

    def term(self, term: LossTerm) -> ir.Value:
        """The node of one loss."""
        match term.function:
            case "cross_entropy":
                return self._cross_entropy(term.arguments[0])
            case "focal":
                return self._focal(term.arguments[0], term.settings.get("gamma", 2))
            case "dice" if term.takes_classes:
                return self._dice_of_classes(term.arguments[0])
            case "dice":
                return self._dice(*term.arguments)
            case "bce":
                return self._binary(*term.arguments)
            case "mse" | "l1" | "huber":
                a, b = self._pair(*term.arguments)
                return self._composite("Distance", 2, a, b, measure=term.function)
            case "ssim":
                window = int(term.settings.get("window", WINDOW))
                return self._ssim(*term.arguments, window=window)
            case "kl":
                mean, log_variance = self._pair(*term.arguments)
                half = 0.5 * self._example(mean)
                return self._composite("Divergence", 1, mean, log_variance, factor=half)
            case _:
                raise UsageError(f"there is no loss `{term.function}`")

    def _binary(self, prediction: str, truth: str) -> ir.Value:
        """By the logits where the prediction is a sigmoid of them."""
        p, t = self._pair(prediction, truth)
        node = p.producer()
        logits = node is not None and node.op_type == "Sigmoid"
        if node is not None and node.op_type in _NO_PROBABILITIES:
            raise UsageError(
                f"bce compares probabilities, and `{prediction}` can be below 0 and above 1: let a "
                f"sigmoid follow it"
            )
        operator = "LogisticLoss" if logits else "BinaryCrossEntropy"
        given = node.inputs[0] if node is not None and logits else p
        assert given is not None
        if not self.recipe.ignoring or truth != TARGET:
            return self._composite(operator, 1, given, t)
        write, counts = self.write, self._counting(t)
        none = write.constant(-_SURE if logits else 0.0, "float")
        chosen = write.op("Where", counts, given, none)
        chosen.shape, chosen.type = given.shape, given.type
        t = write.op("Max", t, write.constant(0.0, "float"))
        t.shape, t.type = given.shape, given.type
        loss = self._composite(operator, 1, chosen, t)
        every = write.op("Cast", write.op("Size", t), to=write.float_type)
        share = write.op("Div", every, self._total(counts))
        for value in (loss, share):  # which the gradient of their product asks for
            value.shape, value.type = ir.Shape([]), ir.TensorType(write.float_type)
        return write.op("Mul", loss, share)

    def _pair(self, first: str, second: str) -> tuple[ir.Value, ir.Value]:
        """Two values of one shape; the second may be the data's targets."""
        a = self._value(first)
        if second == TARGET and TARGET not in self.values:
            assert a.shape is not None
            return a, self._target(tuple(a.shape), self.write.float_type)
        b = self._value(second)
        if a.shape != b.shape:
            raise UsageError(
                f"the loss compares `{first}` and `{second}`, whose shapes differ: "
                f"{a.shape} and {b.shape}"
            )
        return a, b

    def _example(self, value: ir.Value) -> float:
        """Values that an example has."""
        assert value.shape is not None
        return float(prod(n for n in list(value.shape)[1:] if isinstance(n, int)))

    def _composite(
        self, operator: str, outputs: int, *inputs: ir.Value | None, **attributes: Any
    ) -> ir.Value:
        """A node of our own; losses of a bound are sums over an example."""
        if self.summed and "factor" not in attributes and inputs[0] is not None:
            attributes["factor"] = self._example(inputs[0])
        return composite(self.write, operator, outputs, *inputs, **attributes)[0]

    def _value(self, name: str) -> ir.Value:
        if name not in self.values:
            known = ", ".join(f"`{n}`" for n in list(self.values)[-8:])
            raise UsageError(f"the loss reads `{name}`, which is no value of the net ({known} …)")
        return self.values[name]

    def _cross_entropy(self, name: str) -> ir.Value:
        logits = before_softmax(self._value(name))
        assert logits.shape is not None
        batch, _, *space = logits.shape
        classes = class_count(logits)
        if classes < 2:
            raise UsageError(
                f"cross-entropy needs two classes, but `{name}` has {classes}; bce takes one"
            )
        target = self._target((batch, *space), ir.DataType.INT64)
        weights, ignoring = self.recipe.class_weights, self.recipe.ignoring
        counts: ir.Value | None = None
        if ignoring:
            counts = self._counting(target)
            target = self.write.op("Max", target, self.write.constant(0))
            weights = weights or [1.0] * classes
        inputs = [logits, target]
        if weights is not None:
            self._check_weights(name, classes)
            total = self._total(counts)
            inputs += [self.write.constant(list(weights), "float"), total]
        if counts is not None:
            inputs.append(self.write.op("Cast", counts, to=self.write.float_type))
        smoothing = self.recipe.label_smoothing
        return composite(self.write, "CrossEntropy", 4, *inputs, label_smoothing=smoothing)[0]

    def _hot(self, logits: ir.Value) -> tuple[ir.Value, ir.Value | None]:
        """The right classes as ones among zeros, B×C×space, and which targets count, B×space."""
        assert logits.shape is not None
        write, (batch, _, *space) = self.write, logits.shape
        target = self._target((batch, *space), ir.DataType.INT64)
        counts: ir.Value | None = None
        if self.recipe.ignoring:
            counts = self._counting(target)
            target = write.op("Max", target, write.constant(0))
        depth, ends = write.constant([class_count(logits)]), write.constant([0.0, 1.0], "float")
        return write.op("OneHot", target, depth, ends, axis=1), counts

    def _wide(self, counts: ir.Value) -> ir.Value:
        """Which targets count, as numbers B×1×space."""
        write = self.write
        found = write.op("Cast", counts, to=write.float_type)
        return write.op("Unsqueeze", found, write.constant([1]))

    def _ssim(self, first: str, second: str, window: int) -> ir.Value:
        a, b = self._pair(first, second)
        if len(a.shape or ()) != 4:
            raise UsageError(f"ssim compares pictures, and `{first}` is {_sizes(a)}")
        distance = similarity.dissimilarity(self.write, a, b, window)
        if not self.summed:
            return distance
        distance.shape, distance.type = ir.Shape([]), ir.TensorType(self.write.float_type)
        return self.write.op("Mul", distance, self.write.constant(self._example(a), "float"))

    def _focal(self, name: str, gamma: float) -> ir.Value:
        logits, weights = before_softmax(self._value(name)), self.recipe.class_weights
        q, counts = self._hot(logits)
        rank, total = len(logits.shape or ()), None
        if weights is not None:
            self._check_weights(name, class_count(logits))
            shape = self.write.constant([1, len(weights), *[1] * (rank - 2)])
            column = self.write.op("Reshape", self.write.constant(list(weights), "float"), shape)
            q = self.write.op("Mul", q, column)
        if counts is not None:
            q = self.write.op("Mul", q, self._wide(counts))
        if weights is not None or counts is not None:
            total = self._total(counts)
        return region_losses.focal(self.write, logits, q, total, gamma)

    def _dice_of_classes(self, name: str) -> ir.Value:
        logits = before_softmax(self._value(name))
        if len(logits.shape or ()) < 3:
            raise UsageError(f"dice compares regions, and `{name}` has no place for them")
        q, counts = self._hot(logits)
        p = self.write.op("Softmax", logits, axis=1)
        p.shape, p.type = logits.shape, logits.type
        return region_losses.dice(self.write, p, q, None if counts is None else self._wide(counts))

    def _dice(self, prediction: str, truth: str) -> ir.Value:
        p, t = self._pair(prediction, truth)
        if len(p.shape or ()) < 3:
            raise UsageError(f"dice compares regions, and `{prediction}` has no place for them")
        if not self.recipe.ignoring or truth != TARGET:
            return region_losses.dice(self.write, p, t, None)
        counts = self.write.op("Cast", self._counting(t), to=self.write.float_type)
        return region_losses.dice(self.write, p, t, counts)

    def _check_weights(self, name: str, classes: int) -> None:
        """Raise UsageError unless each class has a weight."""
        weights = self.recipe.class_weights
        if weights is not None and len(weights) != classes:
            raise UsageError(
                f"{len(weights)} class weights are given, but `{name}` has {classes} classes"
            )

    def _counting(self, target: ir.Value) -> ir.Value:
        """Which targets count."""
        whole = target.dtype == ir.DataType.INT64
        zero = self.write.constant(0) if whole else self.write.constant(0.0, "float")
        return self.write.op("GreaterOrEqual", target, zero)

    def _total(self, counts: ir.Value | None) -> ir.Value:
        """The sum of the weights of all targets; where none counts, at least 1."""
        write = self.write
        if self.recipe.alone and counts is not None:
            number = write.op(
                "ReduceSum", write.op("Cast", counts, to=write.float_type), keepdims=0
            )
            return write.op("Max", number, write.constant(1.0, "float"))
        return self._number(TARGET_WEIGHT)

    def _number(self, name: str) -> ir.Value:
        """An input of the graph that is a number."""
        kind = ir.TensorType(self.write.float_type)
        return self.others.setdefault(name, ir.Value(name=name, shape=ir.Shape([]), type=kind))

    def _target(self, shape: Sequence[Size], data_type: ir.DataType) -> ir.Value:
        found = self.targets.get(TARGET)
        if found is None:
            found = ir.Value(name=TARGET, shape=ir.Shape(shape), type=ir.TensorType(data_type))
            self.targets[TARGET] = found
        if found.dtype != data_type or found.shape != ir.Shape(shape):
            raise UsageError("the losses want targets of different shapes or types")
        return found


def _sizes(value: ir.Value) -> str:
    return "x".join(map(str, list(value.shape or ())[1:]))


def _names(terms: Sequence[LossTerm], labels: Mapping[str, str]) -> list[str]:
    """What the parts are called: after their functions, or after their values where those recur."""
    functions = [t.function for t in terms]
    if len(set(functions)) == len(functions):
        return functions
    names: list[str] = []
    for term in terms:
        name = labels.get(term.arguments[0], term.arguments[0])
        while name in names:
            name += "_"
        names.append(name)
    return names
