"""A run of `unet_same` once more in PyTorch: `… torch_segmentation RUN THREADS train|steps`.

The start, the batches, the learning rates and the optimiser's settings are the run's. `train`
prints the mean IoU of the validation split as JSON; `steps` does steps on demand, in CPU time.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.steps import serve
from cnndsl.training.adapters import SpecAdapter
from cnndsl.training.assembly import Training
from cnndsl.training.config import read_config
from cnndsl.training.running import assemble
from cnndsl.training.schedules import Moment

IGNORED = -1
WITH_WEIGHTS = nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d


def two(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions of 3x3, each with a norm and a relu."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [
            nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
            *(nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)),
        ]
    return nn.Sequential(*layers)


class UNetSame(nn.Module):
    """zoo/unet_same.cnn; its layers are registered in the order in which they run."""

    def __init__(self, channels: int, classes: int, width: int):
        super().__init__()
        widths = [width * 2**level for level in range(5)]
        self.down = nn.ModuleList(map(two, [channels, *widths[:-1]], widths))
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList()
        for n in reversed(widths[:-1]):
            self.up += [nn.ConvTranspose2d(2 * n, n, 2, stride=2), two(2 * n, n)]
        self.mask = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level in self.down:
            x = level(self.pool(x) if skips else x)
            skips.append(x)
        for deconv, block, skip in zip(
            self.up[::2], self.up[1::2], reversed(skips[:-1]), strict=True
        ):
            x = block(torch.cat([deconv(x), skip], 1))
        return self.mask(x)


def net(training: Training) -> UNetSame:
    """The run's net with its start."""
    adapter, config = training.task.adapter, training.config
    assert isinstance(adapter, SpecAdapter)
    network = adapter.network
    settings, (entry,) = network.settings, network.inputs
    model = UNetSame(entry.shape.channels, int(settings["classes"]), int(settings["width"]))
    values = adapter.start(config.model.init, config.training.seed)
    layers = [m for m in model.modules() if isinstance(m, WITH_WEIGHTS)]
    owners = list(dict.fromkeys(name.rpartition(".")[0] for name in adapter.parameters))
    for owner, layer in zip(owners, layers, strict=True):
        for name, tensor in layer.state_dict().items():
            if name != "num_batches_tracked":
                value = torch.from_numpy(values[f"{owner}.{name}"])
                assert value.shape == tensor.shape, f"{owner}.{name}"
                tensor.copy_(value)
    return model.train()


def optimiser_of(training: Training, model: nn.Module) -> torch.optim.AdamW:
    """AdamW in its fused form; weights alone decay."""
    decay = training.config.optimiser.weight_decay
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim == 1]
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, weight_decay=decay, fused=True)


def step(model: nn.Module, optimiser: torch.optim.AdamW, images: Tensor, masks: Tensor) -> float:
    """One step; its loss."""
    optimiser.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(model(images), masks, ignore_index=IGNORED)
    loss.backward()
    optimiser.step()
    return loss.item()


def train(training: Training, model: nn.Module, optimiser: torch.optim.AdamW) -> None:
    """All epochs of the run."""
    epochs, steps = training.config.training.epochs, training.epoch_steps
    for epoch in range(epochs):
        for number, batch in enumerate(training.feed.epoch(epoch, 0), epoch * steps):
            rate = training.rate.at(Moment(number, epochs * steps, steps))
            for group in optimiser.param_groups:
                group["lr"] = rate
            step(model, optimiser, *tensors(training, batch))


@torch.no_grad()
def mean_iou(training: Training, model: UNetSame) -> float:
    """Over all pixels of the validation split that have a class."""
    model.eval()
    classes = model.mask.out_channels
    counts = torch.zeros(classes, classes, dtype=torch.int64)
    for batch in training.split("val"):
        images, masks = tensors(training, batch)
        pairs = masks * classes + model(images).argmax(1)
        counts += torch.bincount(pairs[masks != IGNORED], minlength=classes**2).view_as(counts)
    both = counts.diagonal()
    either = counts.sum(0) + counts.sum(1) - both
    return float((both / either)[either > 0].mean())


def tensors(training: Training, batch: Any) -> tuple[Tensor, Tensor]:
    """Pictures and masks of a batch."""
    return torch.from_numpy(batch[training.task.picture.name]), torch.from_numpy(batch["target"])


def main(run: str, threads: int, does: str) -> None:
    """Train and judge, or do steps on the run's first batch."""
    torch.set_num_threads(threads)
    config = read_config(Path(run) / "config.toml")
    with assemble(config) as training:
        model = net(training)
        optimiser = optimiser_of(training, model)
        if does == "steps":
            batch = tensors(training, next(iter(training.feed.epoch(0, 0))))
            serve(lambda: step(model, optimiser, *batch), time.process_time)
        else:
            train(training, model, optimiser)
            print(json.dumps({"iou": mean_iou(training, model)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
