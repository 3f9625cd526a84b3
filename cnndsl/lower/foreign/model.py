"""Reading an ONNX model and bringing it into one form: opset 18 or later, weights as inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx import version_converter
from onnx_ir.passes import common

from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Parameter
from cnndsl.lower.builder import OPSET
from cnndsl.lower.foreign.folding import fold
from cnndsl.lower.foreign.groups import split_group_norms
from cnndsl.lower.foreign.weights import find_parameters

Float = npt.NDArray[np.float32]
RESERVED = ("loss", "target", "correct", "correct5")
MOST_ROUNDS = 50  # of sizes that follow from sizes


@dataclass(frozen=True, slots=True)
class Foreign:
    """A model with its parameters as inputs of the graph, and their values beside it.

    `inputs` have their shapes without the batch, `outputs` are names.
    """

    name: str
    graph: ir.Graph
    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    parameters: dict[str, Parameter]
    values: dict[str, Float]

    def with_batch(self, batch: int | None) -> ir.Graph:
        """A copy of the graph for a batch, every shape inferred; None leaves it open.

        Raises UsageError where the model holds another batch in its nodes.
        """
        graph = self.graph.clone()
        for value in graph.inputs:
            if value.name in self.inputs:
                value.shape = ir.Shape([batch or "N", *self.inputs[str(value.name)]])
        for _ in range(MOST_ROUNDS):
            for node in graph:
                for output in node.outputs:
                    output.shape = None
            _infer(graph)
            changed = fold(graph)
            if not split_group_norms(graph) and not changed:
                break
        for output in graph.outputs:
            first = output.shape[0] if output.shape is not None and len(output.shape) else None
            if batch is not None and first != batch:
                raise UsageError(
                    f"`{self.name}` was made for another batch than {batch}: its output "
                    f"`{output.name}` has the shape {output.shape}; export it with an open batch"
                )
        return graph


def read_foreign(
    source: Path | bytes, input_shapes: Mapping[str, Sequence[int]] | None = None
) -> Foreign:
    """Read a model; `input_shapes` give sizes, without the batch, that it leaves open.

    Raises UsageError where it is no ONNX model, has open sizes, isn't float32, or no weights.
    """
    name = source.name if isinstance(source, Path) else "the model"
    model = ir.from_proto(_load(source, name))
    common.InlinePass()(model)
    stored = set(model.graph.initializers)
    for prepare in (
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.RemoveInitializersFromInputsPass(),
        common.IdentityEliminationPass(),
        common.RemoveUnusedNodesPass(),
    ):
        prepare(model)
    graph = model.graph
    known: set[ir.Value | None] = {None, *graph.inputs, *graph.initializers.values()}
    for node in graph:
        node.name = node.name or node.outputs[0].name  # messages name nodes
        missing = next((v for v in node.inputs if v not in known), None)
        if missing is not None:
            raise UsageError(
                f"`{name}` is damaged: its {node.op_type} `{node.name}` takes `{missing.name}`, "
                f"which nothing before it makes"
            )
        known.update(node.outputs)
    _avoid_reserved(graph, name)
    inputs = {str(v.name): _sizes(v, input_shapes or {}) for v in graph.inputs}
    parameters = find_parameters(graph, stored or set(graph.initializers))
    if not parameters:
        raise UsageError(f"`{name}` has no weights that could be trained")
    values: dict[str, Float] = {}
    for parameter in parameters:
        tensor = graph.initializers.pop(parameter)
        assert tensor.const_value is not None
        if tensor.dtype != ir.DataType.FLOAT:
            raise UsageError(f"`{name}` isn't float32 throughout, as training needs it")
        values[parameter] = tensor.const_value.numpy()
        tensor.const_value = None
        graph.inputs.append(tensor)
    outputs = tuple(str(v.name) for v in graph.outputs)
    return Foreign(name, graph, inputs, outputs, parameters, values)


def _load(source: Path | bytes, name: str) -> onnx.ModelProto:
    try:
        read: Any = onnx  # partly typed
        from_file = isinstance(source, Path)
        proto = read.load(source) if from_file else read.load_from_string(source)
        # Protobuf gives names that are no UTF-8 as bytes.
        texts = (text for node in proto.graph.node for text in (*node.input, *node.output))
        if any(isinstance(text, bytes) for text in texts):
            raise ValueError("it has names that are no text")
        opset = max(
            (o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), default=0
        )
        _as_at_inference(proto)
        if 0 < opset < OPSET:
            proto = version_converter.convert_version(proto, OPSET)
            if opset < 11:
                _keep_coordinates(proto)
    except OSError as e:
        raise UsageError(f"`{name}` can't be read: {e.strerror or e}") from None
    except Exception as e:  # protobuf's and onnx's own have no common base
        raise UsageError(f"`{name}` can't be brought to opset {OPSET}: {e}") from None
    if not opset:
        raise UsageError(f"`{name}` is no ONNX model")
    return proto


def _as_at_inference(proto: onnx.ModelProto) -> None:
    """Batch norms give their value alone: which of them train is decided later."""
    for node in proto.graph.node:
        if node.op_type == "BatchNormalization":
            del node.output[1:]
            kept = [a for a in node.attribute if a.name != "training_mode"]
            del node.attribute[:]
            node.attribute.extend(kept)


def _keep_coordinates(proto: onnx.ModelProto) -> None:
    """Before opset 11 positions were mapped without halves of a pixel; the converter forgets it."""
    meant = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    for node in proto.graph.node:
        if node.op_type == "Resize":
            kept = [a for a in node.attribute if a.name not in meant]
            del node.attribute[:]
            node.attribute.extend(kept)
            node.attribute.extend(onnx.helper.make_attribute(*item) for item in meant.items())


def _sizes(value: ir.Value, given: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """An input's shape without the batch."""
    if value.name in given:
        return tuple(given[str(value.name)])
    sizes = list(value.shape)[1:] if value.shape is not None else [None]
    if not all(isinstance(n, int) and n > 0 for n in sizes):
        raise UsageError(f"the input `{value.name}` has open sizes, {value.shape}: give them")
    return tuple(n for n in sizes if isinstance(n, int))


def _avoid_reserved(graph: ir.Graph, name: str) -> None:
    """Names that training's own inputs and outputs have are changed within the graph."""
    outside = {v.name for v in (*graph.inputs, *graph.outputs)}
    for reserved in RESERVED:
        if reserved in outside:
            raise UsageError(f"`{name}` has an input or output `{reserved}`: rename it")
    for node in graph:
        for output in node.outputs:
            if output.name in RESERVED:
                output.name = f"{output.name}/inner"


def _infer(graph: ir.Graph) -> None:
    model = ir.Model(graph, ir_version=8)
    common.ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)
