"""Model → draft: the inputs, then node after node, then the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import onnx

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.files import STANDARD
from cnndsl.graphs.folding import Folding, FoldingError
from cnndsl.graphs.inference import named
from cnndsl.importing import operators as operators
from cnndsl.importing.draft import Array, Draft, Source, Value
from cnndsl.importing.functions import definition
from cnndsl.importing.nodes import MixedExamplesError, Node, Tensor
from cnndsl.importing.reading import Model, Port, attributes
from cnndsl.importing.views import Atom, Row, View, whole
from cnndsl.importing.walking import OPERATORS, Walker
from cnndsl.shape import Shape

SOME_BATCH = 97  # for an open batch: a prime, so that no other size can be taken for it
MOST_VALUES = 1 << 28  # of an input
MOST_ROOTS = 32  # constants that one is computed from, of which each is remembered
UNKNOWN = (
    "is an operator that no layer of the language stands for; export the model without it, or cut "
    "the model off before it"
)


def draft_of(model: Model, input_shapes: Mapping[str, Sequence[int]] | None = None) -> Draft:
    """The layers that a model means, as they come.

    `input_shapes` give sizes that inputs leave open, without the batch, channels first. Where axes
    have to change places, or no layers can be found, the channels may be last instead.
    """
    draft, error = None, None
    try:
        draft = _draft_of_any_batch(model, input_shapes or {})
    except MixedExamplesError:
        raise
    except UsageError as e:
        error = e
    turned = _channels_last(model) if draft is None or draft.swaps else None
    with suppress(UsageError):
        if turned is not None:
            other = _draft_of_any_batch(turned, input_shapes or {})
            if draft is None or other.swaps < draft.swaps:
                return other
    if draft is None:
        assert error is not None
        raise error
    return draft


def _draft_of_any_batch(model: Model, input_shapes: Mapping[str, Sequence[int]]) -> Draft:
    batches = _batches(model)
    for batch in batches:
        try:
            return _draft(model, batch, input_shapes)
        except MixedExamplesError:
            raise
        except UsageError:
            if batch == batches[-1]:
                raise
    raise AssertionError


def _channels_last(model: Model) -> Model | None:
    """The model with the channels of all its maps last, where none were and no size is open: what
    works along the last dimension, such as a softmax, does so along the channels then.
    """
    maps = [port for port in model.inputs if len(port.sizes or ()) > 2]
    if not maps or any(port.last or None in (port.sizes or ())[1:] for port in maps):
        return None
    inputs = [replace(port, last=port in maps) for port in model.inputs]
    return replace(model, inputs=inputs)


def open_sizes(model: Model) -> bool:
    """Whether an input leaves height or width open."""
    return any(None in (port.sizes or ())[port.space] for port in model.inputs)


def with_size(model: Model, size: int) -> Model:
    """The model with a number in the place of every open size but the batch."""

    def filled(port: Port) -> Port:
        sizes = list(port.sizes or ())
        sizes[port.space] = [size if n is None else n for n in sizes[port.space]]
        return replace(port, sizes=port.sizes and tuple(sizes))

    return replace(model, inputs=list(map(filled, model.inputs)))


def _batches(model: Model) -> list[int]:
    """The batches to try: models with an open one may have 1 in their reshapes all the same."""
    fixed: dict[int, Port] = {}
    for port in model.inputs:
        if port.sizes is not None and (batch := _batch(port.sizes)) is not None:
            fixed.setdefault(batch, port)
    if len(fixed) > 1:
        (n, first), (m, second) = list(fixed.items())[:2]
        raise UsageError(
            f"{_taker(model, second)} takes the input `{second.name}` with a batch of {m}, and "
            f"`{first.name}` has one of {n}: inputs of a net have the same batch. Where it holds "
            f"weights, make it a constant of the model"
        )
    return list(fixed) or [SOME_BATCH, 1]


def _batch(sizes: Sequence[int | None]) -> int | None:
    """The batch of an input's shape, None where it is open; a vector or number alone is one."""
    return sizes[0] if len(sizes) > 1 else 1


def _taker(model: Model, port: Port) -> str:
    """The node that takes an input, to be named where the input is none that a net has."""
    node = next((node for node in model.nodes if port.name in node.input), None)
    return f"the model's {node.op_type} `{named(node)}`" if node else "the model"


