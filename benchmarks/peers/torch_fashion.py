"""Train the Fashion-MNIST net in PyTorch: `… torch_fashion DATA EPOCHS SEED THREADS FEED`.

FEED is `batches`, the very batches that cnndsl makes, or `dataloader`, torch's own. Start,
optimiser and schedule are those of `cnndsl train fashion_cnn`. Prints JSON: seconds of each epoch
(training alone) and the test accuracy after the last one.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from cnndsl.data.loader import Loader
from cnndsl.data.opening import open_data
from cnndsl.training.config import Config
from cnndsl.training.defaults import BATCH, WEIGHT_DECAY, learning_rate
from cnndsl.training.networks import adapter_for
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.tasks import make_task

LAYERS = {"conv1": 0, "bn1": 1, "conv2": 4, "bn2": 5, "logits": 9}


def net() -> nn.Sequential:
    """The net of zoo/fashion_cnn.cnn."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5, padding=2), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 5, padding=2), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 10),
    )


def main(where: str, epochs: int, seed: int, threads: int, feed: str) -> None:
    """Train and judge."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    config = Config(
        ModelChoice("fashion_cnn"), DataChoice(where), TrainingChoice(seed=seed, batch=BATCH)
    )
    data = open_data(where, seed=seed)
    subject, _ = adapter_for("fashion_cnn", data, {}, {})
    made = make_task(config, subject, data)
    model = net()
    values = subject.start("auto", seed)
    for layer, number in LAYERS.items():
        for name, tensor in model[number].state_dict().items():
            if name != "num_batches_tracked":
                tensor.copy_(torch.from_numpy(values[f"{layer}.{name}"]))
    loader = Loader(data.train, made.picture, batch=BATCH, seed=seed, shuffle=True, last="drop")
    batches = loader.epoch if feed == "batches" else _dataloader(data.train, made, seed)
    decayed = [p for name, p in model.named_parameters() if p.ndim > 1]
    others = [p for name, p in model.named_parameters() if p.ndim == 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed}, {"params": others, "weight_decay": 0.0}],
        weight_decay=WEIGHT_DECAY,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        learning_rate("adamw", subject.layers, subject.has_norms),
        total_steps=epochs * loader.steps,
        cycle_momentum=False,
    )
    criterion = nn.CrossEntropyLoss()
    seconds: list[float] = []
    for epoch in range(epochs):
        model.train()
        start = time.perf_counter()
        for images, targets in _tensors(batches(epoch)):
            optimiser.zero_grad(set_to_none=True)
            loss = criterion(model(images), targets)
            loss.backward()
            optimiser.step()
            schedule.step()
            loss.item()  # cnndsl reads each step's loss too
        seconds.append(time.perf_counter() - start)
    accuracy = _accuracy(model, Loader(data["test"], made.picture, batch=256))
    print(json.dumps({"seconds": seconds, "accuracy": accuracy}))


def _tensors(batches: Any) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for batch in batches:
        if isinstance(batch, list):
            yield batch[0], batch[1]
        else:
            yield torch.from_numpy(batch.images), torch.from_numpy(batch.targets)


def _dataloader(split: Any, made: Any, seed: int) -> Any:
    """torch's way: a data set of single examples, shuffled and stacked by two worker processes."""
    how = made.picture.preprocessing

    class Examples(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
        def __len__(self) -> int:
            return len(split)

        def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
            image = split.source.images[split.index[number]].astype(np.float32) / 255
            return torch.from_numpy((image - how.mean[0]) / how.std[0]).float(), int(
                split.targets[number]
            )

    loader = torch.utils.data.DataLoader(
        Examples(),
        batch_size=BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=2,
        persistent_workers=True,
        generator=torch.Generator().manual_seed(seed),
    )
    return lambda epoch: loader


@torch.no_grad()
def _accuracy(model: nn.Module, loader: Loader) -> float:
    model.eval()
    hits = sum(
        int((model(torch.from_numpy(b.images)).argmax(1).numpy() == b.targets).sum())
        for b in loader.epoch()
    )
    return hits / len(loader.split)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
