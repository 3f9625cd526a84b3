"""How long ONNX Runtime's CPU kernels take, predicted from sizes: what algorithms are chosen by.

A node's time is a sum of amounts (multiplications, floats moved, rows begun) by a constant each.
The constants were fitted, by non-negative least squares on relative errors, to 1051 products of
matrices, 1100 convolutions and transposed convolutions of random sizes and about 200 movements,
measured as the time that one thread works, on a core of an AMD EPYC (Zen 5, AVX-512, 1 MB L2,
32 MB L3) with ONNX Runtime 1.31. Half of all products and half of all convolutions lie within
15 % of their prediction. `python -m benchmarks.convolution_algorithms --each` measures whole
algorithms against these predictions. Another machine has other constants, but choices depend on
ratios, which differ less; where they do, measuring beats predicting (`autotune`).

Amounts are in floats, times in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, prod

import onnx_ir as ir

CALL = 2000.0
"""Starting a node."""

# Products of matrices (MLAS SGEMM: 12 rows by 16 columns at a time, the right side packed)
MULTIPLY = 1 / 117  # a multiplication with its addition: 234 GFLOP/s
PACK = 0.038  # a number of the right side
WRITE = 0.018  # a number of the result
TURN = 0.17  # a number of a left side that is read transposed
PRODUCT = 70.0  # one product of a batch
VECTOR = 0.09  # a number of a matrix that a vector is multiplied with

# The Conv operator: windows are unrolled image by image, and multiplied
CONV_MULTIPLY = 1 / 139
CONV_WRITE = 0.045
UNROLL = 0.10  # an entry of the unrolled windows
UNROLL_STRIDED = 0.30  # the same where windows are apart
UNROLL_ROW = 2.4  # beginning a row of windows
CONV_PACK = 0.055  # a number of a map that needs no unrolling
CONV_VECTOR = 0.06  # a weight, where an image has one window
# ConvTranspose: a product, and what it yields added up
ADD_UP = 0.064
ADD_UP_ROW = 1.9
STAMP = 0.16  # a number of the result
STREAM = 0.6  # a weight that is read again for every image, where they don't fit into the cache
CACHED_WEIGHTS = 100_000

# Movements
MOVE = 0.08  # a number copied, or mapped by an elementwise operator, within the cache
MOVE_FAR = 0.2  # the same where values don't fit into it
NEAR, FAR = 1_500_000, 6_000_000  # below and above these sizes
SWAP = 0.45  # a number of a transposed map
SWAP_FAR = 1.3
FETCH = 0.145  # a number that a product reads or writes, where they don't fit into the cache
RUN = {"Slice": 2.5, "Gather": 2.7, "Concat": 1.8, "Pad": 6.6, "Transpose": 5.9}
"""Beginning a contiguous run of numbers."""

PARALLEL = {"MatMul", "Conv", "Gather", "Add", "Mul", "Sub", "Relu"}
"""What uses all threads (1.9 times as fast on two, measured); the others use one."""

CONV_TRANSPOSE_SHARED = 0.75
"""The part of ConvTranspose that uses all threads, with one group; with more, none does."""


def nanoseconds(node: ir.Node, threads: int = 1) -> float:
    """The predicted time of one node of an algorithm; its values know their shapes."""
    found = _TIMES.get(node.op_type, _moved)(node)
    shared = found * _shared(node)
    return CALL + shared / threads + found - shared if found else 0.0


def _shared(node: ir.Node) -> float:
    """The part of a node's time that all threads share."""
    if node.op_type == "ConvTranspose":
        return CONV_TRANSPOSE_SHARED if node.attributes.get_int("group", 1) == 1 else 0.0
    return 1.0 if node.op_type in PARALLEL else 0.0


def _shape(value: ir.Value | None) -> tuple[int, ...]:
    assert value is not None and value.shape is not None
    return tuple(n for n in value.shape if isinstance(n, int))


def _between(amount: int, near: float, far: float) -> float:
    """From one time a number to another as the amount grows out of the cache."""
    share = min(max((amount - NEAR) / (FAR - NEAR), 0.0), 1.0)
    return amount * (near + (far - near) * share)


def _product(batch: int, m: int, k: int, n: int, turned: bool = False) -> float:
    if min(m, n) == 1:
        return batch * (k * max(m, n) * VECTOR + PRODUCT)
    columns = 16 * ceil(n / 16)
    time = 12 * ceil(m / 12) * k * columns * MULTIPLY + k * columns * PACK + m * columns * WRITE
    return batch * (time + PRODUCT + (m * k * TURN if turned else 0.0))


def _matmul(node: ir.Node) -> float:
    a, b = node.inputs
    batch, k = _shape(node.outputs[0])[:-2], _shape(a)[-1]
    m, n = _shape(node.outputs[0])[-2:]
    producer = a.producer() if a is not None else None
    turned = producer is not None and _is_turn(producer)
    moved = sum(prod(_shape(v)) for v in (a, b, node.outputs[0]))
    return _product(prod(batch), m, k, n, turned) + _between(moved, 0.0, FETCH)


