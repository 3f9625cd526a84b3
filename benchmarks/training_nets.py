"""What the training benchmarks train, on each side: nets, sizes of their pictures, batches."""

from dataclasses import dataclass

CLASSES = 1000
LEARNING_RATE = 1e-4
WEIGHT_DECAY = 0.01


@dataclass(frozen=True, slots=True)
class Trained:
    """A net on random pictures of so many channels, in batches."""

    channels: int
    size: int
    batch: int
    classes: int = CLASSES

    @property
    def pictures(self) -> tuple[int, int, int, int]:
        """The shape of a batch."""
        return self.batch, self.channels, self.size, self.size


NETS = {
    "fashion_cnn": Trained(1, 28, 64, 10),
    "lenet5": Trained(1, 28, 64, 10),
    "resnet18": Trained(3, 64, 32),
    "vgg11": Trained(3, 64, 32),
    "googlenet": Trained(3, 96, 32),
    "mobilenet_v2": Trained(3, 96, 32),
}
