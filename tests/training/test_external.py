"""ONNX models that cnndsl did not write: gradients, statistics and dropout as torch has them."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import onnxruntime
import pytest

from cnndsl.lower.external import read_external
from cnndsl.network import LossTerm
from cnndsl.training.graphs import TrainingGraphs, build_external_training
from tests.support.external_models import close, feeds_for
from tests.support.gradients import Arrays, run_graph
from tests.support.peers import torch

pytestmark = pytest.mark.torch
BATCH = 4


def small_net() -> Any:
    nn = torch().nn
    torch().manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, groups=2),
        nn.GroupNorm(2, 8),
        nn.Hardswish(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(32, 5),
    )


def exported(model: Any, training: bool, dynamo: bool = False, opset: int = 18) -> bytes:
    """The model as ONNX with an open batch."""
    x = torch().zeros(2, 3, 12, 12)
    mode = torch().onnx.TrainingMode
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            pytest.importorskip("onnxscript")
            batch = torch().export.Dim("batch", min=1)
            model = model.train() if training else model.eval()
            program = torch().onnx.export(
                model, (x,), dynamo=True, dynamic_shapes=({0: batch},), verbose=False
            )
            return program.model_proto.SerializeToString()
        torch().onnx.export(
            model,
            (x,),
            file,
            dynamo=False,
            training=mode.TRAINING if training else mode.EVAL,
            do_constant_folding=not training,
            opset_version=opset,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
        )
    return file.getvalue()


@pytest.mark.parametrize("opset", [11, 13, 18])
def test_a_model_in_training_form(opset: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batch statistics, running averages, dropout by our noise."""
    model = small_net()
    external = read_external(exported(model, training=True, opset=opset))
    roles = [p.role for p in external.parameters.values()]
    assert roles.count("statistic") == 2
    graphs = build_external_training(external, BATCH)
    feeds = feeds_for(graphs, external.values)
    (noise,) = (torch().from_numpy(feeds[n]) for n in graphs.noises)
    monkeypatch.setattr(
        torch().nn.functional, "dropout", lambda x, p, *_: x * (noise >= p) / (1 - p)
    )
    results = run_graph(graphs, feeds)
    model.train()
    target = torch().from_numpy(feeds["target"])
    loss = torch().nn.functional.cross_entropy(model(torch().from_numpy(feeds["x"])), target)
    loss.backward()
    close(results["loss"], loss)
    parameters = dict(model.named_parameters())
    assert {*graphs.trained} == {*parameters} - {"0.bias"}  # a batch norm takes it away
    for name in graphs.trained:
        close(results[f"grad/{name}"], parameters[name].grad)
    for name in graphs.statistics:
        close(results[f"next/{name}"], dict(model.named_buffers())[name])


@pytest.mark.parametrize("dynamo", [False, True])
def test_a_model_at_inference(dynamo: bool) -> None:
    """Exporters fold batch norms into convolutions and leave dropout out; the rest is trained."""
    model = small_net().eval()
    external = read_external(exported(model, training=False, dynamo=dynamo))
    graphs = build_external_training(external, BATCH)
    feeds = feeds_for(graphs, external.values)
    results = run_graph(graphs, feeds)
    (entry,) = graphs.inputs
    y = model(torch().from_numpy(feeds[entry]))
    loss = torch().nn.functional.cross_entropy(y, torch().from_numpy(feeds["target"]))
    loss.backward()
    close(results["loss"], loss)
    last = [n for n in graphs.trained if graphs.parameters[n].shape == (5, 32)]
    close(results[f"grad/{last[0]}"], model[-1].weight.grad)
    session = onnxruntime.InferenceSession(
        graphs.evaluation_bytes(), providers=["CPUExecutionProvider"]
    )
    for count in (1, 3):
        few = feeds | {entry: feeds[entry][:count], "target": feeds["target"][:count]}
        names = {i.name for i in session.get_inputs()}
        (output, *_) = session.run(None, {n: a for n, a in few.items() if n in names})
        close(output, y[:count])


def test_frozen_layers() -> None:
    external = read_external(exported(small_net(), training=True))
    graphs = build_external_training(external, BATCH, trainable=lambda n: n.startswith("10."))
    assert graphs.trained == ("10.weight", "10.bias")
    assert not graphs.statistics and not graphs.noises


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["mobilenet_v3_small", "resnet18", "squeezenet1_1", "shufflenet_v2_x0_5"]
)
def test_torchvisions_nets(name: str) -> None:
    from tests.support.peers import torchvision

    torch().manual_seed(0)
    model = getattr(torchvision().models, name)(num_classes=5)
    x = torch().randn(BATCH, 3, 64, 64)
    model.train()
    for module in model.modules():  # nothing random in this comparison
        if isinstance(module, torch().nn.Dropout):
            module.p = 0.0
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch().onnx.export(
            model,
            (x,),
            file,
            dynamo=False,
            training=torch().onnx.TrainingMode.TRAINING,
            do_constant_folding=False,
            opset_version=17,
            dynamic_axes={"x": {0: "n"}},
            input_names=["x"],
        )
    external = read_external(file.getvalue())
    graphs = build_external_training(external, BATCH)
    draws = (_agrees(model, graphs, feeds_for(graphs, external.values, n)) for n in range(3))
    assert any(draws)  # rounding may send a relu the other way: not three times


def _agrees(model: Any, graphs: TrainingGraphs, feeds: Arrays) -> bool:
    results = run_graph(graphs, feeds)
    exact, rounded = (_gradients(model, feeds, kind, graphs) for kind in ("float64", "float32"))
    ours, own = (
        [np.abs(g[n] - exact[n]).max() / max(np.abs(exact[n]).max(), 1e-4) for n in exact]
        for g in ({n: results[f"grad/{n}"] for n in exact}, rounded)
    )
    return np.median(ours) < 1e-4 and max(ours) < max(1e-4, 4 * max(own))


def _gradients(model: Any, feeds: Arrays, kind: str, graphs: TrainingGraphs) -> Arrays:
    """By torch, in that type."""
    number = getattr(torch(), kind)
    model.load_state_dict(
        {n: torch().from_numpy(feeds[n].copy()) for n in model.state_dict() if n in feeds},
        strict=False,
    )
    model.to(number).zero_grad()
    y = model(torch().from_numpy(feeds["x"]).to(number))
    torch().nn.functional.cross_entropy(y, torch().from_numpy(feeds["target"])).backward()
    parameters = dict(model.named_parameters())
    return {n: parameters[n].grad.numpy().copy() for n in graphs.trained}


def test_a_loss_over_numbers() -> None:
    term = LossTerm(coefficient=1.0, function="mse", arguments=("y", "target"))
    external = read_external(exported(small_net(), training=False))
    graphs = build_external_training(external, BATCH, loss=[term])
    assert graphs.targets["target"].type == "float32"
    assert graphs.classes == 0
