"""The inference form of a model that was exported as for training."""

from __future__ import annotations

import onnx
from onnx import numpy_helper


def for_inference(graph: onnx.GraphProto, opset: int) -> list[str]:
    """Let norms use their running statistics, and dropouts do nothing; a sentence where the file
    says otherwise.
    """
    norms, dropouts = list[str](), list[str]()
    constants = {tensor.name: tensor for tensor in graph.initializer}
    flowing = {port.name for port in graph.input} - constants.keys()
    inference = 1 if opset < 7 else 0  # of `is_test`, then of `training_mode`
    for node in graph.node:
        if flowing.isdisjoint(node.input):
            continue  # weights are standardised by norms, too
        flowing.update(node.output)
        if node.op_type == "BatchNormalization":
            modes = [a for a in node.attribute if a.name in ("training_mode", "is_test")]
            if any(mode.i != inference for mode in modes) or any(node.output[1:]):
                norms.append(named(node))
                for mode in modes:
                    mode.i = inference
                del node.output[1:]
        elif node.op_type == "Dropout" and len(node.input) > 2 and node.input[2]:
            mode = constants.get(node.input[2])
            if mode is None or numpy_helper.to_array(mode).any():
                dropouts.append(named(node))
            del node.input[2:]
    return [
        f"{len(names)} {what}{'s' * (len(names) != 1)} of the model (`{names[0]}`"
        f"{', …' if len(names) > 1 else ''}) {'is' if len(names) == 1 else 'are'} {does}"
        for names, what, does in (
            (norms, "batch norm", "set to use each batch's statistics, as in training; here "
             "they use the running ones"),
            (dropouts, "dropout", "set to drop values, as in training; here they don't"),
        )
        if names
    ]  # fmt: skip


def named(node: onnx.NodeProto) -> str:
    """What to call a node: its own name, or that of its output."""
    return node.name or next(iter(node.output), "") or node.op_type
