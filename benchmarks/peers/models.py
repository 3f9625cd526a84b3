"""torchvision's nets by name, with random weights, ready for inference."""

from typing import Any

from benchmarks.peers.door import import_torchvision


def model(name: str) -> Any:
    """The net in evaluation mode, where auxiliary heads don't run."""
    import_torchvision()
    import torch
    from torchvision import models

    # These two would else draw their weights by a slow rule, and say that they will stop doing so.
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    net = models.get_model(name, weights=None, **options).eval()
    for module in net.modules():
        # Fresh batch norms are the identity, which an exporter drops and a trained net never has.
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
    return net


def input_shape(name: str) -> tuple[int, int, int, int]:
    """One image of the size that the net was made for."""
    size = 299 if name == "inception_v3" else 224
    return (1, 3, size, size)
