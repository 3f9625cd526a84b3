"""The forward passes of an external model in training and at inference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import onnx_ir as ir

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.writer import FLOAT, Writer, add_constants
from cnndsl.layers.base import Parameter
from cnndsl.lower import Lowered
from cnndsl.lower.external.model import ExternalModel
from cnndsl.lower.training import DOMAIN, Forward, Noise

NORM_INPUTS = 5  # x, scale, bias, mean, variance


def external_evaluation(external: ExternalModel) -> Lowered:
    """The inference graph, of any batch, without dropout."""
    graph = external.with_batch(None)
    for node in list(graph):
        if node.op_type == "Dropout":
            assert node.inputs[0] is not None
            _bypass(graph, node, node.inputs[0])
    parameters = {name: v for v in graph.inputs if (name := str(v.name)) in external.parameters}
    for value in parameters.values():
        graph.inputs.remove(value)
        graph.initializers.add(value)
    return Lowered(graph, external.parameters, _values(graph))


def external_training(
    external: ExternalModel, batch: int, trainable: Callable[[str], bool]
) -> Forward:
    """The forward pass of training: batch norms by the batch's statistics, dropout by noise.

    What is frozen runs as at inference, as in a network of our own. Raises UsageError where the
    model doesn't take this batch.
    """
    graph = external.with_batch(batch)
    inputs = [v for v in graph.inputs if v.name in external.inputs]
    parameters = {str(v.name): v for v in graph.inputs if v.name in external.parameters}
    trained = {
        name for name, p in external.parameters.items() if p.role != "statistic" and trainable(name)
    }
    forms = _TrainingForms(graph, batch, external.parameters, trained)
    forms.apply()
    nodes = list(graph)
    values = _values(graph)
    for output in list(graph.outputs):
        graph.outputs.remove(output)
    graph.remove(nodes)
    constants = dict(graph.initializers)
    graph.initializers.clear()
    graph.inputs.clear()
    return Forward(
        batch=batch,
        inputs=inputs,
        nodes=nodes,
        constants=constants,
        parameters=parameters,
        declared=external.parameters,
        trained=[name for name in external.parameters if name in trained],
        statistics=forms.statistics,
        noises=forms.noises,
        noise_inputs=forms.noise_inputs,
        values=values,
        opset=graph.opset_imports[""],
    )


class _TrainingForms:
    """Batch norms and dropouts of a graph, turned into their training forms."""

    def __init__(
        self,
        graph: ir.Graph,
        batch: int,
        parameters: Mapping[str, Parameter],
        trained: set[str],
    ):
        self.graph, self.batch, self.parameters, self.trained = graph, batch, parameters, trained
        self.statistics: dict[str, ir.Value] = {}
        self.noises: dict[str, Noise] = {}
        self.noise_inputs: list[ir.Value] = []

    def apply(self) -> None:
        """In order, so that it is known what each value depends on."""
        flowing: set[ir.Value] = set()
        frozen: set[ir.Value] = set()
        for node in list(self.graph):
            names = {str(v.name) for v in node.inputs if v is not None}
            trains = bool(names & self.trained)
            if trains or any(v in flowing for v in node.inputs):
                flowing.update(node.outputs)
            elif names & self.parameters.keys() or any(v in frozen for v in node.inputs):
                frozen.update(node.outputs)
            if node.op_type == "BatchNormalization":
                flowing.update(self._norm(node, trains))
            elif node.op_type == "Dropout":
                self._dropout(node, dropping=node.outputs[0] not in frozen)

    def _norm(self, node: ir.Node, trains: bool) -> list[ir.Value]:
        """One that takes a batch's statistics even at inference standardises weights."""
        standardises = bool(node.attributes.get_int("training_mode", 0))
        if not (trains or standardises) or len(node.inputs) < NORM_INPUTS:
            return []
        x, weight, bias, mean, variance = node.inputs
        assert x is not None and mean is not None and variance is not None
        shape = [n for n in x.shape or () if isinstance(n, int)]
        count = prod(shape) // shape[1] if len(shape) > 1 else 0
        if count < 2:
            raise UsageError(f"`{node.name}` needs more than one value a channel to train")
        write = Writer()
        write.begin(node.outputs[0].name)
        epsilon = node.attributes.get_float("epsilon", 1e-5)
        new = write.ops("BatchNormTraining", 4, x, weight, bias, epsilon=epsilon)
        write.nodes[0].domain, write.nodes[0].doc_string = DOMAIN, node.doc_string
        if not standardises:
            keep = node.attributes.get_float("momentum", 0.9)
            self._move(write, mean, new[1], keep, 1 - keep)
            self._move(write, variance, new[2], keep, (1 - keep) * count / (count - 1))
        self._replace(node, write, new[0])
        return [new[0]]

    def _move(
        self, write: Writer, old: ir.Value, value: ir.Value, keep: float, share: float
    ) -> None:
        """keep·old + share·value becomes the next running average."""
        name = str(old.name)
        kept = write.op("Mul", self.statistics.get(name, old), keep)
        self.statistics[name] = total = write.op("Add", kept, write.op("Mul", value, share))
        total.shape, total.type = old.shape, FLOAT

    def _dropout(self, node: ir.Node, dropping: bool) -> None:
        x = node.inputs[0]
        assert x is not None
        ratio = _ratio(node)
        if not dropping or ratio == 0:
            _bypass(self.graph, node, x)
            return
        name = f"{node.name or node.outputs[0].name}.noise"
        noise = ir.Value(name=name, shape=x.shape, type=FLOAT)
        self.noises[name] = Noise("uniform", tuple(n for n in x.shape or () if isinstance(n, int)))
        self.noise_inputs.append(noise)
        write = Writer()
        write.begin(node.outputs[0].name)
        mask = write.op("Where", write.op("Less", noise, ratio), 0.0, 1 / (1 - ratio))
        self._replace(node, write, write.op("Mul", x, mask))

    def _replace(self, node: ir.Node, write: Writer, value: ir.Value) -> None:
        """Put what was written in a node's place; the value takes over its first output."""
        old = node.outputs[0]
        self.graph.insert_before(node, write.nodes)
        add_constants(self.graph, write.constants)
        old.replace_all_uses_with(value, replace_graph_outputs=True)
        self.graph.remove(node, safe=True)
        value.name, value.shape, value.type = old.name, old.shape, old.type


def _ratio(node: ir.Node) -> float:
    """The share of values that is dropped."""
    given = node.inputs[1] if len(node.inputs) > 1 else None
    if given is None or given.const_value is None:
        return 0.5
    return float(given.const_value.numpy().reshape(()))


def _bypass(graph: ir.Graph, node: ir.Node, value: ir.Value) -> None:
    """Leave a node out; an output of the graph keeps its name by a copy."""
    output = node.outputs[0]
    if output.is_graph_output():
        copy = ir.node("Identity", [value], name=node.name)
        copy.outputs[0].name, output.name = output.name, f"{output.name}/dropped"
        copy.outputs[0].shape, copy.outputs[0].type = value.shape, value.type
        graph.insert_after(node, copy)
        output.replace_all_uses_with(copy.outputs[0], replace_graph_outputs=True)
        graph.remove(node, safe=True)
        return
    output.replace_all_uses_with(value)
    graph.remove(node, safe=True)


def _values(graph: ir.Graph) -> dict[str, ir.Value]:
    """Every value by its name."""
    values = {str(v.name): v for v in graph.inputs}
    values.update((str(o.name), o) for node in graph for o in node.outputs if o.name)
    return values
