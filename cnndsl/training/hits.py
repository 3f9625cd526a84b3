"""How many answers are right: counts beside the loss."""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.autodiff.writer import Writer

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


def count_hits(write: Writer, logits: ir.Value, target: ir.Value) -> dict[str, ir.Value]:
    """How many targets are the best class (`correct`), and among the five best (`correct5`).

    A NaN is no right answer: it never equals the target's class.
    """
    write.begin("correct")
    column = write.op("Unsqueeze", target, write.constant([1]))
    ranks = write.constant([min(MOST_RANKS, class_count(logits))])
    _, best = write.ops("TopK", 2, logits, ranks, axis=1)
    hits = write.op("Cast", write.op("Equal", best, column), to=ir.DataType.INT64)
    first = write.op("Slice", hits, *(write.constant([n]) for n in (0, 1, 1)))
    counts = {
        "correct": write.op("ReduceSum", first, keepdims=0),
        "correct5": write.op("ReduceSum", hits, keepdims=0),
    }
    for value in counts.values():
        value.shape, value.type = ir.Shape([]), ir.TensorType(ir.DataType.INT64)
    return counts