def _draft(model: Model, batch: int, input_shapes: Mapping[str, Sequence[int]]) -> Draft:
    draft = Draft(model.name)
    row: Row = (Atom(batch),) if batch > 1 else ()
    walker = Walker(draft, row, Folding(sum(a.size for a in model.constants.values())))
    known: dict[str, Tensor] = dict(model.constants)
    roots = {name: frozenset([name]) for name, a in model.constants.items() if a.dtype.kind == "f"}
    for port in model.inputs:
        known[port.name] = _input(draft, model, port, row, input_shapes)
    for proto in model.nodes:
        if proto.domain not in STANDARD and proto.op_type not in OPERATORS:
            raise UsageError(
                f"the model's {proto.op_type} `{named(proto)}` is of the domain `{proto.domain}`, "
                f"not one of ONNX's operators"
            )
        walker.roots = frozenset[str]().union(*(roots[n] for n in proto.input if n in roots))
        _walk(walker, model, proto, known)
        for name in proto.output:
            result = known.get(name)
            if result is not None and not isinstance(result, View) and result.dtype.kind == "f":
                few = 0 < len(walker.roots) <= MOST_ROOTS
                roots[name] = walker.roots if few else frozenset([name])
    makers = {name: proto for proto in model.nodes for name in proto.output}
    for port in model.outputs:
        made = _output(walker, model, known.get(port.name), port.name, makers.get(port.name))
        twin = next((name for name, value in draft.outputs if value is made), None)
        if twin is not None:
            maker = makers[port.name]
            raise UsageError(
                f"the outputs `{twin}` and `{port.name}` of the model are the same values, made by "
                f"its {maker.op_type} `{named(maker)}`; a spec names every output once"
            )
        draft.outputs.append((port.name, made))
    draft.tidy()
    return draft


def _walk(walker: Walker, model: Model, proto: onnx.NodeProto, known: dict[str, Tensor]) -> None:
    """Read a node, whose results are known from then on."""
    node = _node(model, proto, known)
    if node.kind not in OPERATORS and any(isinstance(t, View) for t in node.inputs):
        results = _defined(walker, model, node, proto)
    else:
        results = _read(walker, node, proto)
    known.update(zip(proto.output, results, strict=False))


def _defined(walker: Walker, model: Model, node: Node, proto: onnx.NodeProto) -> Sequence[Tensor]:
    """The results of an operator that no layer stands for, by those that ONNX defines it by."""
    function = definition(node, proto)
    if function is None:
        node.refuse(UNKNOWN)
    known = {
        name: tensor
        for name, tensor in zip(function.input, node.inputs, strict=False)
        if tensor is not None
    }
    opsets = [o.version for o in function.opset_import if o.domain in STANDARD]
    inner = replace(model, opset=max(opsets, default=model.opset))
    missing = set(function.input) - known.keys()
    try:
        for part in function.node:
            part.input[:] = ["" if name in missing else name for name in part.input]
            _walk(walker, inner, part, known)
    except UsageError as e:
        # Of the same kind, but of a node that the model has
        raise type(e)(
            f"the model's {node.kind} `{node.name}` is no layer of the language, nor is what it is "
            f"made of: {e}"
        ) from None
    return [known[name] for name in function.output]


def _node(model: Model, proto: Any, known: Mapping[str, Tensor]) -> Node:
    inputs: list[Tensor | None] = []
    for name in proto.input:
        if name and name not in known:
            raise UsageError(
                f"the model's {proto.op_type} `{named(proto)}` takes `{name}`, which nothing "
                f"before it makes: the model is damaged"
            )
        inputs.append(known[name] if name else None)
    return Node(
        proto.op_type,
        named(proto),
        inputs,
        attributes(model.path, proto),
        tuple(name for name in proto.output if name),
        model.opset,
    )


def _read(walker: Walker, node: Node, proto: onnx.NodeProto) -> Sequence[Tensor]:
    if node.kind == "Constant":
        return [_constant(node)]
    if not any(isinstance(t, View) for t in node.inputs):
        computed = _computed(walker, node, proto)
        if computed is not None:
            return computed
    if node.kind not in OPERATORS:
        node.refuse(UNKNOWN)
    try:
        result = OPERATORS[node.kind](walker, node)
    except (ValueError, TypeError, LookupError, ArithmeticError, MemoryError, RecursionError):
        node.refuse("has inputs and attributes that don't fit together: the model is damaged")
    return [result] if isinstance(result, (View, np.ndarray)) else result


def _computed(walker: Walker, node: Node, proto: onnx.NodeProto) -> list[Array] | None:
    """The outputs of a node whose inputs are constants; None where they aren't known here."""
    named = zip(proto.input, node.inputs, strict=True)
    arrays = {name: np.asarray(tensor) for name, tensor in named if tensor is not None}
    try:
        results = walker.folding.evaluate(proto, node.opset, arrays)
    except FoldingError as e:
        node.refuse(str(e))
    return None if results is None else [_single(result) for result in results]


