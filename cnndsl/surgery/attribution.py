"""A model with a heat map beside its outputs: what in a picture speaks for a class.

- `cam`: Grad-CAM (Selvaraju 2017, arXiv:1610.02391) at a layer with maps: the gradient of the
  class' score with respect to the maps, its mean over space as each map's weight, the weighted sum
  of the maps, cut off below 0, enlarged to the input by linear interpolation. Only what lies behind
  the layer is differentiated.
- `saliency`: the gradient of the score with respect to the picture (Simonyan 2013), of which each
  pixel shows the largest absolute value among its channels.
- `guided`: the same, where no gradient below 0 passes a rectifier (Springenberg 2014).

Each is N×1×H×W, divided by its largest value. The score is the class' number before a softmax or
sigmoid at the model's end. The class is the best one, unless the input `class` says otherwise: one
number, or one for each example; −1 is the best. It has a value, so that it may be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import onnx
import onnx_ir as ir

from cnndsl.autodiff import RULES, Backward, differentiate
from cnndsl.autodiff.algorithms.choose import Choice, Planner
from cnndsl.autodiff.algorithms.geometry import Convolution
from cnndsl.autodiff.backward import Gradient, Rule
from cnndsl.autodiff.composite import expand
from cnndsl.autodiff.open_batch import open_batch
from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.graphs.files import read_model
from cnndsl.graphs.tidying import infer_shapes, tidy
from cnndsl.graphs.writer import FLOAT, IR_VERSION, OPSET, Writer, add_constants, constant
from cnndsl.lower.external import ExternalModel, read_frozen, set_aside
from cnndsl.surgery.models import value_named
from cnndsl.weights.metadata import labels_in_metadata

Method = Literal["cam", "saliency", "guided"]

BEST = -1
CLASS = "class"
"""The input that chooses a class."""

_ENDS = ("Softmax", "LogSoftmax", "Sigmoid")
_ARRANGING = ("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Cast")
_RECTIFIERS = ("Relu", "Clip", "LeakyRelu", "PRelu")
_SMALLEST = 1.2e-38  # of float32's normal numbers: a map without heat stays one
_NEW = "heat"  # what new names begin with
_FEW = 3  # classes in a message
_NEWER_FORMAT = 10  # of files, for opsets beyond 18


@dataclass(frozen=True, slots=True)
class Attribution:
    """A method, the layer of `cam` (None is the last with maps), and the class that is meant where
    nothing is fed: its number, −1 for the best one, or its name.
    """

    method: Method
    at: str | None = None
    of: int | str = BEST

    @classmethod
    def read(cls, text: str, of: int | str = BEST) -> Attribution:
        """`cam`, `cam=LAYER`, `saliency` or `guided`. Raises UsageError for others."""
        word, equals, layer = text.partition("=")
        for method in get_args(Method):
            if word == method and bool(equals) == bool(layer):
                if layer and method != "cam":
                    raise UsageError(f"`{word}` is of the picture itself, so it takes no layer")
                return cls(method, layer or None, of)
        raise UsageError(f"`{text}` isn't cam, cam=LAYER, saliency or guided")


def attributed(
    source: Path | bytes,
    attribution: Attribution,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
) -> onnx.ModelProto:
    """An ONNX model with a heat map as its last output, called like the method.

    `input_shapes` give sizes, without the batch, that the model leaves open. Its batch stays as it
    is; an open one becomes 1 where the gradients don't follow it. What the model says about itself
    stays too. Raises UsageError where there are no classes or maps, or no gradient.
    """
    model = read_model(source)
    external = read_frozen(source, input_shapes)
    if len(external.inputs) != 1:
        names = ", ".join(f"`{name}`" for name in external.inputs)
        raise UsageError(f"`{external.name}` has {len(external.inputs)} inputs ({names}), not one")

    labels = labels_in_metadata({p.key: p.value for p in model.metadata_props})

    def build(batch: int) -> ir.Graph:
        return _graph(external, batch, attribution, labels)

    try:
        graph = _for_any(build, _declared_batch(model, next(iter(external.inputs))))
    except (ValueError, TypeError, LookupError, ArithmeticError, AssertionError) as e:
        where = next(iter(getattr(e, "__notes__", [])), "an operator")
        raise UsageError(
            f"`{external.name}` has no gradient: {where} has inputs and attributes that don't fit "
            f"together"
        ) from e
    newer = graph.opset_imports[""] > OPSET
    made = ir.Model(graph, ir_version=_NEWER_FORMAT if newer else IR_VERSION)
    tidy(made)
    infer_shapes(made)
    proto = ir.to_proto(made)
    proto.producer_name, proto.producer_version = model.producer_name, model.producer_version
    proto.metadata_props.extend(model.metadata_props)
    return proto


def class_number(wanted: int | str, classes: int, labels: Sequence[str] | None, model: str) -> int:
    """The number of a class that is named, or given by its number; `classes` is how many a model
    has. A name is one of the labels, or one of the synonyms between its commas. Raises UsageError.
    """
    text = str(wanted)
    if text.lstrip("-").isdecimal() and text.isascii():
        if BEST <= int(text) < classes:
            return int(text)
        raise UsageError(
            f"there is no class {text}: `{model}` has {classes}, from 0 to {classes - 1}"
        )
    if labels is None:
        raise UsageError(f"`{model}` doesn't name its classes, so give the number of `{text}`")
    for names in (_whole, _synonyms):
        found = [n for n, label in enumerate(labels) if _plain_name(text) in names(label)]
        if found and found[0] < classes:
            return found[0]
    known = (name.strip() for label in labels for name in label.split(","))
    hint = did_you_mean(text, known, f"the first are {', '.join(labels[:_FEW])}")
    raise UsageError(f"`{model}` has no class `{text}`; {hint}")


def _plain_name(name: str) -> str:
    return name.replace("_", " ").strip().casefold()


def _whole(label: str) -> list[str]:
    return [_plain_name(label)]


def _synonyms(label: str) -> list[str]:
    return [_plain_name(name) for name in label.split(",")]


def _for_any(build: Callable[[int], ir.Graph], declared: int | None) -> ir.Graph:
    if declared is not None:
        return build(declared)
    try:
        return open_batch(build)
    except UsageError:
        return build(1)  # which says what is wrong, unless it is the batch


def _declared_batch(model: onnx.ModelProto, name: str) -> int | None:
    """The batch that a model's input is fixed to."""
    dims = next(i.type.tensor_type.shape.dim for i in model.graph.input if i.name == name)
    return dims[0].dim_value or None if dims else None


