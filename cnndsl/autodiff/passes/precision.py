"""Half precision where the work is, single precision where the digits count.

Convolutions and products of matrices read and write 16-bit numbers; what lies between them and
only moves, adds or compares numbers goes on in 16 bits where its inputs come so. Everything else
stays in float32: losses, softmax, statistics and arithmetic of norms, every other reduction, and
whatever isn't named here. Parameters, gradients and running statistics are float32 outside: each is
cast on its way in or out.

- float16 has 11 digits (binary) and ends at 65504: gradients are scaled so that small ones don't
  vanish (`training/scaling.py`).
- bfloat16 has 8 digits and float32's range. ONNX's convolution knows it from opset 22 on alone, so
  of the work it gets the products of matrices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cnndsl.graphs.precision import Precision

MOVING = {
    *("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Concat", "Split"),
    *("Slice", "Gather", "Expand", "Add", "Sub", "Mul", "Neg", "Sum", "Relu"),
}
"""What takes the type that its inputs have, in either type of 16 bits."""

FURTHER = {
    *("LeakyRelu", "Clip", "MaxPool", "Max", "Min", "Where", "Sign", "Pad", "Resize", "Tile"),
    *("DepthToSpace", "SpaceToDepth", "GatherElements", "Equal", "Greater", "Less"),
}
"""And in float16."""

STATISTICAL = {"BatchNormalization"}
"""Computes in float32 and gives what its first input has: its other inputs are statistics."""

SINGLE = {"Resize": (1, 2)}
"""Inputs that are float32 whatever the others are."""

_LARGEST, _SMALLEST = 2048.0, 2.0**-14
"""Constants between them are (whole numbers) exact or (others) normal in float16."""

_STEEP = 2.0**64  # a HardSigmoid that is a comparison, see rules/masks.py


@dataclass(frozen=True, slots=True)
class _Half:
    type: ir.DataType
    working: frozenset[str]
    moving: frozenset[str]


_HALVES: dict[Precision, _Half] = {
    "float16": _Half(
        ir.DataType.FLOAT16,
        frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm"}),
        frozenset(MOVING | FURTHER),
    ),
    "bfloat16": _Half(
        ir.DataType.BFLOAT16, frozenset({"MatMul", "Gemm"}), frozenset(MOVING - {"Gather"})
    ),
}


def lower_precision(
    graph: ir.Graph, results: Mapping[str, ir.Value], precision: Precision
) -> dict[str, ir.Value]:
    """Let the graph work in that precision; every value must know its type.

    Returns the results, float32 as they were.
    """
    if precision == "float32":
        return dict(results)
    nodes = list(graph)
    graph.remove(nodes)
    lowering = _Lowering(_HALVES[precision])
    for value in graph.initializers.values():
        lowering.see_constant(value)
    for node in nodes:
        lowering.add(node)
    found = {name: lowering.single(value) for name, value in results.items()}
    graph.extend(lowering.nodes)
    return found


class _Lowering:
    """The nodes so far, and what is known of their values.

    A value is `half` where it was made so, `either` where it is exact in both types (constants,
    comparisons' 0 and 1), else float32.
    """

    def __init__(self, half: _Half):
        self.nodes: list[ir.Node] = []
        self._half = half
        self._made_half: set[ir.Value] = set()
        self._either: set[ir.Value] = set()
        self._casts: dict[ir.Value, ir.Value] = {}

    def see_constant(self, value: ir.Value) -> None:
        """Take note of a constant that is as good in 16 bits."""
        if value.const_value is None or value.dtype is not ir.DataType.FLOAT:
            return
        sizes = np.abs(value.const_value.numpy())
        sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
        if not sizes.size or (sizes.max() <= _LARGEST and sizes.min() >= _SMALLEST):
            self._either.add(value)

    def add(self, node: ir.Node) -> None:
        """Put a node behind the others, with casts where it needs them."""
        inputs = self._inputs(node)
        if self._is_step(node) and {v for _, v in inputs} <= self._made_half:
            self._compare(node)
            return
        halves = [v in self._made_half for _, v in inputs if v not in self._either]
        if node.op_type in self._half.moving:
            in_half = bool(halves) and all(halves)
        else:
            in_half = node.op_type in self._half.working and not is_sum(node)
        for i, value in inputs:
            node.replace_input_with(i, self.half(value) if in_half else self.single(value))
        self.nodes.append(node)
        outputs = [v for v in node.outputs if v.dtype is ir.DataType.FLOAT]
        if in_half:
            for output in outputs:
                output.type = ir.TensorType(self._half.type)
                self._made_half.add(output)
        elif self._is_exact(node, halves):
            self._either.update(outputs)
        elif node.op_type in STATISTICAL and halves and halves[0]:
            self._give_half(node.outputs[0])

    def half(self, value: ir.Value) -> ir.Value:
        """The value in 16 bits."""
        return value if value in self._made_half else self._cast(value, self._half.type)

    def single(self, value: ir.Value) -> ir.Value:
        """The value in float32."""
        return self._cast(value, ir.DataType.FLOAT) if value in self._made_half else value

    def _inputs(self, node: ir.Node) -> list[tuple[int, ir.Value]]:
        """Those of the type that the operator works in, with their numbers."""
        kept = SINGLE.get(node.op_type, ())
        types = (ir.DataType.FLOAT, self._half.type)
        return [
            (i, v)
            for i, v in enumerate(node.inputs)
            if v is not None and v.dtype in types and i not in kept
        ]

    def _is_exact(self, node: ir.Node, halves: Sequence[bool]) -> bool:
        """Whether the outputs are as good in 16 bits: made of such alone, or truth values."""
        if node.op_type in self._half.moving:
            return not halves
        return (node.op_type == "Cast" and not self._inputs(node)) or self._is_step(node)

    def _is_step(self, node: ir.Node) -> bool:
        steep = abs(node.attributes.get_float("alpha", 0.2)) >= _STEEP
        return node.op_type == "HardSigmoid" and steep and "Greater" in self._half.moving

    def _compare(self, node: ir.Node) -> None:
        """A step of a value in 16 bits, in which its slope is infinite."""
        (x,), (y,) = node.inputs, node.outputs
        assert x is not None
        alpha = node.attributes.get_float("alpha", 0.2)
        threshold = np.asarray(-node.attributes.get_float("beta", 0.5) / alpha, np.float32)
        bound = self._node("Constant", [], y, "threshold", value=ir.tensor(threshold))
        bound = self._cast(bound, self._half.type)
        above = self._node("Greater" if alpha > 0 else "Less", [x, bound], y, "is")
        mask = self._node("Cast", [above], y, "mask", to=self._half.type)
        mask.type, mask.shape = ir.TensorType(self._half.type), y.shape
        ir.convenience.replace_all_uses_with(y, mask)
        self._made_half.add(mask)

    def _give_half(self, value: ir.Value) -> None:
        """Let readers yet to come have the value in 16 bits."""
        cast = self._node("Cast", [value], value, "half", to=self._half.type)
        cast.type, cast.shape = ir.TensorType(self._half.type), value.shape
        readers = [use for use in value.uses() if use.node is not cast.producer()]
        for use in readers:
            use.node.replace_input_with(use.idx, cast)
        self._made_half.add(cast)
        self._casts[cast] = value

    def _cast(self, value: ir.Value, data_type: ir.DataType) -> ir.Value:
        """The value in the other type, made once."""
        if value not in self._casts:
            word = "single" if data_type is ir.DataType.FLOAT else "half"
            cast = self._node("Cast", [value], value, word, to=data_type)
            cast.type, cast.shape = ir.TensorType(data_type), value.shape
            self._casts[value] = cast
        return self._casts[value]

    def _node(
        self, kind: str, inputs: Sequence[ir.Value], of: ir.Value, word: str, **attributes: object
    ) -> ir.Value:
        name = f"{of.name}/precision/{word}"
        node = ir.node(kind, inputs, attributes, name=name)  # pyright: ignore[reportArgumentType]
        node.outputs[0].name = name
        self.nodes.append(node)
        return node.outputs[0]


def is_sum(node: ir.Node) -> bool:
    """Whether a product is a sum, its first operand a row of ones (`algorithms.pieces.total`)."""
    first = node.inputs[0] if node.op_type == "MatMul" else None
    row = first.const_value if first is not None else None
    if row is None:
        return False
    return len(row.shape) == 2 and row.shape[0] == 1 and bool((row.numpy() == 1).all())
