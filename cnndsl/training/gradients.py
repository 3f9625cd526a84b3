"""From a forward pass to the models that are run: loss, gradients, composites expanded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from cnndsl.autodiff import differentiate, passes
from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.autodiff.composite import DOMAIN, expand
from cnndsl.autodiff.passes.convolutions import rewrite_convolutions
from cnndsl.autodiff.passes.ordering import order_for_memory
from cnndsl.autodiff.passes.precision import lower_precision
from cnndsl.diagnostics import UsageError
from cnndsl.graphs.tidying import infer_shapes, tidy
from cnndsl.graphs.writer import FLOAT, IR_VERSION, OPSET, Writer, add_constants
from cnndsl.lower import Lowered
from cnndsl.lower.training import Forward
from cnndsl.training.losses import Goal, Objective, Recipe, write_objective
from cnndsl.training.scaling import LOSS_SCALE

NEWER_FORMAT = 10
"""The version of the file format that goes with opsets up to 22."""


@dataclass(frozen=True, slots=True)
class Gradients:
    """The gradient model, what it is the gradient of, and the parameters that have one."""

    model: ir.Model
    objective: Objective
    trained: tuple[str, ...]


def evaluation_model(lowered: Lowered, goal: Goal) -> ir.Model:
    """The inference graph with the loss beside its outputs; parameters are inputs.

    The loss is that of the answers as they are: class weights and label smoothing are means of
    training, and would make it another one than `cnndsl eval` finds.
    """
    graph, write = lowered.graph, Writer()
    graph.inputs.extend(graph.initializers.pop(name) for name in lowered.parameters)
    recipe = Recipe(ignoring=goal.recipe.ignoring, alone=True)
    known = replace(goal.among(lowered.values), recipe=recipe)
    if known.terms:
        objective = write_objective(write, known, lowered.values)
        graph.inputs.extend(objective.targets)
        graph.extend(write.nodes)
        add_constants(graph, write.constants)
        graph.opset_imports[DOMAIN] = 1
        outputs, replaced = objective.outputs(), _expand(graph)
        for output, value in outputs.items():
            _output(graph, replaced.get(value, value), output)
    model = _model(graph)
    tidy(model)
    infer_shapes(model)
    return model


def gradient_model(
    forward: Forward, name: str, goal: Goal, planner: Planner | None = None
) -> Gradients:
    """The loss of a forward pass, its gradients, and the statistics that move.

    Raises UsageError where an operator has no gradient, or nothing is left to train.
    """
    write, planner = Writer(), planner or Planner()
    write.nodes.extend(forward.nodes)
    objective = write_objective(write, goal, forward.values)
    judging = write.nodes[len(forward.nodes) :]
    graph = ir.Graph(
        [
            *forward.inputs,
            *objective.targets,
            *objective.others,
            *forward.noise_inputs,
            *forward.parameters.values(),
        ],
        [],
        nodes=write.nodes,
        initializers=[*forward.constants.values(), *write.constants.values()],
        opset_imports={"": forward.opset, DOMAIN: 1},
        name=name,
    )
    model = _model(graph)
    infer_shapes(model)
    outputs = objective.outputs()
    outputs |= {f"next/{name}": value for name, value in forward.statistics.items()}
    for rewrite in passes.REWRITES:
        rewrite(graph, outputs.values())
    forward_nodes = list(graph)
    answers = {v for node in judging for v in node.inputs if v and v.producer() not in judging}
    scale = _scale(graph) if planner.precision == "float16" else None
    gradients = _differentiate(graph, forward, objective, planner, scale)
    outputs |= {f"grad/{name}": value for name, value in gradients.items()}
    replaced = _choose_algorithms(graph, forward_nodes, planner) | _expand(graph)
    outputs = {output: replaced.get(value, value) for output, value in outputs.items()}
    if planner.precision != "float32":
        infer_shapes(model)
        outputs = lower_precision(graph, outputs, planner.precision)
    for output, value in outputs.items():
        _output(graph, value, output)
    tidy(model)
    answers = {replaced.get(value, value) for value in answers if value.producer()}
    ends = {value for value in graph.outputs if (value.name or "").startswith("grad/")}
    order_for_memory(graph, answers, ends)
    infer_shapes(model)
    return Gradients(model, objective, tuple(gradients))


def _model(graph: ir.Graph) -> ir.Model:
    newer = graph.opset_imports.get("", OPSET) > OPSET
    version = NEWER_FORMAT if newer else IR_VERSION
    return ir.Model(graph, ir_version=version, producer_name="cnndsl")


def _scale(graph: ir.Graph) -> ir.Value:
    """The input that the loss is multiplied by before it is differentiated."""
    scale = ir.Value(name=LOSS_SCALE, shape=ir.Shape([]), type=FLOAT)
    graph.inputs.append(scale)
    return scale


def _differentiate(
    graph: ir.Graph,
    forward: Forward,
    objective: Objective,
    planner: Planner,
    scale: ir.Value | None,
) -> dict[str, ir.Value]:
    """Append the backward pass; gradients by their parameters' names, times the scale if any."""
    wanted = {n: forward.parameters[n] for n in forward.trained}
    write = Writer()
    seed = scale or write.constant(1.0, "float")
    back, found = differentiate(list(graph), {objective.loss: seed}, list(wanted.values()), planner)
    graph.extend(back.nodes)
    add_constants(graph, write.constants)
    add_constants(graph, back.constants)
    gradients = {name: found[value] for name, value in wanted.items() if value in found}
    if not gradients:
        raise UsageError("nothing is left to train: the loss depends on no parameter that may be")
    return gradients


def _choose_algorithms(
    graph: ir.Graph, forward: Sequence[ir.Node], planner: Planner
) -> dict[ir.Value, ir.Value]:
    """Put forward convolutions into the forms that go with their gradients'."""
    write, nodes = Writer(part="form"), list(graph)
    graph.remove(nodes)
    replaced = rewrite_convolutions(forward, write, planner)
    graph.extend(write.nodes)
    graph.extend(nodes[len(forward) :])
    add_constants(graph, write.constants)
    return replaced


def _expand(graph: ir.Graph) -> dict[ir.Value, ir.Value]:
    """Put standard operators in the place of composites."""
    write, nodes = Writer(part="parts"), list(graph)
    graph.remove(nodes)
    replaced = expand(nodes, write)
    graph.extend(write.nodes)
    add_constants(graph, write.constants)
    del graph.opset_imports[DOMAIN]
    return replaced


def _output(graph: ir.Graph, value: ir.Value, name: str) -> None:
    """Make the value an output of that name, by a copy where it is an output or input already."""
    if value.is_graph_output() or value.producer() is None:
        node = ir.node("Identity", [value], name=f"{name}/Identity")
        node.outputs[0].shape, node.outputs[0].type = value.shape, value.type
        graph.append(node)
        (value,) = node.outputs
    value.name = name
    graph.outputs.append(value)