def _graph(
    external: ExternalModel, batch: int, attribution: Attribution, labels: Sequence[str] | None
) -> ir.Graph:
    """The model for one batch, with the heat map."""
    method = attribution.method
    graph = external.with_batch(batch)
    if CLASS in graph.initializers:
        raise UsageError(
            f"`{external.name}` has an input `{CLASS}`, as models with a heat map have: take the "
            f"one that it was made of"
        )
    set_aside(graph, external.name, (CLASS, method))
    forward, picture = list(graph), graph.inputs[0]
    score = _score(graph, external.name)
    of = class_number(attribution.of, _classes(score), labels, external.name)
    wrt = _maps(graph, score, attribution.at) if method == "cam" else picture
    write = Writer(score.dtype or ir.DataType.FLOAT, part=method)
    write.begin(score.name)
    chosen = constant(CLASS, np.array([of], np.int64))
    seed = _seed(write, score, chosen)
    planner = Planner(allowed=lambda name: name == "flipped", tune=_plain)
    rules = RULES | {name: _guided(RULES[name]) for name in _RECTIFIERS if method == "guided"}
    back, gradients = differentiate(forward, {score: seed}, [wrt], planner, rules)
    if wrt not in gradients:
        raise UsageError(f"the classes of `{external.name}` don't depend on `{wrt.name}`")
    after = Writer(part=method)
    after.begin(wrt.name)
    space = 1 if _channels_last(picture) else 2
    if method == "cam":
        sizes = list(picture.shape or ())[space : space + 2]
        heat = _cam(after, wrt, gradients[wrt], sizes)
    else:
        heat = _saliency(after, gradients[wrt], channels_last=space == 1)
    chosen.shape = ir.Shape(["classes"])
    graph.inputs.append(chosen)
    graph.initializers.add(chosen)
    _put_together(graph, (write, back, after))
    heat.name, heat.type = method, FLOAT
    heat.doc_string = f"{method} at `{wrt.name}`, {_text(wrt)}"
    heat.shape = ir.Shape([batch, 1, *list(picture.shape or ())[space : space + 2]])
    graph.outputs.append(heat)
    return graph


def _score(graph: ir.Graph, name: str) -> ir.Value:
    """One number for each class, before a softmax. Raises UsageError where no output is that."""
    for output in graph.outputs:
        sizes = list(output.shape or ())[1:]
        if len(sizes) and sum(n != 1 for n in sizes) == 1:
            return _before_end(output)
    shapes = ", ".join(f"`{v.name}` {_text(v)}" for v in graph.outputs)
    raise UsageError(
        f"`{name}` has no classes: none of its outputs ({shapes}) has a number a class"
    )


def _classes(score: ir.Value) -> int:
    return prod(n for n in list(score.shape or ())[1:] if isinstance(n, int))


def _before_end(output: ir.Value) -> ir.Value:
    """What goes into the softmax or sigmoid that an output ends with; else the output."""
    value = output
    while (node := value.producer()) is not None and node.inputs and node.inputs[0] is not None:
        if node.op_type in _ENDS:
            return node.inputs[0]
        if node.op_type not in _ARRANGING:
            break
        value = node.inputs[0]
    return output


def _maps(graph: ir.Graph, score: ir.Value, at: str | None) -> ir.Value:
    """The maps N×C×H×W at a layer, by default the last ones. Raises UsageError."""
    found = None
    if at is not None:
        made = [(str(v.name), node.name or "") for node in graph for v in node.outputs if v.name]
        name = value_named(at, made, [str(v.name) for v in graph.inputs])
        found = next(v for node in graph for v in node.outputs if v.name == name)
        found = _channels_first(found)
        if _is_maps(found):
            return found
    last = next(filter(_is_maps, map(_channels_first, _upwards(graph, score))), None)
    if at is None and last is not None:
        return last
    hint = f"; the last that are maps are `{last.name}`, {_text(last)}" if last else ""
    what = f"`{at}` is no maps, it is {_text(found)}" if found else "the model has no maps"
    raise UsageError(f"{what}; maps are NxCxHxW, of more than one position{hint}")


