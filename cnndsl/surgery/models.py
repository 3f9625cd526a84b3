"""The part of an ONNX model up to a value; where a model's classifier begins.

Models come from anywhere, so nothing is taken for granted but ONNX itself: nodes stand in an order
in which they can run, and every value is made once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnx
from onnx import numpy_helper

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.graphs.files import read_model, write_model
from cnndsl.graphs.slices import without_weights
from cnndsl.preprocessing import Preprocessing

Node = onnx.NodeProto

_PREPROCESSING = "cnndsl.preprocessing"
_OF_THE_END = frozenset({"cnndsl.labels", "cnndsl.targets"})
_OF_THE_WHOLE = frozenset({"cnndsl.network_sha256"})
_CLASSIFIERS = frozenset({"Gemm", "MatMul", "Conv", "FusedMatMul"})
_MEANS = frozenset({"GlobalAveragePool", "AveragePool", "ReduceMean", "GlobalMaxPool"})
_IDENTITIES = frozenset({"Dropout", "Identity", "Cast"})
_ARRANGING = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze"})  # values in their order
_CONVOLUTIONS = frozenset({"Conv", "ConvTranspose"})
_POINTWISE = _IDENTITIES | frozenset(
    {"Add", "Sub", "Mul", "Div", "BatchNormalization", "Relu", "Clip", "LeakyRelu", "PRelu", "Elu"}
)
_FEW = 4


@dataclass(frozen=True, slots=True)
class ModelHead:
    """The value that a model's classifier starts from, and whether the classifier looks at every
    position of it by itself, so that as a vector it is its mean.
    """

    features: str
    pooled: bool


def cut_file(
    path: Path,
    at: Sequence[str],
    output: Path,
    preprocessing: Preprocessing | None = None,
    start: str | None = None,
) -> tuple[Path | None, int]:
    """Write a model's part up to the values `at`; where its weights lie apart, and all its bytes.

    `preprocessing` is kept in the place of the model's own; `start` as in `cut_model`. Raises
    UsageError, OSError.
    """
    made, _ = cut_model(read_model(path), *at, start=start)
    return write_with(made, output, preprocessing)


def write_with(
    model: onnx.ModelProto, output: Path, preprocessing: Preprocessing | None = None
) -> tuple[Path | None, int]:
    """Write a model, with another preprocessing if one is given; as `cut_file`. Raises OSError."""
    if preprocessing is not None:
        kept = [p for p in model.metadata_props if p.key != _PREPROCESSING]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        model.metadata_props.add(key=_PREPROCESSING, value=preprocessing.to_json())
    data = write_model(model, output)
    return data, sum(file.stat().st_size for file in (output, data) if file)


def cut_model(
    model: onnx.ModelProto, *at: str, start: str | None = None
) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """The model up to the values `at`, each once, and the value that each of `at` means.

    With `start` it begins behind that value, which becomes its input; without `at` it goes to the
    model's outputs. `at` and `start` are names of values or nodes, or what values begin with up to
    a dot or slash (the last of them). What isn't needed is left out. Metadata on what comes out
    (labels of classes) stay where the end does, those on preparing pictures where the beginning
    does, all others always. Raises UsageError where there is no such value, or where something goes
    past `start`.
    """
    graph = model.graph
    made_values = [(value, node.name) for node in graph.node for value in node.output if value]
    inputs = {i.name for i in graph.input}
    begin = start and value_named(start, made_values, inputs)
    values = tuple(value_named(name, made_values, inputs) for name in at)
    values = values or tuple(output.name for output in graph.output)
    nodes, needed = _needed(graph, values, begin)
    types = _types(model)
    made = onnx.ModelProto()
    made.CopyFrom(_without_graph(model))
    gone = {*_OF_THE_WHOLE, *(_OF_THE_END if at else ()), *([_PREPROCESSING] if start else ())}
    made.metadata_props.extend(p for p in model.metadata_props if p.key not in gone)
    made.graph.name = graph.name
    made.graph.node.extend(nodes)
    if begin:
        _check_start(graph, begin, nodes, needed)
        made.graph.input.append(types.get(begin) or onnx.ValueInfoProto(name=begin))
    made.graph.input.extend(i for i in graph.input if i.name in needed)
    made.graph.initializer.extend(i for i in graph.initializer if i.name in needed)
    made.graph.sparse_initializer.extend(
        i for i in graph.sparse_initializer if i.values.name in needed
    )
    outputs = dict.fromkeys(values)
    made.graph.value_info.extend(
        v for v in graph.value_info if v.name in needed and v.name not in outputs
    )
    made.graph.output.extend(types.get(v) or onnx.ValueInfoProto(name=v) for v in outputs)
    return made, values


def add_outputs(model: onnx.ModelProto, names: Collection[str]) -> None:
    """Make values outputs of a model too."""
    present = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in {*names} - present)


def model_head(model: onnx.ModelProto) -> ModelHead:
    """Where the classifier begins: the last matrix product or convolution with weights.

    Raises UsageError where an output isn't followed back to one.
    """
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    constant = _constants(graph)
    for output in graph.output:
        if any(dim.dim_value != 1 for dim in output.type.tensor_type.shape.dim[2:]):
            continue  # a map, not a number a class
        pooled = False
        for node in _upwards(output.name, makers, constant):
            source = _source(node, constant)
            pooled |= node.op_type in _MEANS
            if node.op_type in _CLASSIFIERS and source and len(node.input) > 1:
                skipped = _IDENTITIES if pooled else _IDENTITIES | _ARRANGING
                for before in _upwards(source, makers, constant):
                    if before.op_type not in skipped:
                        break
                    source = before.input[0]
                return ModelHead(source, pooled)
    raise UsageError(
        "where the model's classifier begins can't be told; say which value is meant by --at"
    )


def kernels_at(model: onnx.ModelProto, at: str) -> tuple[str, npt.NDArray[Any]]:
    """The name and the weights O×I×… of the convolution that a value comes from: through biases,
    norms and activations. `at` is as in `cut_model`. Raises UsageError where there is none.
    """
    graph = model.graph
    made = [(value, node.name) for node in graph.node for value in node.output if value]
    value = value_named(at, made, {i.name for i in graph.input})
    makers = {name: node for node in graph.node for name in node.output}
    stored = {tensor.name: tensor for tensor in graph.initializer}
    stored |= {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    for node in _upwards(value, makers, _constants(graph)):
        if node.op_type in _CONVOLUTIONS and len(node.input) > 1:
            if node.input[1] not in stored:
                raise UsageError(f"the weights of `{at}` are computed, so they can't be shown")
            weights = numpy_helper.to_array(stored[node.input[1]])
            turned = node.op_type == "ConvTranspose"
            return node.name or node.output[0], weights.swapaxes(0, 1) if turned else weights
        if node.op_type not in _POINTWISE:
            break
    raise UsageError(f"`{at}` is no convolution, so it has no kernels")


def value_named(name: str, made: Sequence[tuple[str, str]], inputs: Collection[str]) -> str:
    """The value that a name means, as `cut_model` says; `made` are the values in their order, each
    with its node's name. Raises UsageError.
    """
    within = (f"{name}.", f"{name}/")
    named = [value for value, _ in made if value == name or value.startswith(within)]
    named = named or [value for value, node in made if node == name][:1]
    if named:
        return named[-1]
    if name in inputs:
        raise UsageError(f"`{name}` is an input of the model: no layer comes before it")
    last = ", ".join(f"`{value}`" for value, _ in made[-_FEW:])
    scopes = (value[: match.start()] for value, _ in made for match in re.finditer("[./]", value))
    candidates = dict.fromkeys((*filter(None, scopes), *filter(None, (t for p in made for t in p))))
    hint = did_you_mean(name, candidates, f"its last values are {last}")
    raise UsageError(f"the model has no value or node `{name}`; {hint}")


def _check_start(
    graph: onnx.GraphProto, start: str, nodes: Sequence[Node], needed: set[str]
) -> None:
    """Raise UsageError where nodes don't follow from `start` and constants alone."""
    if all(start not in _taken(node) for node in nodes):
        raise UsageError(f"the model's part up to there isn't made of `{start}`")
    constant = {i.name for i in graph.initializer}
    if past := [i.name for i in graph.input if i.name in needed and i.name not in constant]:
        raise UsageError(
            f"what lies behind `{start}` also depends on the input `{past[0]}` directly: the part "
            f"can't begin there"
        )


