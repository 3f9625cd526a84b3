"""Steps of cnndsl: `… cnndsl_steps NET THREADS`; `steps` says what it answers.

A step is what `cnndsl train` does for one, on the same random batch again and again.
"""

import sys

import numpy as np

from benchmarks.peers.steps import serve
from benchmarks.training_nets import LEARNING_RATE, NETS, WEIGHT_DECAY
from cnndsl import specs
from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.shape import Shape
from cnndsl.training.adapters import SpecAdapter, spec_adapter
from cnndsl.training.graphs import build_training
from cnndsl.training.groups import arrange
from cnndsl.training.optimisers import Adamw
from cnndsl.training.state import Weights
from cnndsl.training.train_step import StepSettings, TrainStep


def subject(name: str) -> SpecAdapter:
    """The zoo's net for pictures of that size."""
    source, trained = specs.find(name), NETS[name]
    (entry,) = specs.load(source)[0].inputs
    shape = Shape(trained.channels, (trained.size, trained.size))
    return spec_adapter(specs.load(source, {}, {entry.name: shape})[0], source.text)


def train_step(name: str, threads: int) -> TrainStep:
    """Its training, with weights at their start."""
    net = subject(name)
    graphs = build_training(net.network, NETS[name].batch, planner=Planner(threads=threads))
    shapes = {name: p.shape for name, p in graphs.parameters.items()}
    layout, groups = arrange(
        {name: shapes[name] for name in graphs.trained},
        {name: p.role for name, p in graphs.parameters.items()},
        weight_decay=WEIGHT_DECAY,
    )
    changing = {*graphs.trained, *graphs.statistics}
    weights = Weights(
        layout,
        {name: shape for name, shape in shapes.items() if name not in changing},
        {name: shapes[name] for name in graphs.statistics},
    )
    weights.write(net.start("auto", 0))
    noise = {name: noise.kind for name, noise in graphs.noises.items()}
    optimiser = Adamw(weight_decay=WEIGHT_DECAY)
    settings = StepSettings(threads=threads)
    return TrainStep(graphs.grad_bytes(), noise, weights, groups, optimiser, settings)


def main(name: str, threads: int) -> None:
    """Build the step, and do it on demand."""
    trained, random = NETS[name], np.random.default_rng(0)
    does, numbers = train_step(name, threads), iter(range(sys.maxsize))
    pictures = random.standard_normal(trained.pictures, dtype=np.float32)
    classes = random.integers(0, trained.classes, trained.batch)
    batch = {name: classes if "target" in name else pictures for name in does.batch}
    serve(lambda: does.step([batch], LEARNING_RATE, next(numbers))["loss"])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