def _upwards(graph: ir.Graph, score: ir.Value) -> Iterator[ir.Value]:
    """What a value is made of, the last first, itself included."""
    needed = {score}
    for node in reversed(list(graph)):
        if needed.intersection(node.outputs):
            yield node.outputs[0]
            needed.update(v for v in node.inputs if v is not None)


def _is_maps(value: ir.Value) -> bool:
    sizes = list(value.shape or ())
    return len(sizes) == 4 and sizes[2:] != [1, 1] and all(isinstance(n, int) for n in sizes)


def _channels_first(value: ir.Value) -> ir.Value:
    """Of maps that were turned to N×H×W×C, those before."""
    node = value.producer()
    if node is None or node.op_type != "Transpose" or node.inputs[0] is None:
        return value
    turned = list(node.attributes.get_ints("perm") or ()) == [0, 2, 3, 1]
    return node.inputs[0] if turned else value


def _seed(write: Writer, score: ir.Value, chosen: ir.Value) -> ir.Value:
    """1 for the score of each example's class, and 0 for the others."""
    sizes = [int(n) for n in list(score.shape or ())[1:] if isinstance(n, int)]
    flat = write.op("Reshape", score, write.constant([-1, _classes(score)]))
    flat = write.op("Cast", flat, to=ir.DataType.FLOAT)  # not every type has an ArgMax
    best = write.op("ArgMax", flat, axis=1, keepdims=0)
    number = write.op("Where", write.op("Less", chosen, write.constant(0)), best, chosen)
    column = write.op("Unsqueeze", number, write.constant([1]))
    row = write.op("Equal", column, write.constant([list(range(_classes(score)))]))
    ones = write.op("Cast", row, to=write.float_type)
    return write.op("Reshape", ones, write.constant([-1, *sizes]))


def _cam(
    write: Writer, maps: ir.Value, gradient: ir.Value, size: Sequence[int | ir.SymbolicDim]
) -> ir.Value:
    maps, gradient = (write.op("Cast", v, to=ir.DataType.FLOAT) for v in (maps, gradient))
    weight = write.op("ReduceMean", gradient, write.constant([2, 3]), keepdims=1)
    weighted = write.op("Mul", maps, weight)
    heat = write.op("Relu", write.op("ReduceSum", weighted, write.constant([1]), keepdims=1))
    heat = _to_one(write, heat)
    how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return write.op("Resize", heat, None, None, write.constant(list(size)), axes=[2, 3], **how)


def _saliency(write: Writer, gradient: ir.Value, channels_last: bool) -> ir.Value:
    gradient = write.op("Abs", write.op("Cast", gradient, to=ir.DataType.FLOAT))
    if channels_last:
        gradient = write.op("Transpose", gradient, perm=[0, 3, 1, 2])
    return _to_one(write, write.op("ReduceMax", gradient, write.constant([1]), keepdims=1))


def _to_one(write: Writer, heat: ir.Value) -> ir.Value:
    """Divided by the largest value."""
    most = write.op("ReduceMax", heat, write.constant([1, 2, 3]), keepdims=1)
    return write.op("Div", heat, write.op("Max", most, _SMALLEST))


def _guided(found: Rule) -> Rule:
    def clipped(
        back: Backward, node: ir.Node, cotangents: Sequence[Gradient]
    ) -> Sequence[Gradient]:
        return found(back, node, [g and back.op("Relu", g) for g in cotangents])

    return clipped


def _plain(c: Convolution, choices: Sequence[Choice]) -> Choice:
    """Operators of convolution throughout, whatever the batch; of a flipped weight if that does."""
    return max(choices, key=lambda choice: choice.get("dgrad") == "flipped")


def _put_together(graph: ir.Graph, parts: Sequence[Writer]) -> None:
    """The nodes in their order, with standard operators in the place of composites.

    Nothing new is called like what belongs to a layer: `conv1/…`.
    """
    nodes, write = list(graph), Writer(part="parts")
    graph.remove(nodes)
    for node in (node for part in parts for node in part.nodes):
        nodes.append(node)
        node.name = f"{_NEW}/{node.name}"
        for output in node.outputs:
            output.name = f"{_NEW}/{output.name}"
    expand(nodes, write)
    graph.extend(write.nodes)
    for part in (*parts, write):
        add_constants(graph, part.constants)


def _channels_last(picture: ir.Value) -> bool:
    """NHWC is what has channels at the end and none in second place."""
    sizes = list(picture.shape or ())
    return len(sizes) == 4 and sizes[3] in (1, 3) and sizes[1] not in (1, 3)


def _text(value: ir.Value) -> str:
    return "x".join(["N", *map(str, list(value.shape or ())[1:])])
