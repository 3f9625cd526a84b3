"""A net of one dense layer with its training graphs written by hand: to try the loop alone.

x (B×4), less its running mean, with uniform noise on top → logits (B×3) → cross-entropy.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from cnndsl.layers.base import Role
from cnndsl.training.groups import Rates, arrange, rate_of
from cnndsl.training.noise import NoiseKind
from cnndsl.training.optimisers import Optimiser, Sgd
from cnndsl.training.state import Weights
from cnndsl.training.train_step import StepSettings, TrainStep

Float = NDArray[np.float32]

BATCH, FEATURES, CLASSES = 8, 4, 3
SHAPES = {"fc.weight": (CLASSES, FEATURES), "fc.bias": (CLASSES,)}
ROLES: dict[str, Role] = {"fc.weight": "weight", "fc.bias": "bias"}
STATISTICS = {"norm.running_mean": (FEATURES,)}
NOISE: dict[str, NoiseKind] = {"drop.noise": "uniform"}


def gradient_model() -> bytes:
    """The step: loss, hits, gradients, and the next running mean."""
    constants = {
        "ninth": np.float32(0.9),
        "tenth": np.float32(0.1),
        "one": np.float32(1),
        "scale": np.float32(1 / BATCH),
        "on_off": np.array([0, 1], np.float32),
        "classes": np.int64(CLASSES),
        "axis0": np.array([0]),
        "axis1": np.array([1]),
    }
    nodes = [
        ("Sub", "x norm.running_mean", "centred", {}),
        ("Add", "centred drop.noise", "noisy", {}),
        ("Gemm", "noisy fc.weight fc.bias", "logits", {"transB": 1}),
        ("LogSoftmax", "logits", "logs", {"axis": 1}),
        ("OneHot", "target classes on_off", "hot", {}),
        ("Mul", "logs hot", "chosen", {}),
        ("ReduceSum", "chosen", "total", {"keepdims": 0}),
        ("Mul", "total scale", "mean", {}),
        ("Neg", "mean", "loss", {}),
        ("ArgMax", "logits", "best", {"axis": 1, "keepdims": 0}),
        ("Equal", "best target", "hits", {}),
        ("Cast", "hits", "counts", {"to": TensorProto.INT64}),
        ("ReduceSum", "counts", "correct", {"keepdims": 0}),
        ("Exp", "logs", "probabilities", {}),
        ("Sub", "probabilities hot", "error", {}),
        ("Mul", "error scale", "dlogits", {}),
        ("Gemm", "dlogits noisy", "grad/fc.weight", {"transA": 1}),
        ("ReduceSum", "dlogits axis0", "grad/fc.bias", {"keepdims": 0}),
        ("ReduceMean", "x axis0", "batch_mean", {"keepdims": 0}),
        ("Mul", "batch_mean tenth", "new", {}),
        ("Mul", "norm.running_mean ninth", "old", {}),
        ("Add", "new old", "next/norm.running_mean", {}),
    ]
    inputs = {"x": (BATCH, FEATURES), "drop.noise": (BATCH, FEATURES), **SHAPES, **STATISTICS}
    floats = {
        "loss": (),
        **{f"grad/{n}": s for n, s in SHAPES.items()},
        **{f"next/{n}": s for n, s in STATISTICS.items()},
    }
    graph = helper.make_graph(
        [helper.make_node(op, i.split(), [o], **a) for op, i, o, a in nodes],
        "toy",
        [
            helper.make_tensor_value_info("target", TensorProto.INT64, [BATCH]),
            *(helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()),
        ],
        [
            helper.make_tensor_value_info("correct", TensorProto.INT64, []),
            *(helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in floats.items()),
        ],
        [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return model.SerializeToString()


def start() -> dict[str, Float]:
    """Initial weights."""
    rng = np.random.default_rng(5)
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
    return weights | {name: np.zeros(shape, np.float32) for name, shape in STATISTICS.items()}


def batch(number: int) -> dict[str, NDArray[np.generic]]:
    """A batch whose classes can be told apart."""
    rng = np.random.default_rng(number)
    target = rng.integers(0, CLASSES, BATCH)
    x = rng.normal(0, 0.3, (BATCH, FEATURES)) + np.eye(CLASSES, FEATURES)[target]
    return {"x": x.astype(np.float32), "target": target}


def train_step(
    settings: StepSettings | None = None, optimiser: Optimiser | None = None, rates: Rates = ()
) -> TrainStep:
    """A train step at the initial weights."""
    settings = settings or StepSettings(seed=3)
    optimiser = optimiser or Sgd(weight_decay=1e-2)
    layout, groups = arrange(
        SHAPES, ROLES, lambda name: rate_of(name, rates), optimiser.weight_decay
    )
    weights = Weights(layout, {}, STATISTICS)
    weights.write(start())
    return TrainStep(gradient_model(), NOISE, weights, groups, optimiser, settings)
