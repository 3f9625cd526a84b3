"""Operators that ONNX itself defines by others, as nodes of those others.

What has no reader of its own may be read so: RMSNormalization is squares, a mean, a root and a
product. ONNX's own definitions, which come with its package, are taken for the model's version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, defs, helper

from cnndsl.importing.nodes import Node, Tensor
from cnndsl.importing.views import View


def definition(node: Node, proto: onnx.NodeProto) -> onnx.FunctionProto | None:
    """What a node stands for, its attributes put in; None where ONNX has no definition."""
    try:
        schema: Any = defs.get_schema(node.kind, node.opset, "")  # partly typed
    except Exception:  # onnx's own have no common base
        return None
    function = onnx.FunctionProto()
    versions: list[int] = schema.function_opset_versions
    types: list[int] = schema.context_dependent_function_opset_versions
    known = [v for v in versions if v <= node.opset]
    depending = [v for v in types if v <= node.opset]
    data: bytes
    if known:
        data = schema.get_function_with_opset_version(max(known))
    elif depending:
        data = schema.get_context_dependent_function_with_opset_version(
            max(depending), proto.SerializeToString(), list(_types(node))
        )
    else:
        return None
    function.ParseFromString(data)
    given: Mapping[str, Any] = {a.name: a for a in proto.attribute}
    for inner in function.node:
        inner.name = node.name
        for attribute in list(inner.attribute):
            if not attribute.ref_attr_name:
                continue
            name = attribute.ref_attr_name
            default = schema.attributes[name].default_value if name in schema.attributes else None
            value = given.get(name, default)
            own = attribute.name
            inner.attribute.remove(attribute)
            if value is not None and value.type:
                made = inner.attribute.add()
                made.CopyFrom(value)
                made.name = own
    return function


def _types(node: Node) -> Iterator[bytes]:
    """The types of a node's inputs, as ONNX has them."""
    for tensor in node.inputs:
        yield _type(tensor).SerializeToString()


def _type(tensor: Tensor | None) -> onnx.TypeProto:
    if tensor is None:
        return onnx.TypeProto()
    if isinstance(tensor, View):
        return helper.make_tensor_type_proto(TensorProto.FLOAT, tensor.sizes)
    kind = helper.np_dtype_to_tensor_dtype(np.asarray(tensor).dtype)
    return helper.make_tensor_type_proto(kind, tensor.shape)
