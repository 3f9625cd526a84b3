"""Gradients of a training graph beside torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

from cnndsl.network import Network, Step
from cnndsl.training.graphs import TrainingGraphs
from cnndsl.training.losses import TARGET_WEIGHT
from tests.support import torch_words as torch_words  # fills in the words
from tests.support.peers import torch
from tests.support.torch_interpreter import Run

Arrays = dict[str, np.ndarray[Any, Any]]


def feeds_for(graphs: TrainingGraphs, seed: int = 0) -> Arrays:
    """Random parameters, inputs, noise and targets; signals stay alive, variances positive."""
    random = np.random.default_rng(seed)
    feeds: Arrays = {}
    for name, p in graphs.parameters.items():
        if p.role == "weight":
            values = random.standard_normal(p.shape) * np.sqrt(2 / p.fan_in)
        elif p.role == "norm" or name.endswith("running_var"):
            values = random.uniform(0.5, 1.5, p.shape)
        else:
            values = random.uniform(-0.1, 0.1, p.shape)
        feeds[name] = values.astype(np.float32)
    for name, slot in graphs.inputs.items():
        feeds[name] = random.random(slot.shape, np.float32)
    for name, noise in graphs.noises.items():
        draw = random.random if noise.kind == "uniform" else random.standard_normal
        feeds[name] = draw(noise.shape).astype(np.float32)
    for name, slot in graphs.targets.items():
        if slot.type == "int64":
            feeds[name] = random.integers(0, graphs.classes, slot.shape)
        else:
            feeds[name] = random.random(slot.shape, np.float32)
    if graphs.class_weights:
        total = np.asarray(graphs.class_weights)[feeds["target"].astype(int)].sum()
        feeds[TARGET_WEIGHT] = np.asarray(total, np.float32)
    return feeds


def run_graph(graphs: TrainingGraphs, feeds: Arrays) -> Arrays:
    """Every output of the gradient graph by its name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        graphs.grad_bytes(), options, providers=["CPUExecutionProvider"]
    )
    names = [o.name for o in session.get_outputs()]
    wanted = {i.name for i in session.get_inputs()}
    results = session.run(names, {k: v for k, v in feeds.items() if k in wanted})
    return dict(zip(names, results, strict=True))


def objective(network: Network) -> Callable[[Any, dict[str, Any], dict[str, Any]], Any]:
    """The net's own loss, in torch's functions."""

    def loss(f: Any, values: dict[str, Any], feeds: dict[str, Any]) -> Any:
        if not network.loss:
            return f.cross_entropy(values[network.outputs[0]], feeds["target"])
        bound = any(term.function == "kl" for term in network.loss)
        total = 0
        for term in network.loss:
            a, b = (*(values[name] for name in term.arguments), None)[:2]
            match term.function:
                case "cross_entropy":
                    part = f.cross_entropy(a, feeds["target"])
                case "mse":
                    part = f.mse_loss(a, b)
                case "bce" if bound:
                    part = f.binary_cross_entropy(a, b, reduction="sum") / a.shape[0]
                case "kl":
                    part = -0.5 * (1 + b - a**2 - b.exp()).sum() / a.shape[0]
                case other:
                    raise NotImplementedError(other)
            total = total + term.coefficient * part
        return total

    return loss


def torch_gradients(
    network: Network,
    graphs: TrainingGraphs,
    feeds: Arrays,
    loss: Callable[[Any, dict[str, Any], dict[str, Any]], Any],
    frozen: Callable[[Step], bool] = lambda step: False,
    double: bool = True,
) -> Arrays:
    """The outputs of the same names by torch, whose `loss(functional, values, feeds)` is given.

    In float64 by default, so that the differences are those of our rounding alone.
    """
    module = torch()
    tensors = {
        name: module.from_numpy(a).to(
            module.int64 if a.dtype == np.int64 else module.float64 if double else module.float32
        )
        for name, a in feeds.items()
    }
    for name in graphs.trained:
        tensors[name].requires_grad_()
    run = Run(module, network, tensors, {n: tensors[n] for n in graphs.noises}, frozen)
    values = run({n: tensors[n] for n in graphs.inputs})
    total = loss(module.nn.functional, values, tensors)
    total.backward()
    results = {"loss": total.detach().numpy()}
    results |= {f"grad/{n}": tensors[n].grad.numpy() for n in graphs.trained}
    results |= {f"next/{n}": a.detach().numpy() for n, a in run.statistics.items()}
    return results


def worst(ours: Arrays, theirs: Arrays) -> dict[str, float]:
    """The largest difference in each output, in parts of the largest value in it.

    Gradients that are nothing but rounding (of a bias that a batch norm takes away) count in parts
    of a thousandth of the median gradient.
    """
    assert {n for n in ours if "/" in n} == {n for n in theirs if "/" in n}
    sizes = {n: float(np.abs(a).max()) for n, a in theirs.items()}
    median = float(np.median([s for n, s in sizes.items() if n.startswith("grad/")]))
    least = max(1e-3 * median, 1e-6)
    return {n: float(np.abs(ours[n] - theirs[n]).max()) / max(sizes[n], least) for n in theirs}
