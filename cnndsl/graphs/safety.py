"""Is it an ONNX model at all, and is it safe to open: where do its weights lie, how large is it?

A model can name other files that hold its weights. ONNX Runtime before 1.24 reads whatever file is
named, so a model from somewhere else could show what lies anywhere on the disk. A model can have
functions that call each other, and a few lines may stand for billions of nodes. So cnndsl looks
first. Of the file only protobuf's tags and lengths, and a few names, are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.protobuf import LENGTH_DELIMITED, Buffer, MessageError, fields, opened

MOST_NESTED = 64
MOST_FIELDS = 10_000_000  # a net of 10,000 layers has under a million
SMALL = 4 * MOST_NESTED  # bytes of a node; each message within another takes two at least
MOST_NODES = 1_000_000  # once every function stands in the place of its calls

# Which fields of onnx.proto's messages lead to a tensor, by number.
_CHILDREN: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Tensor": {13: "Entry"},
}
_MODEL_GRAPH, _MODEL_FUNCTION = (7, LENGTH_DELIMITED), (25, LENGTH_DELIMITED)
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
LOCATION = b"location"
_NODE_KIND, _NODE_DOMAIN = 4, 7
_FUNCTION_NAME, _FUNCTION_DOMAIN = 1, 10

Call = tuple[bytes, bytes]  # a domain and the name of an operator or function in it


def check_model(model: Path | bytes) -> None:
    """Raise UsageError unless it is an ONNX model of a possible size, whose weights lie in its
    folder or below it.

    A model in memory has no folder, so its weights must be inside it.
    """
    name = f"`{model}`" if isinstance(model, Path) else "the model"
    try:
        locations = external_locations(model)
    except (MessageError, UnicodeDecodeError):
        raise UsageError(f"{name} is no ONNX model, or a damaged one") from None
    for location in sorted(locations):
        if not isinstance(model, Path):
            raise UsageError(f"{name} keeps its weights in a file `{location}`: give its path")
        beside(model, location)


def check_sizes(model: Path | bytes) -> None:
    """Raise UsageError where ONNX Runtime would end this process; see `graphs.slices`."""
    if isinstance(model, bytes):
        found = b"Slice" in model
    else:
        with opened(model) as buffer:
            found = buffer.find(b"Slice", 0, len(buffer)) >= 0
    if not found:
        return
    import onnx

    from cnndsl.graphs.slices import check_slices

    read: Any = onnx  # partly typed
    try:
        proto: onnx.ModelProto = (
            read.load_from_string(model)
            if isinstance(model, bytes)
            else read.load(model, load_external_data=False)
        )
    except Exception:  # protobuf's own; ONNX Runtime says what it is
        return
    name = f"`{model}`" if isinstance(model, Path) else "the model"
    check_names(proto, name)
    check_slices(proto, name)


def beside(model: Path, location: str) -> Path:
    """The file that a model names for its weights. Raises UsageError unless it lies in the model's
    folder or below it.
    """
    if not _stays_inside(location, model):
        raise UsageError(
            f"`{model}` wants to read `{location}`, which lies outside its folder; "
            f"a model's weights belong beside it"
        )
    if not (model.parent / location).is_file():
        raise UsageError(f"`{model}` keeps its weights in `{location}`, which isn't beside it")
    return model.parent / location


def external_locations(model: Path | bytes) -> set[str]:
    """The files that a model names for its weights, as it writes them."""
    if isinstance(model, bytes):
        return _locations(model)
    try:
        with opened(model) as buffer:
            return _locations(buffer)
    except OSError as e:
        raise UsageError(f"`{model}` can't be read: {e.strerror or e}") from None


def _stays_inside(location: str, model: Path) -> bool:
    """Whether a location, and what it links to, is the model's folder's.

    A model that is itself a link, as in a download cache, may have its weights beside its target.
    """
    if "\\" in location or "\0" in location or PureWindowsPath(location).drive:
        return False
    target = (model.parent / location).resolve()
    folders = (model.parent.resolve(), model.resolve().parent)
    return not PurePosixPath(location).is_absolute() and any(map(target.is_relative_to, folders))


def _locations(buffer: Buffer) -> set[str]:
    found: set[str] = set()
    kinds = {(number, form) for number, form, *_ in fields(buffer, 0, len(buffer))}
    if _MODEL_GRAPH not in kinds:
        raise MessageError
    has_functions = _MODEL_FUNCTION in kinds
    calls: dict[Call, Counter[Call]] = {_MAIN: Counter()}
    todo, count = [("Model", 0, len(buffer), 0, _MAIN)], 0
    while todo:
        kind, begin, end, depth, owner = todo.pop()
        if kind == "Entry":
            found |= _location(buffer, begin, end)
            continue
        if kind == "Function":
            owner = _named(buffer, begin, end, _FUNCTION_DOMAIN, _FUNCTION_NAME)
            calls.setdefault(owner, Counter())
        elif kind == "Node" and has_functions:
            calls[owner][_named(buffer, begin, end, _NODE_DOMAIN, _NODE_KIND)] += 1
        elif kind == "Node" and end - begin < SMALL and buffer.find(LOCATION, begin, end) < 0:
            continue  # it names no file, nor has it room for graphs in one another
        children = _CHILDREN[kind]
        for number, form, start, stop in fields(buffer, begin, end):
            count += 1
            if depth > MOST_NESTED or count > MOST_FIELDS:
                raise MessageError
            if number in children and form == LENGTH_DELIMITED:
                todo.append((children[number], start, stop, depth + 1, owner))
    if has_functions:
        _check_calls(calls)
    return found


_MAIN: Call = (b"", b"")


def _named(buffer: Buffer, begin: int, end: int, domain: int, name: int) -> Call:
    texts = {n: buffer[i:j] for n, _, i, j in fields(buffer, begin, end) if n in (domain, name)}
    return texts.get(domain, b""), texts.get(name, b"")


def _check_calls(calls: dict[Call, Counter[Call]]) -> None:
    """Raise UsageError where functions call themselves, or stand for too many nodes."""
    sorter = TopologicalSorter({name: made.keys() & calls.keys() for name, made in calls.items()})
    try:
        order = list(sorter.static_order())
    except CycleError:
        raise UsageError("the model has functions that call themselves, so it has no end") from None
    sizes: dict[Call, int] = {}
    for name in order:
        sizes[name] = sum(times * sizes.get(call, 1) for call, times in calls[name].items())
    if sizes[_MAIN] > MOST_NODES:
        raise UsageError(
            f"the model's functions call each other so often that it has {sizes[_MAIN]:,} nodes; "
            f"no net has so many layers"
        )


def _location(buffer: Buffer, begin: int, end: int) -> set[str]:
    entry = {n: buffer[start:stop] for n, _, start, stop in fields(buffer, begin, end)}
    if entry.get(_ENTRY_KEY) != LOCATION:
        return set()
    return {entry.get(_ENTRY_VALUE, b"").decode()}


def check_names(model: Any, name: object) -> None:
    """Raise UsageError unless every name in a model, an onnx.ModelProto, is text."""
    if any(isinstance(text, bytes) for text in _texts(model)):
        raise UsageError(f"{name} has names that are no text: it is damaged")


def _texts(proto: Any) -> Iterator[object]:
    """Every name that is read; protobuf gives those that are no UTF-8 as bytes."""
    graph = proto.graph
    yield from (graph.name, proto.producer_name)
    yield from (entry.domain for entry in proto.opset_import)
    for entry in proto.metadata_props:
        yield from (entry.key, entry.value)
    yield from (tensor.name for tensor in graph.initializer)
    for port in (*graph.input, *graph.output):
        yield port.name
        yield from (dim.dim_param for dim in port.type.tensor_type.shape.dim)
    for node in graph.node:
        yield from (node.op_type, node.domain, node.name, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