def _conv(node: ir.Node) -> float:
    x, w = node.inputs[:2]
    batch, filters, *outputs = _shape(node.outputs[0])
    group = node.attributes.get_int("group", 1)
    windows, taps = prod(outputs), prod(_shape(w)[1:])
    entries = batch * group * taps * windows
    time = 0.0 if filters == group else _conv_product(batch, group, filters, taps, windows)
    if prod(_shape(w)[2:]) == 1 and prod(_shape(x)[2:]) == windows:
        time += entries * CONV_PACK
    else:
        strided = any(s > 1 for s in node.attributes["strides"].as_ints())
        time += entries * ((UNROLL_STRIDED if strided else UNROLL) + UNROLL_ROW / outputs[-1])
    amount = prod(_shape(x)) + prod(_shape(node.outputs[0]))
    return time + _between(amount, 0.0, FETCH)


def _conv_product(batch: int, group: int, filters: int, taps: int, windows: int) -> float:
    rows, columns = 12 * ceil(filters / group / 12), 16 * ceil(windows / 16)
    if windows == 1:
        return batch * filters * taps * CONV_VECTOR
    time = batch * group * (rows * taps * columns * CONV_MULTIPLY + rows * columns * CONV_WRITE)
    return time + _stream(batch, filters * taps, windows) * 0.25


def _stream(batch: int, weights: int, windows: int) -> float:
    return batch * weights * STREAM if weights > CACHED_WEIGHTS and windows <= 16 else 0.0


def _conv_transpose(node: ir.Node) -> float:
    dy, w = node.inputs[:2]
    batch, filters, *outputs = _shape(dy)
    group = node.attributes.get_int("group", 1)
    windows, taps = prod(outputs), prod(_shape(w)[1:])
    entries = batch * group * taps * windows
    time = _product(batch * group, taps, filters // group, windows)
    time += _stream(batch, filters * taps, windows)
    if prod(_shape(w)[2:]) > 1 or prod(_shape(node.outputs[0])[2:]) > windows:
        time += entries * (ADD_UP + ADD_UP_ROW / outputs[-1])
    return time + _between(prod(_shape(node.outputs[0])), STAMP, STAMP + MOVE_FAR)


def _transpose(node: ir.Node) -> float:
    (value,) = node.inputs
    assert value is not None
    readers = {use.node.op_type for use in node.outputs[0].uses()}
    if readers == {"MatMul"} and _is_turn(node):
        return 0.0  # ONNX Runtime makes it a flag of the product
    shape, order = _shape(value), list(node.attributes["perm"].as_ints())
    kept = 1
    while order and order[-1] == len(order) - 1:
        kept *= shape[order.pop()]
    if kept == 1:
        return _between(prod(shape), SWAP, SWAP_FAR)
    return _between(prod(shape), MOVE, MOVE_FAR) + prod(shape) / kept * RUN["Transpose"]


def _is_turn(node: ir.Node) -> bool:
    if node.op_type != "Transpose":
        return False
    order = list(node.attributes["perm"].as_ints())
    last = len(order) - 1
    return order[-2:] == [last, last - 1] and order[:-2] == list(range(last - 1))


def _moved(node: ir.Node) -> float:
    return _between(prod(_shape(node.outputs[0])), MOVE, MOVE_FAR)


def _cut(node: ir.Node) -> float:
    """Slice and Pad: whole runs are copied along the last axes that are taken whole."""
    before, after = _shape(node.inputs[0]), _shape(node.outputs[0])
    run = _run(before, after)
    if node.op_type == "Slice" and len(node.inputs) == 5:
        run = 1
    return _moved(node) + prod(after) / run * RUN[node.op_type]


def _run(before: Sequence[int], after: Sequence[int]) -> int:
    run = 1
    for n, m in zip(reversed(before), reversed(after), strict=True):
        run *= min(n, m)
        if n != m:
            break
    return run


def _gather(node: ir.Node) -> float:
    axis = node.attributes.get_int("axis", 0)
    after = _shape(node.outputs[0])
    return _moved(node) + prod(after[: axis + 1]) * RUN["Gather"]


def _concat(node: ir.Node) -> float:
    axis = node.attributes.get_int("axis", 0)
    runs = prod(_shape(node.outputs[0])[:axis]) * len(node.inputs)
    return _moved(node) + runs * RUN["Concat"]


def _reduced(node: ir.Node) -> float:
    return _between(prod(_shape(node.inputs[0])), MOVE, MOVE_FAR)


_TIMES: dict[str, Callable[[ir.Node], float]] = {
    "MatMul": _matmul,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Transpose": _transpose,
    "Slice": _cut,
    "Pad": _cut,
    "Gather": _gather,
    "Concat": _concat,
    "ReduceSum": _reduced,
    "Reshape": lambda node: 0.0,
}
