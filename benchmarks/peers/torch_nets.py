"""The nets of the training benchmarks in PyTorch: torchvision's, and those it doesn't have."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.door import import_torchvision


def net(name: str) -> nn.Module:
    """The net in training mode; it maps pictures to logits, GoogLeNet to those of three heads."""
    builders = {"fashion_cnn": fashion_cnn, "lenet5": lenet5, "googlenet": GoogLeNet}
    if name in builders:
        return builders[name]().train()
    import_torchvision()
    from torchvision import models

    model = models.get_model(name, weights=None).train()
    if name == "vgg11":  # torchvision's spreads every map to 7x7 before the dense layers
        model.avgpool = nn.Identity()
        model.classifier[0] = nn.LazyLinear(4096)
    return model


def loss(answer: Any, classes: Tensor) -> Tensor:
    """Cross-entropy; GoogLeNet's training heads count 0.3."""
    entropy = nn.functional.cross_entropy
    if isinstance(answer, Tensor):
        return entropy(answer, classes)
    main, *heads = answer
    return entropy(main, classes) + 0.3 * sum(entropy(head, classes) for head in heads)


def fashion_cnn() -> nn.Sequential:
    """zoo/fashion_cnn.cnn."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5, padding=2), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 5, padding=2), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 10),
    )


def lenet5() -> nn.Sequential:
    """zoo/lenet5.cnn."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> Iterable[nn.Module]:
    """A convolution padded by half its window, and a relu."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.ReLU(inplace=True)


class Inception(nn.Module):
    """Four branches side by side."""

    def __init__(self, inputs: int, a: int, b1: int, b: int, c1: int, c: int, d: int):
        super().__init__()
        pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.branches = nn.ModuleList(
            [
                nn.Sequential(*conv(inputs, a, 1)),
                nn.Sequential(*conv(inputs, b1, 1), *conv(b1, b, 3)),
                nn.Sequential(*conv(inputs, c1, 1), *conv(c1, c, 5)),
                nn.Sequential(pool, *conv(inputs, d, 1)),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class GoogLeNet(nn.Module):
    """zoo/googlenet.cnn, the net of 2014 with its local response norms."""

    def __init__(self, classes: int = 1000):
        super().__init__()

        def pool() -> nn.Module:
            return nn.MaxPool2d(3, stride=2, ceil_mode=True)

        def head(inputs: int) -> nn.Sequential:
            return nn.Sequential(
                *(nn.AvgPool2d(5, stride=3), *conv(inputs, 128, 1), nn.Flatten()),
                *(nn.LazyLinear(1024), nn.ReLU(), nn.Dropout(0.7), nn.Linear(1024, classes)),
            )

        self.to_4a = nn.Sequential(
            *(*conv(3, 64, 7, 2), pool(), nn.LocalResponseNorm(5)),
            *(*conv(64, 64, 1), *conv(64, 192, 3), nn.LocalResponseNorm(5), pool()),
            Inception(192, 64, 96, 128, 16, 32, 32),
            Inception(256, 128, 128, 192, 32, 96, 64),
            *(pool(), Inception(480, 192, 96, 208, 16, 48, 64)),
        )
        self.to_4d = nn.Sequential(
            Inception(512, 160, 112, 224, 24, 64, 64),
            Inception(512, 128, 128, 256, 24, 64, 64),
            Inception(512, 112, 144, 288, 32, 64, 64),
        )
        self.rest = nn.Sequential(
            *(Inception(528, 256, 160, 320, 32, 128, 128), pool()),
            Inception(832, 256, 160, 320, 32, 128, 128),
            Inception(832, 384, 192, 384, 48, 128, 128),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.4), nn.Linear(1024, classes)),
        )
        self.heads = nn.ModuleList([head(512), head(528)])

    def forward(self, x: Tensor) -> list[Tensor]:
        a = self.to_4a(x)
        d = self.to_4d(a)
        return [self.rest(d), self.heads[0](a), self.heads[1](d)]
