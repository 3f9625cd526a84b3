"""A model as most programs read it: it computes the same, and ONNX Runtime runs it as fast.

Graphs are made in opset 18, with every shape noted. Other programs than ONNX Runtime often know the
operators of opset 17 alone, take a noted size for a promise, or read a graph in one way where there
are two. `make clients` measures them; docs/decisions/0049 tells what each step is for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cnndsl.graphs.writer import OPSET

OLDER = 17

Constants = dict[str, onnx.TensorProto]
Shape = Sequence[int]
Shapes = dict[str, Shape]

_POOLINGS = ("MaxPool", "AveragePool")
_REDUCTIONS = tuple(
    f"Reduce{kind}"
    for kind in ("Max", "Min", "Mean", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")
)
"""Those whose axes are an attribute in the older opset."""


def make_portable(model: onnx.ModelProto, weights: Mapping[str, Shape] | None = None) -> Shapes:
    """Rewrite a model in place; the older opset is written where its operators are enough.

    `weights` are the shapes of those that the graph lacks and its file is to have; gives them as
    they are to be stored, with the same numbers in the same order.
    """
    graph = model.graph
    _leave_out_open_shapes(graph)
    _pad_before_averages(graph)
    constants = {t.name: t for t in graph.initializer}
    unused = _pad_all_axes(graph, constants)
    shapes, axes = _store_stretched(graph, constants, weights or {})
    unused |= axes
    if all(_is_older(node, constants) for node in graph.node):
        unused |= _reduce_by_attribute(graph, constants)
        for entry in model.opset_import:
            if entry.domain == "" and entry.version == OPSET:
                entry.version = OLDER
    _drop(graph, unused)
    return shapes


def _leave_out_open_shapes(graph: onnx.GraphProto) -> None:
    """Told the sizes of an input that are open, some programs find noted shapes contradict them."""
    dims = (d for port in graph.input for d in port.type.tensor_type.shape.dim)
    if not all(d.HasField("dim_value") for d in dims):
        graph.ClearField("value_info")


def _pad_before_averages(graph: onnx.GraphProto) -> None:
    """Put zeros that an average counts around the map beforehand; ONNX Runtime joins them again."""
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        named = _attributes(node)
        pads = list(named.get("pads", ()))
        if node.op_type == "AveragePool" and named.get("count_include_pad") and any(pads):
            half, name = len(pads) // 2, f"{node.name}/Pad"
            margins = np.array([0, 0, *pads[:half], 0, 0, *pads[half:]], np.int64)
            graph.initializer.append(numpy_helper.from_array(margins, f"{node.name}/margins"))
            nodes.append(
                helper.make_node("Pad", [node.input[0], f"{node.name}/margins"], [name], name)
            )
            node.input[0] = name
            _set(node, "pads", [0] * len(pads))
        nodes.append(node)
    _replace(graph, nodes)


def _pad_all_axes(graph: onnx.GraphProto, constants: Constants) -> set[str]:
    """Don't name a Pad's axes where it has margins for all; gives the constants that did.

    They stay where a pooling reads zeros put around a map: ONNX Runtime would join both, and then
    pad maxima by −∞ instead, and refuse pads as wide as the window.
    """
    unused: set[str] = set()
    pooled = {node.input[0] for node in graph.node if node.op_type in _POOLINGS}
    for node in graph.node:
        if node.op_type != "Pad" or len(node.input) < 4:
            continue
        _, margins, filling, axes = node.input
        zeros = not filling and _attributes(node).get("mode", b"constant") == b"constant"
        every = list(range(len(_values(constants, margins)) // 2))
        if _values(constants, axes) == every and not (zeros and node.output[0] in pooled):
            del node.input[3 if filling else 2 :]
            unused.add(axes)
    return unused


def _store_stretched(
    graph: onnx.GraphProto, constants: Constants, weights: Mapping[str, Shape]
) -> tuple[Shapes, set[str]]:
    """Store a weight that is read with axes of one beside it so; gives the shapes that are stored,
    and the constants that named the axes.
    """
    shapes, unused = dict(weights), set[str]()
    readers = Counter(name for node in graph.node for name in node.input)
    renamed: dict[str, str] = {}
    for node in graph.node:
        if node.op_type == "Unsqueeze" and node.input[0] in shapes and readers[node.input[0]] == 1:
            name, axes = node.input
            places = _values(constants, axes)
            sizes = iter(shapes[name])
            rank = len(shapes[name]) + len(places)
            shapes[name] = tuple(1 if i in places else next(sizes) for i in range(rank))
            renamed[node.output[0]] = name
            unused.add(axes)
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)
    _replace(graph, [node for node in graph.node if node.output[0] not in renamed])
    return shapes, unused


def _reduce_by_attribute(graph: onnx.GraphProto, constants: Constants) -> set[str]:
    """Name the axes of reductions as the older opset does; gives the constants that did."""
    unused: set[str] = set()
    for node in graph.node:
        if node.op_type in _REDUCTIONS and len(node.input) > 1:
            unused.add(node.input[1])
            _set(node, "axes", _values(constants, node.input.pop()))
    return unused


def _is_older(node: onnx.NodeProto, constants: Constants) -> bool:
    """Whether the older opset can say a node."""
    if node.op_type in _REDUCTIONS:
        return len(node.input) < 2 or node.input[1] in constants
    return not (node.op_type == "Pad" and len(node.input) > 3) and (
        node.op_type != "Resize" or "axes" not in _attributes(node)
    )


def _drop(graph: onnx.GraphProto, names: set[str]) -> None:
    """Take constants away that no node reads any more."""
    names = names - {name for node in graph.node for name in node.input}
    kept = [t for t in graph.initializer if t.name not in names]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _replace(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    if len(nodes) != len(graph.node):
        copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
        del graph.node[:]
        graph.node.extend(copies)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _set(node: onnx.NodeProto, name: str, value: list[int]) -> None:
    others = [a for a in node.attribute if a.name != name]
    del node.attribute[:]
    node.attribute.extend([*others, helper.make_attribute(name, value)])


def _values(constants: Constants, name: str) -> list[int]:
    """A constant's numbers; none where it isn't one."""
    return numpy_helper.to_array(constants[name]).tolist() if name in constants else []
