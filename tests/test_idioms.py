"""What docs/from_keras_and_torch.md puts side by side is the same, weight for weight.

The page's PyTorch code runs in a process of its own, with random weights; our side computes with
the same ones.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cnndsl.lower import lower
from cnndsl.source import Source
from cnndsl.specs import load
from docs.pages import ROOT, blocks, spec
from tests.support import peers
from tests.support.run_layer import run_network

PAGE = ROOT / "docs" / "from_keras_and_torch.md"

SCRIPT = """\
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
arrays = {}

def compare(number, shape, idiom):
    x, y = torch.randn(2, *shape), torch.randn(2, *shape)
    result = idiom(x, y)
    weights = []
    if isinstance(result, tuple):
        model = nn.Sequential(*result).eval()
        for name, tensor in model.state_dict().items():
            if "num_batches" not in name:
                torch.nn.init.uniform_(tensor, *((0.5, 1.5) if "var" in name else (-0.1, 0.1)))
                weights.append(tensor)
        with torch.inference_mode():
            result = model(x)
    for name, tensor in (("x", x), ("y", y), ("result", result), *enumerate(weights)):
        arrays[f"{number}/{name}"] = tensor.numpy()

"""


@dataclass(frozen=True, slots=True)
class Idiom:
    """Our line or lines, and PyTorch's modules or expression of x and y."""

    shape: str
    torch: str
    ours: str

    @property
    def sizes(self) -> list[int]:
        return [int(n) for n in re.findall(r"\d+", self.shape)]

    @property
    def spec(self) -> str:
        return f"cnndsl 1\ninput y {self.shape}\ninput x {self.shape}\n{self.ours}\n"


def idioms() -> list[Idiom]:
    """The rows of the page's tables that have code in all columns that matter, and its block."""
    found: list[Idiom] = []
    shape = ""
    for line in PAGE.read_text(encoding="utf-8").split("\n"):
        cells = [cell.strip(" |") for cell in line.split(" | ")]
        if len(cells) != 3:
            continue
        if cells[0] == "Keras":
            given = re.search(r"`(.*@.*)`", cells[2])
            shape = given[1] if given else "64@56x56"
        elif cells[1].startswith("`"):
            found.append(Idiom(shape, cells[1].strip("`"), cells[2].strip("`")))
    ours = spec(next(block for block in blocks(PAGE, "cnn") if "residual" in block.text))
    block = "Block(64, 128, 2), Block(128, 128, 1)"
    return [*found, Idiom("64@56x56", block, ours.split("\n", 2)[2])]


def script() -> str:
    """What computes PyTorch's side of all idioms, and saves it."""
    definitions = "".join(b.text for b in blocks(PAGE, "python"))
    calls: list[str] = []
    for number, idiom in enumerate(idioms()):
        modules = re.match(r"nn\.|Block", idiom.torch)
        code = f"({idiom.torch},)" if modules else idiom.torch
        calls.append(f"compare({number}, {idiom.sizes}, lambda x, y: {code})\n")
    return SCRIPT + definitions + "".join(calls) + 'np.savez("arrays.npz", **arrays)\n'


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Inputs, weights and results of PyTorch's side."""
    peers.torch()
    folder: Path = tmp_path_factory.mktemp("idioms")
    subprocess.run([sys.executable, "-c", script()], cwd=folder, check=True)
    with np.load(folder / "arrays.npz") as file:
        return dict(file)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("number", "idiom"), list(enumerate(idioms())), ids=[i.ours.split("\n")[0] for i in idioms()]
)
def test_idioms_compute_the_same(number: int, idiom: Idiom, arrays: dict[str, np.ndarray]) -> None:
    network, _ = load(Source("idiom.cnn", idiom.spec))
    names = list(lower(network).parameters)
    weights = {name: arrays[f"{number}/{i}"] for i, name in enumerate(names)}
    assert f"{number}/{len(names)}" not in arrays, "PyTorch's side has more parameters"
    feeds = {name: arrays[f"{number}/{name}"] for name in ("x", "y")}
    (result,) = run_network(network, feeds, weights)
    expected = arrays[f"{number}/result"]
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_the_tables_are_read() -> None:
    assert len(idioms()) > 50
