"""The graphs of training, in standard ONNX operators (opset 18) that any ONNX Runtime runs.

- `grad`, for a fixed batch: the net's inputs, `target`, every parameter and running statistic by
  its name and random inputs `STEP.noise` → `loss` (its parts `loss_NAME` where there are several),
  `correct` and `correct5` (int64 counts of the main classifier), `grad/NAME` for every trained
  parameter, `next/NAME` for every running statistic that moves.
- `evaluation`, for any batch: inputs, `target`, parameters and statistics → the net's outputs,
  `loss`, its parts and counts, at inference. What reads a training head is left out of its loss.

Nothing is computed below the lowest trained layer. A parameter that the loss doesn't depend on (a
bias that a batch norm takes away) is left out of `trained`, since it would never change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import onnx_ir as ir

from cnndsl.autodiff import differentiate, passes
from cnndsl.autodiff.composite import DOMAIN, expand
from cnndsl.autodiff.forms.choose import Planner
from cnndsl.autodiff.passes.convolutions import rewrite_convolutions
from cnndsl.autodiff.passes.tidy import infer_shapes, tidy
from cnndsl.autodiff.writer import Writer
from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Parameter
from cnndsl.lower import Lowered, lower
from cnndsl.lower.builder import OPSET
from cnndsl.lower.training import Forward, Noise, lower_training
from cnndsl.network import LossTerm, Network
from cnndsl.training.losses import Goal, Objective, Recipe, write_objective

IR_VERSION = 8
PLAIN = Recipe()


@dataclass(frozen=True, slots=True)
class Slot:
    """An input of a graph: its shape with the batch in front, and numpy's name of its type."""

    shape: tuple[int, ...]
    type: str


@dataclass(frozen=True, slots=True)
class TrainingGraphs:
    """What a training loop runs, and the names that it needs for that.

    `inputs` and `targets` come from the data, `noises` from a random generator. `parameters` are
    all of the net's tensors by name, statistics included; `trained` and `statistics` are those that
    a step changes. `losses` names the outputs that are losses, the whole first; `counts` those
    that count right answers among `answers` targets of `classes` kinds; a loss without classes
    has none.
    """

    grad: ir.Model
    evaluation: ir.Model
    batch: int
    inputs: dict[str, Slot]
    targets: dict[str, Slot]
    noises: dict[str, Noise]
    parameters: dict[str, Parameter]
    trained: tuple[str, ...]
    statistics: tuple[str, ...]
    losses: tuple[str, ...]
    counts: tuple[str, ...]
    answers: int
    classes: int

    def grad_bytes(self) -> bytes:
        """The gradient graph as an ONNX file's bytes."""
        return ir.to_proto(self.grad).SerializeToString()

    def evaluation_bytes(self) -> bytes:
        """The evaluation graph as an ONNX file's bytes."""
        return ir.to_proto(self.evaluation).SerializeToString()


def build_training(
    network: Network,
    batch: int,
    *,
    trainable: Callable[[str], bool] = lambda name: True,
    loss: Sequence[LossTerm] | None = None,
    recipe: Recipe = PLAIN,
    planner: Planner | None = None,
) -> TrainingGraphs:
    """The training graphs of a network for batches of that size.

    `trainable` is asked about every parameter by its full name (`conv1.weight`). The loss is the
    spec's, or cross-entropy of the first output. `planner` chooses the forms of convolutions; left
    out, by predicted times. Raises UsageError where a size is symbolic, an
    operator has no gradient, or nothing is left to train.
    """
    terms = loss or network.loss or (default_loss(network.outputs[0]),)
    labels = {value: head for head, value in network.heads.items()}
    goal = Goal(tuple(terms), recipe, labels)
    forward = lower_training(network, batch, trainable)
    return assemble(forward, evaluation(lower(network), goal), network.name, goal, planner)


def default_loss(output: str) -> LossTerm:
    """What is trained for where nothing is said: classes."""
    return LossTerm(coefficient=1.0, function="cross_entropy", arguments=(output,))


def evaluation(lowered: Lowered, goal: Goal) -> ir.Model:
    """The inference graph with the loss beside its outputs; parameters are inputs."""
    graph, write = lowered.graph, Writer()
    graph.inputs.extend(graph.initializers.pop(name) for name in lowered.parameters)
    known = goal.among(lowered.values)
    if known.terms:
        objective = write_objective(write, known, lowered.values)
        graph.inputs.extend(objective.targets)
        graph.extend(write.nodes)
        _add_constants(graph, write.constants)
        graph.opset_imports[DOMAIN] = 1
        outputs, replaced = objective.outputs(), _expand(graph)
        for output, value in outputs.items():
            _output(graph, replaced.get(value, value), output)
    model = ir.Model(graph, ir_version=IR_VERSION, producer_name="cnndsl")
    tidy(model)
    infer_shapes(model)
    return model


