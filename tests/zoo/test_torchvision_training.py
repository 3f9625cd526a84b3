"""The zoo's training beside torchvision's nets: loss, gradients and running statistics.

Both get the same weights, batch and noise; torchvision's dropout is given ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cnndsl.training.graphs import TrainingGraphs, build_training
from tests.support import peers
from tests.support.gradients import Arrays, feeds_for, run_graph, worst
from tests.zoo.small import small

pytestmark = [pytest.mark.torch, pytest.mark.slow]
BATCH = 2
NETS = {
    "alexnet_tv": ("alexnet", 224),
    "googlenet_tv": ("googlenet", 96),
    "inception_v3": ("inception_v3", 299),
    "mobilenet_v2": ("mobilenet_v2", 64),
    "resnet18": ("resnet18", 64),
    "resnet50": ("resnet50", 64),
    "resnext50_32x4d": ("resnext50_32x4d", 64),
    "squeezenet1_1": ("squeezenet1_1", 64),
}
"""Our name → torchvision's, and the size of the input."""


@pytest.mark.parametrize("name", NETS)
def test_gradients_are_torchvisions(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, size = NETS[name]
    graphs = build_training(small(name, size), BATCH)
    model = _model(theirs, graphs.classes)
    feeds = feeds_for(graphs)
    names = _names(graphs, model)
    _load(model, names, feeds)
    _feed_dropout(monkeypatch, [feeds[n] for n in graphs.noises], graphs)
    exact = _run(model, names, feeds, graphs)
    errors = worst(run_graph(graphs, feeds), exact)
    model.float()
    _load(model, names, feeds)
    _feed_dropout(monkeypatch, [feeds[n] for n in graphs.noises], graphs)
    rounded = worst(_run(model, names, feeds, graphs), exact)
    assert max(errors.values()) < max(1e-4, 4 * max(rounded.values()))
    assert np.median([*errors.values()]) < 1e-4


def _model(name: str, classes: int) -> Any:
    keywords: dict[str, Any] = {"weights": None, "num_classes": classes}
    if name in ("googlenet", "inception_v3"):
        keywords |= {"init_weights": False, "aux_logits": True}
    return getattr(peers.torchvision().models, name)(**keywords).double().train()


def _names(graphs: TrainingGraphs, model: Any) -> dict[str, str]:
    """Our names of torchvision's, by the order of definition; heads may stand elsewhere."""
    ours = [*graphs.parameters]
    theirs = [n for n in model.state_dict() if "num_batches_tracked" not in n]
    return dict(zip(_heads_last(theirs), _heads_last(ours), strict=True))


def _heads_last(names: list[str]) -> list[str]:
    return sorted(names, key=lambda n: n.lower().startswith("aux"))


def _load(model: Any, names: dict[str, str], feeds: Arrays) -> None:
    with peers.torch().no_grad():
        for theirs, tensor in model.state_dict().items():
            if theirs in names:
                values = peers.torch().from_numpy(feeds[names[theirs]])
                tensor.copy_(values.reshape(tensor.shape))


def _feed_dropout(
    monkeypatch: pytest.MonkeyPatch, noises: list[np.ndarray[Any, Any]], graphs: TrainingGraphs
) -> None:
    """torch's dropout takes our noise, in the order of the forward pass."""
    queue: Iterator[Any] = iter(noises)

    def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        noise = peers.torch().from_numpy(next(queue)).reshape(x.shape)
        return x * (noise >= p) / (1 - p)

    monkeypatch.setattr(peers.torch().nn.functional, "dropout", dropout)


def _run(model: Any, names: dict[str, str], feeds: Arrays, graphs: TrainingGraphs) -> Arrays:
    """Loss, gradients and statistics by our names."""
    torch = peers.torch()
    (entry,) = graphs.inputs
    kind = next(model.parameters()).dtype
    target = torch.from_numpy(feeds["target"])
    model.zero_grad()
    outputs = model(torch.from_numpy(feeds[entry]).to(kind))
    function = torch.nn.functional.cross_entropy
    if hasattr(outputs, "logits"):
        weight = 0.3 if hasattr(outputs, "aux_logits2") else 0.4
        loss = function(outputs.logits, target)
        for head in outputs[1:]:
            loss = loss + weight * function(head, target)
    else:
        loss = function(outputs, target)
    loss.backward()
    results: Arrays = {"loss": loss.detach().numpy()}
    for theirs, parameter in model.named_parameters():
        ours = names[theirs]
        if ours in graphs.trained:
            results[f"grad/{ours}"] = parameter.grad.numpy().reshape(feeds[ours].shape).copy()
    for theirs, tensor in model.state_dict().items():
        if names.get(theirs) in graphs.statistics:
            results[f"next/{names[theirs]}"] = tensor.numpy().copy()
    return results
