"""The graphs of training, in standard ONNX operators (opset 18) that any ONNX Runtime runs.

- `grad`, for a fixed batch: the net's inputs, `target`, every parameter and running statistic by
  its name and random inputs `STEP.noise` → `loss` (its parts `loss_NAME` where there are several),
  `correct` and `correct5` (float64 counts of the main classifier), `grad/NAME` for every trained
  parameter, `next/NAME` for every running statistic that moves.
  With float16 an input `loss_scale` besides, by which gradients are multiplied.
- `evaluation`, for any batch: inputs, `target`, parameters and statistics → the net's outputs,
  `loss`, its parts and counts, at inference. What reads a training head is left out of its loss.

Nothing is computed below the lowest trained layer. A parameter that the loss doesn't depend on (a
bias that a batch norm takes away) is left out of `trained`, since it would never change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx_ir as ir

from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.diagnostics import UsageError
from cnndsl.graphs.files import read_model
from cnndsl.graphs.writer import Writer
from cnndsl.layers.base import Parameter
from cnndsl.lower import lower
from cnndsl.lower.external import ExternalModel, external_evaluation, external_training
from cnndsl.lower.training import Forward, Noise, lower_training
from cnndsl.network import LossTerm, Network
from cnndsl.training.gradients import Gradients, evaluation_model, gradient_model
from cnndsl.training.losses import TARGET_WEIGHT, Goal, Recipe

PLAIN = Recipe()

_CHOICES = "cnndsl.choices"  # in the models' metadata


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
    has none. With `class_weights` the gradient graph takes their sum over all targets of a step,
    however many batches that has (`TARGET_WEIGHT`).
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
    class_weights: tuple[float, ...] | None

    def grad_bytes(self) -> bytes:
        """The gradient graph as an ONNX file's bytes."""
        return ir.to_proto(self.grad).SerializeToString()

    def evaluation_bytes(self) -> bytes:
        """The evaluation graph as an ONNX file's bytes."""
        return ir.to_proto(self.evaluation).SerializeToString()

    def note_choices(self, choices: str) -> None:
        """Write into both graphs what they are made for: `Config.graph_choices`."""
        for model in (self.grad, self.evaluation):
            model.metadata_props[_CHOICES] = choices


def made_for(path: Path) -> str | None:
    """The choices that a graph in a file was made for, where it says so. Raises UsageError."""
    entries = read_model(path).metadata_props
    return next((entry.value for entry in entries if entry.key == _CHOICES), None)


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
    gradients = gradient_model(forward, network.name, goal, planner)
    return _graphs(forward, gradients, evaluation_model(lower(network), goal), recipe)


def build_external_training(
    model: ExternalModel,
    batch: int,
    *,
    trainable: Callable[[str], bool] = lambda name: True,
    loss: Sequence[LossTerm] | None = None,
    recipe: Recipe = PLAIN,
    planner: Planner | None = None,
) -> TrainingGraphs:
    """The training graphs of an ONNX model that cnndsl did not write; see `read_external`.

    As `build_training`; a loss names values of the model. Weights start as they are in the model.
    """
    goal = Goal(tuple(loss or (default_loss(model.outputs[0]),)), recipe, {})
    forward = external_training(model, batch, trainable)
    try:
        gradients = gradient_model(forward, model.name, goal, planner)
    except (ValueError, TypeError, LookupError, ArithmeticError, AssertionError) as e:
        where = next(iter(getattr(e, "__notes__", [])), "an operator")
        raise UsageError(
            f"`{model.name}` can't be trained: {where} has inputs and attributes that don't fit "
            f"together"
        ) from e
    return _graphs(forward, gradients, evaluation_model(external_evaluation(model), goal), recipe)


def default_loss(output: str) -> LossTerm:
    """What is trained for where nothing is said: classes."""
    return LossTerm(coefficient=1.0, function="cross_entropy", arguments=(output,))


def _graphs(
    forward: Forward, gradients: Gradients, evaluation: ir.Model, recipe: Recipe
) -> TrainingGraphs:
    objective = gradients.objective
    targets = {str(v.name): _slot(v) for v in objective.targets}
    weighted = any(v.name == TARGET_WEIGHT for v in objective.others)
    return TrainingGraphs(
        grad=gradients.model,
        evaluation=evaluation,
        batch=forward.batch,
        inputs={str(v.name): _slot(v) for v in forward.inputs},
        targets=targets,
        noises=forward.noises,
        parameters=forward.declared,
        trained=gradients.trained,
        statistics=tuple(forward.statistics),
        losses=("loss", *(f"loss_{part}" for part in objective.parts)),
        counts=tuple(objective.counts),
        answers=sum(prod(t.shape) for t in targets.values()) if objective.counts else 0,
        classes=objective.classes,
        class_weights=_weights(recipe, objective.classes) if weighted else None,
    )


def _weights(recipe: Recipe, classes: int) -> tuple[float, ...]:
    """What each class counts; both alike where they are one number, 0 or 1."""
    return tuple(recipe.class_weights or [1.0] * (classes or 2))


def _slot(value: ir.Value) -> Slot:
    assert value.dtype is not None
    return Slot(Writer().shape(value), value.dtype.numpy().name)
