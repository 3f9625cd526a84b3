"""Standard operators in the place of composites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import onnx_ir as ir

from cnndsl.graphs.writer import Writer

DOMAIN = "cnndsl"
"""The operator domain of composites."""

Expansion = Callable[[Writer, ir.Node], Sequence[ir.Value]]
"""Writes a composite's nodes; returns as many values as it has outputs."""

EXPANSIONS: dict[str, Expansion] = {}
"""By the composite's name; and by ONNX's, for operators that ONNX Runtime is slow at."""


def expansion(operator: str) -> Callable[[Expansion], Expansion]:
    """Register the function below as what the composite stands for."""

    def register(function: Expansion) -> Expansion:
        EXPANSIONS[operator] = function
        return function

    return register


def composite(
    write: Writer, operator: str, outputs: int, *inputs: ir.Value | None, **attributes: Any
) -> Sequence[ir.Value]:
    """Add a composite's node."""
    results = write.ops(operator, outputs, *inputs, **attributes)
    node = results[0].producer()
    assert node is not None
    node.domain = DOMAIN
    return results


def expand(nodes: Sequence[ir.Node], writer: Writer) -> dict[ir.Value, ir.Value]:
    """Move the nodes into the writer in their order, composites as what they stand for.

    Returns what has taken the place of which value; it has its name, shape and type.
    """
    replaced: dict[ir.Value, ir.Value] = {}
    for node in nodes:
        if node.op_type not in EXPANSIONS or not _is_fixed(node):
            writer.nodes.append(node)
            continue
        writer.begin(node.name)
        results = EXPANSIONS[node.op_type](writer, node)
        for old, new in zip(node.outputs, results, strict=True):
            name = old.name
            if old.shape is not None:
                new.shape, new.type = old.shape, old.type
            old.replace_all_uses_with(new, replace_graph_outputs=True)
            old.name = f"{name}/composite"
            new.name = name
            last = new.producer()
            if old is node.outputs[0] and last is not None:
                last.doc_string = node.doc_string
            replaced[old] = new
    return replaced


def _is_fixed(node: ir.Node) -> bool:
    """Whether all sizes but the batch are known, as expansions of ONNX's own operators ask."""
    x = node.inputs[0]
    shape = list(x.shape) if x is not None and x.shape is not None else [None, None]
    return node.domain == DOMAIN or all(isinstance(n, int) for n in shape[1:])
