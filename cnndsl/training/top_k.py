"""How many answers are right, as nodes beside the loss and as the same rule in NumPy.

The target's class is right among the k best where fewer than k classes have a larger value. Where
classes tie, an order among them would be arbitrary, so the answer counts as much as a draw by lot
would give: of e equal values that a further ones are ahead of, the target is among the k best with
the probability min(max(k − a, 0), e) / e. A model whose values are all the same is right by 1/C,
whatever the targets are. NaN is ahead of every number and never right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from cnndsl.graphs.writer import Writer

MOST_RANKS = 5  # `correct5` counts a class among the five best


def before_softmax(value: ir.Value) -> ir.Value:
    """The logits: the value, or what goes into the softmax that it ends with."""
    node = value.producer()
    if node is None or node.op_type not in ("Softmax", "LogSoftmax"):
        return value
    (before,) = node.inputs
    assert before is not None
    return before


def class_count(logits: ir.Value) -> int:
    """How many classes there are; they lie along axis 1."""
    assert logits.shape is not None
    classes = logits.shape[1]
    assert isinstance(classes, int)
    return classes


def count_top_k(write: Writer, logits: ir.Value, target: ir.Value) -> dict[str, ir.Value]:
    """Write nodes that count the targets that are the best class (`correct`), and those among the
    five best (`correct5`): float64 numbers, whole ones where no classes tie.
    """
    assert logits.shape is not None
    write.begin("correct")
    axis, rank, classes = write.constant([1]), len(logits.shape), class_count(logits)
    # All are compared in float32: where logits come in 16 bits, runtimes may leave out the rounding
    # for some of their readers, and a value would not equal itself.
    shape = logits.shape
    logits = write.op("Cast", logits, to=ir.DataType.FLOAT)
    logits.shape, logits.type = shape, ir.TensorType(ir.DataType.FLOAT)
    right = write.op("GatherElements", logits, write.op("Unsqueeze", target, axis), axis=1)

    def count(comparison: str) -> ir.Value:
        found = write.op(comparison, logits, right)
        return write.op("ReduceSum", write.op("Cast", found, to=ir.DataType.FLOAT), axis)

    ranks = np.array([1, min(MOST_RANKS, classes)]).reshape(1, 2, *[1] * (rank - 2))
    not_ahead = count("LessOrEqual")
    equal = write.op("Sub", not_ahead, count("Less"))
    room = write.op("Add", not_ahead, write.constant(ranks - classes, "single"))
    taken = write.op("Min", write.op("Relu", room), equal)
    credit = write.op("Div", taken, write.op("Max", equal, write.constant(1, "single")))
    others = write.constant([0, *range(2, rank)])
    credit = write.op("Cast", credit, to=ir.DataType.DOUBLE)
    sums = write.ops("Split", 2, write.op("ReduceSum", credit, others, keepdims=0), num_outputs=2)
    counts = {
        name: write.op("Squeeze", value)
        for name, value in zip(("correct", "correct5"), sums, strict=True)
    }
    for value in counts.values():
        value.shape, value.type = ir.Shape([]), ir.TensorType(ir.DataType.DOUBLE)
    return counts


def in_top_k(
    values: npt.NDArray[Any], targets: npt.NDArray[np.int64], ranks: int
) -> npt.NDArray[np.float64]:
    """Count for each row of N×C values whether its target is among the `ranks` best: 0 to 1."""
    right = values[np.arange(len(values)), targets][:, None]
    not_ahead = (values <= right).sum(axis=1)
    equal = not_ahead - (values < right).sum(axis=1)
    room = np.maximum(ranks - (values.shape[1] - not_ahead), 0)
    return np.minimum(room, equal) / np.maximum(equal, 1)
