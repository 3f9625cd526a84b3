"""torchvision's weights put under our names, by the order of definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnndsl.layers.base import Parameter
from cnndsl.lower import lower
from cnndsl.network import Network

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


def by_order(network: Network, model: Any) -> Arrays:
    """Every parameter of the inference graph with torchvision's tensor of the same rank in order.

    torchvision's training heads (`aux…`) are left out. Shapes must agree (1x1 kernels stand for
    dense layers in either).
    """
    theirs = [
        (name, tensor.detach().numpy())
        for name, tensor in model.state_dict().items()
        if "num_batches_tracked" not in name and not name.lower().startswith("aux")
    ]
    ours = in_order(network)
    assert len(ours) == len(theirs), (len(ours), len(theirs))
    arrays: Arrays = {}
    for (name, parameter), (their_name, array) in zip(ours.items(), theirs, strict=True):
        assert parameter.size == array.size, (name, parameter.shape, their_name, array.shape)
        arrays[name] = array.reshape(parameter.shape)
    return arrays


def in_order(network: Network) -> dict[str, Parameter]:
    """The parameters in the order of the layers' definition."""
    return lower(network).parameters
