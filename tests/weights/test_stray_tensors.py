"""Tensors beside a model's state, or among its layers' tensors, that are no layer's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.weights.mapping import fit
from cnndsl.weights.opening import open_tensors
from tests.support import peers
from tests.weights.mapped import net, output

LINES = "conv 3x3 8 p1 bn relu\nconv 3x3 16 s2 p1 bn relu\ngap\nlogits: fc 5"


def module(torch: Any) -> Any:
    t = torch.nn
    torch.manual_seed(0)
    made = t.Sequential()
    for name, layer in [
        ("conv1", t.Conv2d(3, 8, 3, padding=1, bias=False)),
        ("bn1", t.BatchNorm2d(8)),
        ("relu", t.ReLU()),
        ("conv2", t.Conv2d(8, 16, 3, 2, padding=1, bias=False)),
        ("bn2", t.BatchNorm2d(16)),
        ("relu2", t.ReLU()),
        ("pool", t.AdaptiveAvgPool2d(1)),
        ("flat", t.Flatten()),
        ("fc", t.Linear(16, 5)),
    ]:
        made.add_module(name, layer)
    made(torch.randn(4, 3, 8, 8))  # statistics that are no longer 0 and 1
    return made.eval()


def profiled(torch: Any, state: dict[str, Any]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    for name in ("", *(f"{n.rpartition('.')[0]}." for n in state)):
        counts |= {f"{name}total_ops": torch.zeros(1, dtype=torch.float64)}
        counts |= {f"{name}total_params": torch.zeros(1, dtype=torch.float64)}
    return counts | state


def wrapped(state: dict[str, Any]) -> dict[str, Any]:
    return {f"module.{name}": tensor for name, tensor in state.items()}


FORMS: dict[str, tuple[Any, list[str]]] = {
    "best_acc1": (
        lambda t, s: {"epoch": 3, "state_dict": wrapped(s), "best_acc1": t.tensor(7.0)},
        ["best_acc1"],
    ),
    "several": (
        lambda t, s: {
            "loss": t.tensor(0.5),
            "rng_state": t.zeros(5056, dtype=t.uint8),
            "class_weights": t.ones(5),
            "mean": t.zeros(3),
            "model": s,
            "optimizer": {"state": {0: {"exp_avg": t.zeros(8, 3, 3, 3)}}},
        },
        ["loss", "rng_state", "class_weights", "mean", "optimizer"],
    ),
    "profiled": (profiled, ["total_ops", "total_params"]),
    "profiled in a checkpoint": (
        lambda t, s: {"state_dict": profiled(t, wrapped(s)), "acc": t.tensor(1.0)},
        ["acc", "total_ops", "total_params"],
    ),
    "averaged": (lambda t, s: {"n_averaged": t.tensor(9), **wrapped(s)}, ["n_averaged"]),
    "pictures": (
        lambda t, s: {"pixel_mean": t.zeros(3, 1, 1), "pixel_std": t.ones(3, 1, 1), **s},
        ["pixel_mean", "pixel_std"],
    ),
    "observed": (
        lambda t, s: {
            "conv1.fq.scale": t.ones(1),
            "conv1.fq.zero_point": t.zeros(1, dtype=t.int32),
            "conv1.fq.observer_enabled": t.ones(1, dtype=t.uint8),
            **s,
        },
        ["scale", "zero_point", "observer_enabled"],
    ),
}


@pytest.mark.torch
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", ["same", "other"])
def test_other_tensors_are_left_aside_with_a_word(tmp_path: Path, form: str, names: str) -> None:
    torch = peers.torch()
    model, (build, said) = module(torch), FORMS[form]
    state = dict(model.state_dict())
    if names == "other":
        state = {name.replace("conv", "c_").replace("bn", "n_"): t for name, t in state.items()}
    torch.save(build(torch, state), path := tmp_path / "w.pt")
    network = net(LINES)
    mapping = fit(network, open_tensors(path))
    mapping.check()
    assert not list(mapping.of("unused"))
    for word in said:
        assert any(f"`{word}`" in note for note in mapping.notes), (word, mapping.notes)
    x = np.random.default_rng(9).standard_normal((2, 3, 8, 8)).astype(np.float32)
    expected = model(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(output(network, mapping.arrays()), expected, atol=1e-5)


@pytest.mark.torch
def test_tensors_as_many_as_in_a_part_are_the_model_itself(tmp_path: Path) -> None:
    torch = peers.torch()
    state = {"net": {"w": torch.ones(2)}, "a": torch.ones(2), "b": torch.ones(2)}
    torch.save(state, path := tmp_path / "w.pt")
    assert list(open_tensors(path).tensors) == ["net.w", "a", "b"]
