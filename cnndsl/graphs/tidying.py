"""Shapes for every value, equal expressions once, nothing that nobody reads."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes import common


def infer_shapes(model: ir.Model) -> None:
    """Give every value its shape and type; operators of our own bring theirs along."""
    common.ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)


def tidy(model: ir.Model) -> None:
    """Leave out what is computed twice or for nothing."""
    common.IdentityEliminationPass()(model)
    common.CommonSubexpressionEliminationPass()(model)
    common.RemoveUnusedNodesPass()(model)
