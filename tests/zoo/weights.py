"""torchvision's and timm's weights put under our names, by the product's own mapping."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Table
from pathlib import Path
from typing import Any

import numpy as np

from cnndsl.network import Network
from cnndsl.weights.mapping import Mapping, fit
from cnndsl.weights.tensors import FileFormat, Tensor, TensorFile

Arrays = dict[str, np.ndarray[Any, Any]]


def randomise(torch: Any, model: Any, seed: int = 0) -> None:
    """Random batch norm statistics and biases on top of the model's own random weights.

    Without batch norm the own weights let signals die away, so there they are drawn by He's rule.
    """
    generator = torch.Generator().manual_seed(seed)

    def uniform(tensor: Any, low: float, high: float) -> None:
        tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)

    normed = any(name.endswith("running_var") for name in model.state_dict())
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            if name.endswith("running_var"):
                uniform(tensor, 0.5, 1.5)
            elif tensor.ndim >= 2:
                if not normed:
                    bound = (6 / tensor[0].numel()) ** 0.5
                    uniform(tensor, -bound, bound)
            elif name.endswith(("running_mean", "bias")):
                uniform(tensor, -0.1, 0.1)
            else:
                uniform(tensor, 0.5, 1.5)
    model.eval()


def in_memory(state: Table[str, Any], file_format: FileFormat = "PyTorch") -> TensorFile:
    """A state dict as its file would be opened; on torch's meta device its shapes alone.

    safetensors are sorted by name, as the library that writes them does.
    """
    names = sorted(state) if file_format == "safetensors" else list(state)
    tensors = {n: Tensor(n, tuple(state[n].shape), "float32", _read(state[n])) for n in names}
    return TensorFile(Path("model"), file_format, tensors)


def _read(tensor: Any) -> Callable[[], Any]:
    return lambda: tensor.numpy()


def mapped(network: Network, model: Any, **options: Any) -> Mapping:
    """Where a model's tensors go; every one has a place."""
    mapping = fit(network, in_memory(model.state_dict()), **options)
    assert not mapping.lacking, (mapping.lacking[:3], mapping.notes)
    return mapping


def arrays(network: Network, model: Any) -> Arrays:
    """Every parameter of the inference graph."""
    return {**mapped(network, model).arrays()}
