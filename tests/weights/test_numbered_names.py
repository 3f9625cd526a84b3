"""Names that the language numbered are no evidence: files that use the same ones otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.weights.mapping import fit
from cnndsl.weights.opening import open_tensors
from tests.support import peers
from tests.weights.mapped import in_memory, net, output, values

LINES = "\n".join(["conv 3x3 8 p1 relu", *["conv 3x3 8 p1 relu"] * 3, "gap", "logits: fc 4"])
ORDERS = [
    ["conv1", "block.0", "block.2", "conv2", "fc"],
    ["block.0", "block.2", "conv1", "conv2", "fc"],
    ["conv2", "block.0", "conv1", "block.2", "fc"],
    ["a", "b", "conv1", "d", "logits"],
    ["conv1", "conv2", "conv3", "conv4", "fc"],
]


def renamed(names: list[str], seed: int = 0) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    network = net(LINES)
    ours = values(network, seed)
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in ours))
    theirs = dict(zip(layers, names, strict=True))
    file = {
        f"{theirs[n.rpartition('.')[0]]}.{n.rpartition('.')[2]}": array for n, array in ours.items()
    }
    return network, ours, file


@pytest.mark.parametrize("names", ORDERS, ids=" ".join)
@pytest.mark.parametrize("kind", ["PyTorch", "NumPy"])
def test_the_order_of_the_file_decides(kind: Any, names: list[str]) -> None:
    network, ours, arrays = renamed(names)
    mapping = fit(network, in_memory(arrays, kind))
    mapping.check()
    np.testing.assert_array_equal(output(network, mapping.arrays()), output(network, ours))


@pytest.mark.parametrize(
    ("names", "shown"),
    [(ORDERS[0], "is first"), (["conv1", "z.0", "z.2", "conv2", "fc"], "is first")],
)
def test_a_sorted_file_is_not_guessed(names: list[str], shown: str) -> None:
    network, _, arrays = renamed(names)
    mapping = fit(network, in_memory(dict(sorted(arrays.items())), "safetensors"))
    assert mapping.lacking
    assert shown in mapping.obstacle


def test_the_rest_isnt_taken_against_the_order() -> None:
    network, _, arrays = renamed(ORDERS[0])
    arrays["other.weight"] = np.zeros((9, 9, 3, 3), np.float32)  # so that nothing fits as a whole
    arrays = {n: arrays[n] for n in sorted(arrays, key=lambda n: n.startswith("fc"))}
    assert fit(network, in_memory(arrays, "PyTorch")).lacking


def test_labels_are_evidence_in_any_order() -> None:
    lines = "first: conv 3x3 8 p1\nsecond: conv 3x3 8 p1\nconv 3x3 8 p1\ngap\nfc 4"
    network = net(lines, "8@8x8")
    ours = values(network)
    order = ["second", "conv9", "first", "fc1"]
    theirs = {n.replace("conv1.", "conv9."): a for n, a in ours.items()}
    arrays = {n: theirs[n] for layer in order for n in theirs if n.startswith(f"{layer}.")}
    mapping = fit(network, in_memory(arrays, "PyTorch"))
    mapping.check()
    np.testing.assert_array_equal(output(network, mapping.arrays()), output(network, ours))


@pytest.mark.torch
def test_a_state_dict_answers_as_its_module(tmp_path: Path) -> None:
    torch = peers.torch()
    t = torch.nn

    class Sw(t.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = t.Conv2d(3, 8, 3, padding=1)
            self.block = t.Sequential(
                t.Conv2d(8, 8, 3, padding=1), t.ReLU(), t.Conv2d(8, 8, 3, padding=1), t.ReLU()
            )
            self.conv2 = t.Conv2d(8, 8, 3, padding=1)
            self.fc = t.Linear(8, 4)

        def forward(self, x: Any) -> Any:
            x = self.block(torch.relu(self.conv1(x)))
            return self.fc(torch.relu(self.conv2(x)).mean((2, 3)))

    torch.manual_seed(0)
    module, path = Sw(), tmp_path / "sw.pt"
    torch.save(module.state_dict(), path)
    network = net(LINES)
    mapping = fit(network, open_tensors(path))
    mapping.check()
    x = np.random.default_rng(9).standard_normal((2, 3, 8, 8)).astype(np.float32)
    expected = module(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(output(network, mapping.arrays()), expected, atol=1e-5)
