"""Reading an ONNX model and bringing it into one form: opset 18 or later, weights as inputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx import version_converter
from onnx_ir.passes import common

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.files import STANDARD, inlined, opset_of, read_model
from cnndsl.graphs.folding import fold
from cnndsl.graphs.inference import for_inference
from cnndsl.graphs.tidying import infer_shapes
from cnndsl.graphs.writer import IR_VERSION, OPSET
from cnndsl.layers.base import Parameter
from cnndsl.lower.external.groups import split_group_norms
from cnndsl.lower.external.weights import find_parameters

Float = npt.NDArray[np.float32]
RESERVED = ("loss", "target", "correct", "correct5")
ANY_BATCH = 2
MOST_ROUNDS = 50  # of sizes that follow from sizes


@dataclass(frozen=True, slots=True)
class ExternalModel:
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
            infer_shapes(ir.Model(graph, ir_version=IR_VERSION))
            changed = fold(graph)
            if not split_group_norms(graph) and not changed:
                break
        if batch is None and not all(_is_known(v.shape) for v in graph.outputs):
            self._take_sizes(graph)
        for output in graph.outputs:
            first = output.shape[0] if output.shape is not None and len(output.shape) else None
            if batch is not None and first != batch:
                raise UsageError(
                    f"`{self.name}` was made for another batch than {batch}: its output "
                    f"`{output.name}` has the shape {output.shape}; export it with an open batch"
                )
        return graph

    def _take_sizes(self, graph: ir.Graph) -> None:
        """Sizes that are computed from an open batch are known where the batch is; but for the
        first, they are those of any batch.
        """
        fixed = {o.name: o.shape for node in self.with_batch(ANY_BATCH) for o in node.outputs}
        for node in graph:
            for output in node.outputs:
                shape = fixed.get(output.name)
                if not _is_known(output.shape) and _is_known(shape) and shape is not None:
                    output.shape = ir.Shape(["N", *list(shape)[1:]])


def _is_known(shape: ir.Shape | None) -> bool:
    """Whether all sizes but the batch are."""
    return shape is not None and all(isinstance(n, int) for n in list(shape)[1:])


def read_external(
    source: Path | bytes, input_shapes: Mapping[str, Sequence[int]] | None = None
) -> ExternalModel:
    """Read a model to train; `input_shapes` give sizes, without the batch, that it leaves open.

    Raises UsageError where it is no ONNX model, has open sizes, isn't float32, or no weights.
    """
    found, stored = _read(source, input_shapes or {})
    graph, name = found.graph, found.name
    set_aside(graph, name, RESERVED)
    found.parameters.update(find_parameters(graph, stored or set(graph.initializers)))
    if not graph.outputs:
        raise UsageError(f"`{name}` has no output that could be trained for")
    if not found.parameters:
        raise UsageError(f"`{name}` has no weights that could be trained")
    for parameter in found.parameters:
        tensor = graph.initializers.pop(parameter)
        assert tensor.const_value is not None
        if tensor.dtype != ir.DataType.FLOAT:
            raise UsageError(f"`{name}` isn't float32 throughout, as training needs it")
        found.values[parameter] = tensor.const_value.numpy()
        tensor.const_value = None
        graph.inputs.append(tensor)
    return found


def read_frozen(
    source: Path | bytes, input_shapes: Mapping[str, Sequence[int]] | None = None
) -> ExternalModel:
    """Read a model whose weights stay constants of its graph: it has no parameters then.

    Raises UsageError where it is no ONNX model, or has open sizes that `input_shapes` don't give.
    """
    return _read(source, input_shapes or {})[0]


def _read(
    source: Path | bytes, input_shapes: Mapping[str, Sequence[int]]
) -> tuple[ExternalModel, set[str]]:
    """The model without parameters, and the tensors that it stores as such."""
    name = source.name if isinstance(source, Path) else "the model"
    model = ir.from_proto(_load(source, f"`{name}`"))
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
    for tensor in graph.initializers.values():
        _check_bytes(tensor, name)
    inputs = {str(v.name): _sizes(v, input_shapes) for v in graph.inputs}
    outputs = tuple(str(v.name) for v in graph.outputs)
    return ExternalModel(name, graph, inputs, outputs, {}, {}), stored


def _check_bytes(tensor: ir.Value, name: str) -> None:
    """Raise UsageError where a constant's bytes are more or fewer than its type and shape say."""
    try:
        if tensor.const_value is not None:
            tensor.const_value.numpy()
    except Exception:  # whatever onnx_ir and numpy think of damaged bytes
        raise UsageError(
            f"`{name}` has a tensor `{tensor.name}` whose type, shape and bytes don't fit together"
        ) from None


def _load(source: Path | bytes, name: str) -> onnx.ModelProto:
    """The model at inference, without functions, in an opset that has gradients here."""
    proto = inlined(read_model(source), name)
    opset = opset_of(proto, name)
    for_inference(proto.graph, opset)
    if opset >= OPSET:
        return proto
    kinds = (node.op_type for node in proto.graph.node if node.domain in STANDARD)
    if unknown := next((kind for kind in kinds if not onnx.defs.has(kind)), None):
        raise UsageError(
            f"{name} can't be brought to opset {OPSET}: ONNX has no operator {unknown} today"
        )
    try:
        proto = version_converter.convert_version(proto, OPSET)
    except Exception as e:  # protobuf's and onnx's own have no common base
        raise UsageError(f"{name} can't be brought to opset {OPSET}: {e}") from None
    if opset < 11:
        _keep_coordinates(proto)
    return proto


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


def set_aside(graph: ir.Graph, name: str, names: Collection[str]) -> None:
    """Change names within a graph that new inputs and outputs are to have.

    Raises UsageError where its own inputs or outputs have them; `name` is the model's.
    """
    outside = {v.name for v in (*graph.inputs, *graph.outputs)}
    for reserved in names:
        if reserved in outside:
            raise UsageError(f"`{name}` has an input or output `{reserved}`: rename it")
    for node in graph:
        for output in node.outputs:
            if output.name in names:
                output.name = f"{output.name}/inner"
