"""A net for ONNX Runtime's own on-device training, which phones and browsers run.

Its package turns a forward pass into four artifacts: a training, an evaluation and an optimizer
model, and a checkpoint with the weights. The forward pass here is the inference graph with the loss
behind it, as its first output, so that every loss of the language can be trained there. Batch norms
are given statistics of the batch by that package; dropouts are put in for it, since the inference
graph has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx_ir as ir

from cnndsl.diagnostics import UsageError
from cnndsl.files import PREFIX, replaced
from cnndsl.graphs.writer import constant
from cnndsl.layers.dropout import Dropout
from cnndsl.lower import lower
from cnndsl.lower.builder import GraphBuilder
from cnndsl.network import Network, Step
from cnndsl.runtime.artifacts import generate_artifacts
from cnndsl.training.gradients import evaluation_model
from cnndsl.training.graphs import PLAIN, default_loss
from cnndsl.training.losses import Goal
from cnndsl.weights.source import Weights

onnx_files: Any = ir  # its functions for files are typed in part

ARTIFACTS = ("training_model.onnx", "eval_model.onnx", "optimizer_model.onnx", "checkpoint")
NEWEST_FORMAT = 10
"""The newest version of the file format that the package reads, whatever onnx writes by itself."""


def write_artifacts(
    network: Network, weights: Weights, folder: Path, batch: int | None = None
) -> list[Path]:
    """Write the artifacts of a net with those weights into a folder; the files' paths.

    The loss is the spec's, or cross-entropy of the first output; targets are the input `target`.
    The optimizer is AdamW. Heads for training alone are left out. The batch is open where none is
    given. Raises UsageError where the package isn't there or has no gradient for one of the net's
    operators, OSError.
    """
    model, trained, frozen = forward_model(network, weights, batch)
    with TemporaryDirectory(prefix=PREFIX) as temporary:
        here = Path(temporary)
        onnx_files.save(model, here / "forward.onnx")
        generate_artifacts(here / "forward.onnx", trained, frozen, here)
        optimizer = onnx_files.load(here / "optimizer_model.onnx")
        optimizer.ir_version = min(optimizer.ir_version, NEWEST_FORMAT)
        onnx_files.save(optimizer, here / "optimizer_model.onnx")
        folder.mkdir(parents=True, exist_ok=True)
        for name in ARTIFACTS:
            with replaced(folder / name) as file:
                file.write((here / name).read_bytes())
    return [folder / name for name in ARTIFACTS]


def forward_model(
    network: Network, weights: Weights, batch: int | None = None
) -> tuple[ir.Model, Sequence[str], Sequence[str]]:
    """The net with its loss in front of its outputs, and what is trained and frozen in it."""
    terms = network.loss or (default_loss(network.outputs[0]),)
    goal = Goal(tuple(terms), PLAIN, {value: head for head, value in network.heads.items()})
    lowered = lower(network, batch, KeepingDropout)
    model = evaluation_model(lowered, goal)
    graph = model.graph
    _suit(graph, batch)
    for value in [v for v in graph.inputs if v.name in lowered.parameters]:
        name = str(value.name)
        parameter = lowered.parameters[name]
        values = np.concatenate(list(weights(name, parameter))).reshape(parameter.shape)
        value.const_value = ir.tensor(values, name=name)
        graph.inputs.remove(value)
        graph.initializers[name] = value
    outputs = sorted(graph.outputs, key=lambda v: v.name != "loss")
    graph.outputs[:] = outputs
    roles = {name: p.role for name, p in lowered.parameters.items()}
    trained = [name for name, role in roles.items() if role != "statistic"]
    return model, trained, [name for name in roles if name not in trained]


def _suit(graph: ir.Graph, batch: int | None) -> None:
    """Make nodes as the package's gradients need them."""
    for node in graph:
        if node.op_type == "Dropout":  # its gradient reads the mask
            node.resize_outputs(2)
            node.outputs[1].name = f"{node.name}/mask"
        elif node.op_type == "AveragePool" and batch is None:
            raise UsageError(
                "onnxruntime-training's gradient of average pooling, which an lrn has inside, "
                "needs a fixed batch: give one, as in `--batch 32`"
            )


class KeepingDropout(GraphBuilder):
    """The inference graph with ONNX's dropout in it, which the package turns off to evaluate."""

    def write(self, step: Step, inputs: Sequence[ir.Value]) -> ir.Value:
        """The step's value."""
        if not isinstance(step.layer, Dropout) or step.layer.probability == 0:
            return super().write(step, inputs)
        ratio = self.constant("ratio", step.layer.probability)
        name = f"{step.name}/training"
        self.initializers[name] = training = constant(name, np.bool_(True))
        return self.op("Dropout", inputs[0], ratio, training)
