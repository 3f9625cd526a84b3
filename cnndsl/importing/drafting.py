"""Model → draft: the inputs, then node after node, then the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import onnx

from cnndsl.diagnostics import UsageError
from cnndsl.importing import operators as operators
from cnndsl.importing.constants import compute
from cnndsl.importing.draft import Array, Draft, Source, Value
from cnndsl.importing.nodes import MixedExamplesError, Node, Tensor
from cnndsl.importing.reading import STANDARD, Model, Port, attributes, named
from cnndsl.importing.views import Atom, Row, View, whole
from cnndsl.importing.walking import OPERATORS, Walker
from cnndsl.shape import Shape

SOME_BATCH = 97  # for an open batch: a prime, so that no other size can be taken for it
MOST_VALUES = 1 << 28  # of an input
COLOURS = (1, 3, 4)


def draft_of(model: Model, input_shapes: Mapping[str, Sequence[int]] | None = None) -> Draft:
    """The layers that a model means, as they come.

    `input_shapes` give sizes that inputs leave open, without the batch, in the model's own order.
    """
    batches = _batches(model)
    for batch in batches:
        try:
            return _draft(model, batch, input_shapes or {})
        except MixedExamplesError:
            raise
        except UsageError:
            if batch == batches[-1]:
                raise
    raise AssertionError


def open_sizes(model: Model) -> bool:
    """Whether an input leaves height or width open."""
    return any(port.sizes is not None and None in port.sizes[2:] for port in model.inputs)


def with_size(model: Model, size: int) -> Model:
    """The model with a number in the place of every open size but the batch."""
    inputs = [
        replace(
            port,
            sizes=port.sizes
            and (*port.sizes[:2], *(size if n is None else n for n in port.sizes[2:])),
        )
        for port in model.inputs
    ]
    return replace(model, inputs=inputs)


def _batches(model: Model) -> list[int]:
    """The batches to try: models with an open one may have 1 in their reshapes all the same."""
    fixed = {port.sizes[0] for port in model.inputs if port.sizes}
    known = [n for n in fixed if n is not None]
    if len(known) > 1:
        raise UsageError(f"the inputs of `{model.path}` have different batches: {known}")
    return known or [SOME_BATCH, 1]


def _draft(model: Model, batch: int, input_shapes: Mapping[str, Sequence[int]]) -> Draft:
    draft = Draft(model.name)
    row: Row = (Atom(batch),) if batch > 1 else ()
    walker = Walker(draft, row)
    known: dict[str, Tensor] = dict(model.constants)
    for port in model.inputs:
        known[port.name] = _input(draft, port, row, input_shapes)
    for proto in model.nodes:
        if proto.domain not in STANDARD and proto.op_type not in OPERATORS:
            raise UsageError(
                f"the model's {proto.op_type} `{named(proto)}` is of the domain `{proto.domain}`, "
                f"not one of ONNX's operators"
            )
        node = _node(model, proto, known)
        results = _read(walker, node, proto)
        for name, result in zip(proto.output, results, strict=False):
            known[name] = result
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
        computed = compute(node, proto)
        if computed is not None:
            return computed
    reader = OPERATORS.get(node.kind)
    if reader is None:
        node.refuse(
            "is an operator that no layer of the language stands for; export the model without "
            "it, or cut the model off before it"
        )
    try:
        result = reader(walker, node)
    except (ValueError, TypeError, LookupError, ArithmeticError, MemoryError, RecursionError):
        node.refuse("has inputs and attributes that don't fit together: the model is damaged")
    return [result] if isinstance(result, (View, np.ndarray)) else result


def _constant(node: Node) -> Array:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            array = np.asarray(node.attributes[name])
            return array.astype(np.float32) if array.dtype.kind == "f" else array
    node.refuse("holds no tensor of numbers")


def _input(draft: Draft, port: Port, batch: Row, input_shapes: Mapping[str, Sequence[int]]) -> View:
    """An input; channels come last where the sizes say so (TensorFlow's models)."""
    if port.sizes is None or not 2 <= len(port.sizes) <= 5:
        raise UsageError(
            f"the input `{port.name}` is no batch of vectors or maps: its shape is "
            f"{'unknown' if port.sizes is None else port.sizes}"
        )
    given = input_shapes.get(port.name, input_shapes.get(""))
    sizes = [n if n is not None else -1 for n in port.sizes[1:]]
    if given is not None:
        if len(given) != len(sizes) or any(
            n not in (-1, m) for n, m in zip(sizes, given, strict=True)
        ):
            raise UsageError(f"the input `{port.name}` has the sizes {sizes}, not {list(given)}")
        sizes = list(given)
    if -1 in sizes:
        raise UsageError(
            f"the input `{port.name}` leaves sizes open: say which by --input, as in --input "
            f"3@224x224"
        )
    if prod(sizes) > MOST_VALUES or min(sizes) < 1:
        raise UsageError(f"the input `{port.name}` is too large: {sizes}")
    last = len(sizes) > 1 and sizes[-1] in COLOURS and sizes[0] not in COLOURS
    ours = [sizes[-1], *sizes[:-1]] if last else sizes
    source = Source(port.name, Shape(ours[0], tuple(ours[1:])), last)
    draft.inputs.append(source)
    view = whole(source, batch)
    if not last:
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
    if not isinstance(tensor, View):
        raise UsageError(f"the output `{name}` of `{model.path}` doesn't depend on its input")
    kind, called = (maker.op_type, named(maker)) if maker else ("output", name)
    if isinstance(tensor.base, Source):
        raise UsageError(
            f"the model's {kind} `{called}` gives the output `{name}` as the input `"
            f"{tensor.base.name}` is, so there is no layer to write"
        )
    batch, channels, *space = tensor.axes
    if [row for row in tensor.dims if row] != [row for row in (batch, *space, channels) if row]:
        return walker.plain(Node(kind, called, [tensor], {}, (name,), model.opset), tensor)
    if channels and any(space):
        walker.draft.last.add(name)
        walker.draft.notes.append(
            f"the output `{name}` has its channels last in the model; here they come first, as in "
            f"every net of the language"
        )
    return tensor.base
