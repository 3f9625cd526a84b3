"""Reverse-mode differentiation of an ONNX graph: the graph goes in, gradient nodes come out.

Every node has a rule (see `rules/` and `composite/`) that turns the gradients of its outputs into
those of its inputs, in standard operators. The walk goes over the nodes in reverse; a value that
several nodes read gets the sum of what they send back. Nothing is computed for a value that no
trainable one flows into.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import onnx_ir as ir

from cnndsl.autodiff import composite as composite  # these two fill RULES
from cnndsl.autodiff import rules as rules
from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.autodiff.backward import RULES, ZERO_GRADIENT, Backward, Gradient, Rule
from cnndsl.diagnostics import UsageError

EVERY_OUTPUT = {"Split"}
"""Operators whose rules take gradients of all their outputs; others take the first's."""


def differentiate(
    nodes: Sequence[ir.Node],
    seeds: Mapping[ir.Value, ir.Value],
    wrt: Collection[ir.Value],
    planner: Planner | None = None,
    rules: Mapping[str, Rule] = RULES,
) -> tuple[Backward, dict[ir.Value, ir.Value]]:
    """The nodes that compute gradients with respect to the values `wrt`.

    `nodes` are the forward pass in topological order, with every shape fixed. `seeds` are values
    with the gradients that come in for them: 1 for a loss. One of them that influences no seed
    has no entry. `planner` chooses how convolutions are computed, the forward pass too: it leaves
    their algorithms' names with the nodes, for `passes.convolutions` to put in their place. `rules`
    are those to go by. Raises UsageError where an operator has no rule or a shape isn't fixed.
    """
    needed = _influenced(nodes, wrt)
    back = Backward(needed, _float_type(seeds), planner)
    pending = {value: [gradient] for value, gradient in seeds.items()}
    gradients: dict[ir.Value, ir.Value] = {}

    def settle(value: ir.Value) -> Gradient:
        parts = pending.pop(value, [])
        if not parts:
            return None
        total = parts[0] if len(parts) == 1 else back.op("Sum", *parts)
        total.shape, total.type = value.shape, value.type
        gradients[value] = total
        return total

    for node in reversed(nodes):
        if not any(v in needed for v in node.outputs):
            continue
        back.begin(node.name or node.op_type)
        cotangents = [settle(output) for output in node.outputs]
        if all(g is None for g in cotangents) or not any(v in needed for v in node.inputs):
            continue
        for value, gradient in zip(node.inputs, _apply(back, rules, node, cotangents), strict=True):
            if value is not None and gradient is not None and value in needed:
                pending.setdefault(value, []).append(gradient)
    for value in wrt:
        if value in pending:
            back.begin(value.name)
            settle(value)
    return back, {value: gradients[value] for value in wrt if value in gradients}


def _float_type(seeds: Mapping[ir.Value, ir.Value]) -> ir.DataType:
    types = {value.dtype for value in seeds}
    assert len(types) == 1, "all losses are of one type"
    (found,) = types
    assert found is not None, "types are inferred before"
    return found


def _apply(
    back: Backward, rules: Mapping[str, Rule], node: ir.Node, cotangents: Sequence[Gradient]
) -> Sequence[Gradient]:
    """The gradients of a node's inputs. Nothing is zero silently: what a rule leaves out, an error
    names.
    """
    found = rules.get(node.op_type)
    where = f", {node.doc_string}" if node.doc_string else ""
    name = f"the operator {node.op_type} (node `{node.name}`{where})"
    if found is None:
        raise UsageError(f"{name} has no gradient rule yet")
    if node.op_type not in EVERY_OUTPUT and any(g is not None for g in cotangents[1:]):
        raise UsageError(f"{name} has no gradient rule yet for its outputs beside the first")
    try:
        gradients = found(back, node, cotangents)
    except UsageError as e:
        raise UsageError(f"{name}: {e}") from None
    except Exception as e:
        e.add_note(name)
        raise
    for i, (value, gradient) in enumerate(zip(node.inputs, gradients, strict=True)):
        if gradient is None and node.op_type not in ZERO_GRADIENT and _is_asked_for(back, value):
            raise UsageError(f"{name} has no gradient rule yet for its input {i}")
    return gradients


def _is_asked_for(back: Backward, value: ir.Value | None) -> bool:
    """Whether a number that may change has something trainable flowing in."""
    return (
        value is not None
        and back.needs(value)
        and value.dtype is not None
        and value.dtype.is_floating_point()
    )


def _influenced(nodes: Sequence[ir.Node], wrt: Collection[ir.Value]) -> set[ir.Value]:
    """The values `wrt` and all that depend on them."""
    needed = set(wrt)
    for node in nodes:
        if any(v in needed for v in node.inputs if v is not None):
            needed.update(node.outputs)
    return needed
