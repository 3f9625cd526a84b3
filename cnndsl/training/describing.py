"""A training in words: what was found and chosen, before it begins."""

from __future__ import annotations

from cnndsl.training.assembly import Training
from cnndsl.training.choices import describe_choice
from cnndsl.training.config import Config
from cnndsl.training.environment import runtime_version
from cnndsl.training.feeding import Epoch


def header(training: Training, where: str) -> list[str]:
    """Lines that name net, data, recipe, device and folder."""
    config, task = training.config, training.task
    choice = config.training
    entries = {
        "net": _net(training),
        "data": task.data.describe(),
        "targets": task.target.describe(),
        "pictures": _pictures(training),
        "augment": task.augmentation.describe() if task.augmentation else "none",
        "training": _training(config, training.feed.plan),
        "stages": "; ".join(stage.describe() for stage in training.plan.stages[1:]),
        "optimiser": f"{describe_choice(config.optimiser)}, {_rate(config)}",
        "device": f"{choice.device}, {choice.threads} threads, onnxruntime {runtime_version()}"
        + (f", {choice.precision}" if choice.precision != "float32" else ""),
        "run": where,
    }
    return [f"{name:<10}{text}" for name, text in entries.items() if text]


def described_stage(training: Training) -> str:
    """The stage that the training is in."""
    number, plan = training.stage, training.plan
    trained = sum(training.graphs.parameters[name].size for name in training.graphs.trained)
    return (
        f"stage {number + 1} of {len(plan.stages)}: {', '.join(plan.stages[number].patterns)} "
        f"too, {trained:,} trained parameters"
    )


def _net(training: Training) -> str:
    graphs = training.graphs
    trained = sum(graphs.parameters[name].size for name in graphs.trained)
    others = training.untrained
    left = f", {others:,} stay as they are" if others else ""
    return f"{training.task.adapter.described}, {trained:,} trained parameters{left}"


def _pictures(training: Training) -> str:
    """What happens to a picture before the net sees it."""
    picture, data = training.task.picture, training.task.data
    how = picture.preprocessing
    if not picture.depth and data.shape == (picture.channels, picture.height, picture.width):
        return how.describe().replace(how.order, "colour" if picture.channels > 1 else "grey")
    return picture.describe()


def _training(config: Config, plan: Epoch) -> str:
    choice = config.training
    batch = f"batch {choice.batch}"
    if plan.rest:
        batch += f" (the last one {plan.rest})"
    elif plan.left_out:
        batch += f" ({_count(plan.left_out, 'example')} left out, others in each epoch)"
    parts = [f"{_count(choice.epochs, 'epoch')} of {_count(plan.steps, 'step')}", batch]
    if choice.accumulate > 1:
        parts.append(f"{choice.accumulate} batches a step")
    if choice.label_smoothing:
        parts.append(f"label smoothing {choice.label_smoothing:g}")
    if choice.class_weights != "none":
        parts.append(f"class weights {choice.class_weights}")
    if choice.clip is not None:
        parts.append(f"gradients cut to {choice.clip:g}")
    if choice.average is not None:
        parts.append(f"averaged weights ({choice.average:g})")
    return ", ".join([*parts, f"seed {choice.seed}"])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _rate(config: Config) -> str:
    choice = config.training
    parts = [f"learning rate {choice.learning_rate or 0:g}", describe_choice(config.schedule)]
    if choice.warm_up:
        parts.append(f"warm-up over {choice.warm_up:g} epochs")
    if choice.layer_decay:
        parts.append(f"× {choice.layer_decay:g} a block towards the input")
    parts += [f"{pattern} × {rate:g}" for pattern, rate in config.learning_rates]
    return ", ".join(parts)