def assemble(
    forward: Forward,
    evaluation: ir.Model,
    name: str,
    goal: Goal,
    planner: Planner | None = None,
) -> TrainingGraphs:
    """The graphs of a forward pass: its loss, gradients, and composites expanded."""
    write, planner = Writer(), planner or Planner()
    write.nodes.extend(forward.nodes)
    objective = write_objective(write, goal, forward.values)
    graph = ir.Graph(
        [
            *forward.inputs,
            *objective.targets,
            *forward.noise_inputs,
            *forward.parameters.values(),
        ],
        [],
        nodes=write.nodes,
        initializers=[*forward.constants.values(), *write.constants.values()],
        opset_imports={"": OPSET, DOMAIN: 1},
        name=name,
    )
    model = ir.Model(graph, ir_version=IR_VERSION, producer_name="cnndsl")
    infer_shapes(model)
    outputs = objective.outputs()
    outputs |= {f"next/{name}": value for name, value in forward.statistics.items()}
    for rewrite in passes.REWRITES:
        rewrite(graph, outputs.values())
    forward_nodes = list(graph)
    gradients = _differentiate(graph, forward, objective, planner)
    outputs |= {f"grad/{name}": value for name, value in gradients.items()}
    replaced = _choose_forms(graph, forward_nodes, planner) | _expand(graph)
    for output, value in outputs.items():
        _output(graph, replaced.get(value, value), output)
    tidy(model)
    infer_shapes(model)
    return TrainingGraphs(
        grad=model,
        evaluation=evaluation,
        batch=forward.batch,
        inputs={_name(v): _slot(write, v) for v in forward.inputs},
        targets={_name(v): _slot(write, v) for v in objective.targets},
        noises=forward.noises,
        parameters=forward.declared,
        trained=tuple(gradients),
        statistics=tuple(forward.statistics),
        losses=("loss", *(f"loss_{part}" for part in objective.parts)),
        counts=tuple(objective.counts),
        answers=sum(prod(write.shape(v)) for v in objective.targets) if objective.counts else 0,
        classes=objective.classes,
    )


def _differentiate(
    graph: ir.Graph, forward: Forward, objective: Objective, planner: Planner
) -> dict[str, ir.Value]:
    """Append the backward pass; gradients by their parameters' names."""
    wanted = {n: forward.parameters[n] for n in forward.trained}
    write = Writer()
    one = write.constant(1.0, "float")
    back, found = differentiate(list(graph), {objective.loss: one}, list(wanted.values()), planner)
    graph.extend(back.nodes)
    _add_constants(graph, write.constants | back.constants)
    gradients = {name: found[value] for name, value in wanted.items() if value in found}
    if not gradients:
        raise UsageError("nothing is left to train: the loss depends on no parameter that may be")
    return gradients


def _choose_forms(
    graph: ir.Graph, forward: Sequence[ir.Node], planner: Planner
) -> dict[ir.Value, ir.Value]:
    """Put forward convolutions into the forms that go with their gradients'."""
    write, nodes = Writer(part="form"), list(graph)
    graph.remove(nodes)
    replaced = rewrite_convolutions(forward, write, planner)
    graph.extend(write.nodes)
    graph.extend(nodes[len(forward) :])
    _add_constants(graph, write.constants)
    return replaced


def _expand(graph: ir.Graph) -> dict[ir.Value, ir.Value]:
    """Put standard operators in the place of composites."""
    write, nodes = Writer(part="parts"), list(graph)
    graph.remove(nodes)
    replaced = expand(nodes, write)
    graph.extend(write.nodes)
    _add_constants(graph, write.constants)
    del graph.opset_imports[DOMAIN]
    return replaced


def _add_constants(graph: ir.Graph, constants: Mapping[str, ir.Value]) -> None:
    """Writers name equal constants alike; the graph keeps one of them."""
    for name, constant in constants.items():
        known = graph.initializers.get(name)
        if known is None:
            graph.initializers[name] = constant
        elif known is not constant:
            constant.replace_all_uses_with(known)


def _output(graph: ir.Graph, value: ir.Value, name: str) -> None:
    """Make the value an output of that name, by a copy where it is an output or input already."""
    if value.is_graph_output() or value.producer() is None:
        node = ir.node("Identity", [value], name=f"{name}/Identity")
        node.outputs[0].shape, node.outputs[0].type = value.shape, value.type
        graph.append(node)
        (value,) = node.outputs
    value.name = name
    graph.outputs.append(value)


def _name(value: ir.Value) -> str:
    assert value.name is not None
    return value.name


def _slot(write: Writer, value: ir.Value) -> Slot:
    assert value.dtype is not None
    return Slot(write.shape(value), value.dtype.numpy().name)