def _needed(
    graph: onnx.GraphProto, values: Sequence[str], start: str | None
) -> tuple[list[Node], set[str]]:
    """The nodes that values come from (those behind `start`), in order, and every name that these
    take or make.
    """
    wanted, nodes = set(values), list[Node]()
    for node in reversed(graph.node):
        if start in node.output:
            continue
        if wanted.intersection(node.output):
            nodes.append(node)
            wanted.update(_taken(node))
            wanted.update(node.output)
    return nodes[::-1], wanted


def _taken(node: Node) -> Iterator[str]:
    """What a node takes, within its bodies (of `If`, `Loop`) too."""
    yield from node.input
    for attribute in node.attribute:
        for body in (attribute.g, *attribute.graphs):
            for inner in body.node:
                yield from _taken(inner)
            yield from (output.name for output in body.output)


def _without_graph(model: onnx.ModelProto) -> onnx.ModelProto:
    """Versions, producer and functions."""
    made = onnx.ModelProto(
        ir_version=model.ir_version,
        producer_name=model.producer_name,
        producer_version=model.producer_version,
        domain=model.domain,
        model_version=model.model_version,
        doc_string=model.doc_string,
    )
    made.opset_import.extend(model.opset_import)
    made.functions.extend(model.functions)
    return made


def _types(model: onnx.ModelProto) -> dict[str, onnx.ValueInfoProto]:
    """Types and shapes of values, as far as they can be inferred without the large weights."""
    try:
        inferred = onnx.shape_inference.infer_shapes(without_weights(model)).graph
    except Exception:  # a model that ONNX itself doesn't follow may run all the same
        inferred = model.graph
    return {v.name: v for v in (*inferred.value_info, *inferred.output)}


def _constants(graph: onnx.GraphProto) -> set[str]:
    """Values that don't depend on the input."""
    constant = {i.name for i in graph.initializer} | {
        i.values.name for i in graph.sparse_initializer
    }
    for node in graph.node:
        if all(name in constant for name in _taken(node) if name):
            constant.update(node.output)
    return constant


def _source(node: Node, constant: set[str]) -> str | None:
    """The one value a node takes that depends on the input; None where there are several."""
    taken = [name for name in node.input if name and name not in constant]
    return taken[0] if len(taken) == 1 else None


def _upwards(name: str, makers: dict[str, Node], constant: set[str]) -> Iterator[Node]:
    """The node that makes a value and those before it, up to one that takes several values."""
    for _ in range(len(makers)):  # no more, should they lead in a circle
        node = makers.get(name)
        if node is None:
            return
        yield node
        name = _source(node, constant) or ""