def _single(array: Array) -> Array:
    """Floating-point numbers of every width are the same here."""
    if array.dtype.kind in "biu" or array.dtype == np.float32:
        return array
    if array.size and not any(array.strides):  # one number, repeated
        return np.broadcast_to(array.flat[0].astype(np.float32), array.shape)
    return array.astype(np.float32)


def _constant(node: Node) -> Array:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            array = np.asarray(node.attributes[name])
            return array.astype(np.float32) if array.dtype.kind == "f" else array
    node.refuse("holds no tensor of numbers")


def _input(
    draft: Draft, model: Model, port: Port, batch: Row, input_shapes: Mapping[str, Sequence[int]]
) -> View:
    """An input; its channels come first, wherever the model has them."""
    if port.sizes is None or len(port.sizes) > 5:
        raise UsageError(
            f"{_taker(model, port)} takes the input `{port.name}`, which is no batch of vectors or "
            f"maps: its shape is {'unknown' if port.sizes is None else port.sizes}"
        )
    given = input_shapes.get(port.name, input_shapes.get(""))
    single = len(port.sizes) < 2
    sizes = [n if n is not None else -1 for n in (port.sizes or (1,))[0 if single else 1 :]]
    if port.last:
        sizes = [sizes[-1], *sizes[:-1]]
    if given is not None:
        if len(given) != len(sizes) or any(
            n not in (-1, m) for n, m in zip(sizes, given, strict=True)
        ):
            raise UsageError(f"the input `{port.name}` has the sizes {sizes}, not {list(given)}")
        sizes = list(given)
    if -1 in sizes:
        raise UsageError(
            f"{_taker(model, port)} takes the input `{port.name}`, which leaves sizes open: say "
            f"which by --input, as in --input 3@224x224"
        )
    if prod(sizes) > MOST_VALUES or min(sizes) < 1:
        raise UsageError(f"the input `{port.name}` is too large: {sizes}")
    source = Source(port.name, Shape(sizes[0], tuple(sizes[1:])), port.last)
    draft.inputs.append(source)
    view = whole(source, batch)
    if single:
        draft.notes.append(
            f"`{port.name}` has no batch in the model; here it is a batch of vectors, as in every "
            f"net of the language"
        )
        return view.with_dims(view.axes[1 : 1 + len(port.sizes)])
    if not port.last:
        return view
    draft.notes.append(
        f"`{port.name}` has its channels last in the model; here they come first, as in every net "
        f"of the language"
    )
    return view.with_dims([view.axes[0], *view.axes[2:], view.axes[1]])


def _output(
    walker: Walker, model: Model, tensor: Tensor | None, name: str, maker: onnx.NodeProto | None
) -> Value:
    """The value of an output, arranged as the model has it; its channels may come last there."""
    kind, called = (maker.op_type, named(maker)) if maker else ("output", name)
    if tensor is None and maker is not None:
        raise UsageError(
            f"the model's {kind} `{called}` gives the output `{name}` beside its first, which no "
            f"layer does"
        )
    if not isinstance(tensor, View):
        raise UsageError(
            f"the model's {kind} `{called}` gives the output `{name}`, which doesn't depend on the "
            f"input"
        )
    node = Node(kind, called, [tensor], {}, (name,), model.opset)
    batch, channels, *space = tensor.axes
    if [row for row in tensor.dims if row] != [row for row in (batch, *space, channels) if row]:
        made = walker.plain(node, tensor)
        return _reshaped(walker, node, tensor, made) if isinstance(made, Source) else made
    if isinstance(tensor.base, Source):
        if channels and any(space):
            node.refuse(f"gives the output `{name}` as the input is, but with its channels last")
        return _reshaped(walker, node, tensor, tensor.base)
    if channels and any(space):
        walker.draft.last.add(name)
        walker.draft.notes.append(
            f"the output `{name}` has its channels last in the model; here they come first, as in "
            f"every net of the language"
        )
    return tensor.base


def _reshaped(walker: Walker, node: Node, view: View, source: Source) -> Value:
    """The input as an output of another shape."""
    sizes = view.sizes[1:]
    if not 1 <= len(sizes) <= 4 or sizes == (source.output.channels, *source.output.sizes):
        node.refuse(
            f"gives the output `{node.outputs[0]}` as the input `{source.name}` is, so there is no "
            f"layer to write"
        )
    target = Shape(sizes[0], tuple(sizes[1:]))
    return walker.add(node, walker.layer(node, "reshape", target=target), source)
