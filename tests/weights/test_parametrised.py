"""Weights that PyTorch computes from other tensors, against the layers that compute them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.weights.mapping import fit
from cnndsl.weights.opening import open_tensors
from cnndsl.weights.writing import write_safetensors
from tests.support import peers
from tests.weights.mapped import in_memory, net, output

LINES = "conv 3x3 6 p1 relu\ndeconv 3x3 6 p1 relu\nconv 3x3 4 p1\nfc 5"


def model(torch: Any, wrap: Callable[[Any], Any]) -> Any:
    """A net with square layers, transposed or not, where an axis may be mistaken."""
    t = torch.nn
    torch.manual_seed(0)
    made = t.Sequential(
        wrap(t.Conv2d(6, 6, 3, padding=1)),
        t.ReLU(),
        wrap(t.ConvTranspose2d(6, 6, 3, padding=1)),
        t.ReLU(),
        wrap(t.Conv2d(6, 4, 3, padding=1)),
        t.Flatten(),
        wrap(t.Linear(256, 5)),
    )
    for _ in range(9):  # power iterations take place in training alone
        made(torch.randn(2, 6, 8, 8))
    with torch.no_grad():
        for parameter in made.parameters():
            if not bool(((parameter == 0) | (parameter == 1)).all()):
                parameter.mul_(1 + 0.1 * torch.rand_like(parameter))
    made.eval()
    made(torch.randn(2, 6, 8, 8))  # hooks on hooks give their values one call later
    return made


def _pruned(torch: Any, layer: Any, name: str = "weight") -> Any:
    prune = import_module(f"{torch.__name__}.nn.utils.prune")
    prune.l1_unstructured(layer, name, 0.4)
    return prune.random_unstructured(layer, "bias", 0.5)


WRAPS: dict[str, Callable[[Any], Callable[[Any], Any]]] = {
    "weight_norm": lambda torch: torch.nn.utils.weight_norm,
    "weight_norm of an axis": lambda torch: lambda layer: torch.nn.utils.weight_norm(layer, dim=1),
    "weight_norm of all": lambda torch: lambda layer: torch.nn.utils.weight_norm(layer, dim=None),
    "weight_norm as parametrisation": lambda torch: torch.nn.utils.parametrizations.weight_norm,
    "spectral_norm": lambda torch: torch.nn.utils.spectral_norm,
    "spectral_norm as parametrisation": lambda torch: torch.nn.utils.parametrizations.spectral_norm,
    "prune": lambda torch: lambda layer: _pruned(torch, layer),
    "weight_norm, then prune": lambda torch: (
        lambda layer: _pruned(torch, torch.nn.utils.weight_norm(layer), "weight_v")
    ),
}


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("way", WRAPS)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_they_are_computed_as_the_layer_does(tmp_path: Path, way: str, suffix: str) -> None:
    torch = peers.torch()
    made = model(torch, WRAPS[way](torch))
    torch.save(made.state_dict(), path := tmp_path / "w.pt")
    if suffix == ".safetensors":  # sorted by names
        arrays = {n: made.state_dict()[n].numpy() for n in sorted(made.state_dict())}
        write_safetensors(path := tmp_path / "w.safetensors", in_memory(arrays).tensors.values())
    file, network = open_tensors(path), net(LINES, "6@8x8")
    assert [name.rpartition(".")[2] for name in sorted(file.tensors)] == ["bias", "weight"] * 4
    assert any(
        f"computed as PyTorch's {way.split(' ')[0].rstrip(',')} does" in note for note in file.notes
    )
    mapping = fit(network, file)
    mapping.check()
    x = np.random.default_rng(9).standard_normal((2, 6, 8, 8)).astype(np.float32)
    expected = made(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(output(network, mapping.arrays()), expected, atol=1e-5)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_an_axis_that_nothing_tells_is_not_guessed(tmp_path: Path) -> None:
    torch = peers.torch()
    torch.manual_seed(0)
    layer = torch.nn.utils.spectral_norm(torch.nn.ConvTranspose2d(32, 32, 1))  # never trained
    torch.save({f"conv.{n}": t for n, t in layer.state_dict().items()}, path := tmp_path / "w.pt")
    tensor = open_tensors(path).tensors["conv.weight"]
    with pytest.raises(UsageError, match="don't tell along which axis"):
        tensor.read()


@pytest.mark.torch
def test_another_parametrisation_is_named(tmp_path: Path) -> None:
    torch = peers.torch()
    layer = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(4, 4))
    torch.save({f"fc.{n}": t for n, t in layer.state_dict().items()}, path := tmp_path / "w.pt")
    mapping = fit(net("fc 4", "@4"), open_tensors(path))
    assert [e.parameter for e in mapping.lacking] == ["fc1.weight", "fc1.bias"]
    assert any("remove_parametrizations" in note for note in mapping.notes)
