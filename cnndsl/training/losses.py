"""Losses as nodes: from values of the net to one number, and how many examples were right.

With `mean` over all values of a batch:

- cross_entropy(z): −log softmax(z)[target] along the classes, a softmax at the end of z is skipped
- bce(p, t): −t·log p − (1 − t)·log(1 − p), by the logits where p is a sigmoid of them
- mse(a, b): (a − b)², l1(a, b): |a − b|, huber(a, b): (a − b)²/2 up to 1, |a − b| − 1/2 beyond
- kl(mu, logvar): −½·Σ (1 + logvar − mu² − exp(logvar)), summed over an example's code, mean over
  the batch: the distance of N(mu, exp(logvar)) from N(0, 1)

A loss that holds a `kl` is a bound on a likelihood (Kingma and Welling 2013, equation 10), and
bounds are sums: there bce, mse, l1 and huber are summed over an example too, then averaged over
the batch. As means they would count for nothing beside the kl.

`target` stands for the values that come with the data: classes (int64) for cross_entropy, numbers
for the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from cnndsl.autodiff.composite import DOMAIN
from cnndsl.autodiff.writer import Writer
from cnndsl.diagnostics import UsageError
from cnndsl.network import LossTerm

TARGET = "target"
Size = int | ir.SymbolicDim
MOST_RANKS = 5  # `correct5` counts a class among the five best


@dataclass(frozen=True, slots=True)
class Recipe:
    """How targets are taken: label smoothing from 0 to below 1, and a weight for every class."""

    label_smoothing: float = 0.0
    class_weights: Sequence[float] | None = None


@dataclass(slots=True)
class Objective:
    """The loss of a batch, its parts by name where there are several, counts of right answers, and
    the inputs that hold the targets.
    """

    loss: ir.Value
    parts: dict[str, ir.Value] = field(default_factory=dict[str, ir.Value])
    counts: dict[str, ir.Value] = field(default_factory=dict[str, ir.Value])
    targets: list[ir.Value] = field(default_factory=list[ir.Value])

    def outputs(self) -> dict[str, ir.Value]:
        """By the names that they have as outputs of a graph."""
        return {
            "loss": self.loss,
            **{f"loss_{part}": value for part, value in self.parts.items()},
            **self.counts,
        }


def write_objective(
    write: Writer, terms: Sequence[LossTerm], values: Mapping[str, ir.Value], recipe: Recipe
) -> Objective:
    """Add the nodes of a weighted sum of losses."""
    builder = _Losses(write, values, recipe, summed=any(t.function == "kl" for t in terms))
    parts: dict[str, ir.Value] = {}
    weighted: list[ir.Value] = []
    for term, name in zip(terms, _names(terms), strict=True):
        write.begin(f"loss/{name}")
        part = builder.term(term)
        parts[name] = part
        if term.coefficient != 1:
            part = write.op("Mul", part, write.constant(term.coefficient, "float"))
        weighted.append(part)
    write.begin("loss")
    loss = weighted[0] if len(weighted) == 1 else write.op("Sum", *weighted)
    for value in (loss, *weighted, *parts.values()):
        value.shape, value.type = ir.Shape([]), ir.TensorType(write.float_type)
    counts = builder.counts(terms)
    return Objective(loss, parts if len(parts) > 1 else {}, counts, list(builder.targets.values()))


class _Losses:
    def __init__(self, write: Writer, values: Mapping[str, ir.Value], recipe: Recipe, summed: bool):
        self.write, self.values, self.recipe, self.summed = write, values, recipe, summed
        self.targets: dict[str, ir.Value] = {}

    def term(self, term: LossTerm) -> ir.Value:
        """The node of one loss."""
        if term.function == "cross_entropy":
            return self._cross_entropy(term.arguments[0])
        raise UsageError(f"there is no loss `{term.function}`")

    def _value(self, name: str) -> ir.Value:
        if name not in self.values:
            known = ", ".join(f"`{n}`" for n in list(self.values)[-8:])
            raise UsageError(f"the loss reads `{name}`, which is no value of the net ({known} …)")
        return self.values[name]

    def logits(self, name: str) -> ir.Value:
        """The value, or what goes into the softmax that it ends with."""
        value = self._value(name)
        node = value.producer()
        if node is not None and node.op_type in ("Softmax", "LogSoftmax"):
            before = node.inputs[0]
            assert before is not None
            return before
        return value

    def _cross_entropy(self, name: str) -> ir.Value:
        logits = self.logits(name)
        assert logits.shape is not None
        batch, classes, *space = logits.shape
        if not isinstance(classes, int) or classes < 2:
            raise UsageError(
                f"cross-entropy needs two classes, but `{name}` has {classes}; bce takes one"
            )
        inputs = [logits, self._target((batch, *space), ir.DataType.INT64)]
        weights = self.recipe.class_weights
        if weights is not None:
            if len(weights) != classes:
                raise UsageError(
                    f"{len(weights)} class weights are given, but `{name}` has {classes} classes"
                )
            inputs.append(self.write.constant(list(weights), "float"))
        attributes = {"label_smoothing": self.recipe.label_smoothing}
        outputs = self.write.ops("CrossEntropy", 4, *inputs, **attributes)
        node = outputs[0].producer()
        assert node is not None
        node.domain = DOMAIN
        return outputs[0]

    def _target(self, shape: Sequence[Size], data_type: ir.DataType) -> ir.Value:
        found = self.targets.get(TARGET)
        if found is None:
            found = ir.Value(name=TARGET, shape=ir.Shape(shape), type=ir.TensorType(data_type))
            self.targets[TARGET] = found
        if found.dtype != data_type or found.shape != ir.Shape(shape):
            raise UsageError("the losses want targets of different shapes or types")
        return found

    def counts(self, terms: Sequence[LossTerm]) -> dict[str, ir.Value]:
        """How many targets are the best class, and among the five best, of the first classifier.

        A NaN is no right answer: it is never the target's class that comes out on top.
        """
        classifiers = [t.arguments[0] for t in terms if t.function == "cross_entropy"]
        if not classifiers:
            return {}
        write, logits = self.write, self.logits(classifiers[0])
        assert logits.shape is not None
        classes = logits.shape[1]
        assert isinstance(classes, int)
        write.begin("correct")
        target = write.op("Unsqueeze", self.targets[TARGET], write.constant([1]))
        ranked = min(MOST_RANKS, classes)
        _, best = write.ops("TopK", 2, logits, write.constant([ranked]), axis=1)
        hits = write.op("Cast", write.op("Equal", best, target), to=ir.DataType.INT64)
        first = write.op("Slice", hits, *(write.constant([n]) for n in (0, 1, 1)))
        counts = {
            "correct": write.op("ReduceSum", first, keepdims=0),
            "correct5": write.op("ReduceSum", hits, keepdims=0),
        }
        for value in counts.values():
            value.shape, value.type = ir.Shape([]), ir.TensorType(ir.DataType.INT64)
        return counts


def _names(terms: Sequence[LossTerm]) -> list[str]:
    """What the parts are called: after their functions, or after their values where those recur."""
    functions = [t.function for t in terms]
    if len(set(functions)) == len(functions):
        return functions
    names: list[str] = []
    for term in terms:
        name = term.arguments[0]
        while name in names:
            name += "_"
        names.append(name)
    return names
