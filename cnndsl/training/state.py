"""Everything that training changes, in flat buffers of a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from cnndsl.runtime.buffers import Binding, Buffer
from cnndsl.training.layout import Float, Layout


class Tensors:
    """Named tensors in one flat buffer."""

    def __init__(self, layout: Layout, device: str = "cpu"):
        self.layout, self.device = layout, device
        self.buffer = Buffer(layout.size, device=device)

    def bind_outputs(self, binding: Binding, prefix: str = "") -> None:
        """Let a session write every tensor as `PREFIX` + its name."""
        for name, place in self.layout.places.items():
            binding.output(prefix + name, self.buffer, place.shape, place.offset)

    def read(self) -> dict[str, Float]:
        """The tensors' values; on the CPU views that follow the training."""
        return self.layout.views(self.buffer.read())

    def write(self, values: Mapping[str, Float]) -> None:
        """Replace every tensor. Raises UsageError where one is missing or of another shape."""
        self.buffer.write(self.layout.joined(values))

    def not_finite(self) -> Iterator[str]:
        """The names of tensors that hold NaN or infinite values."""
        for name, values in self.read().items():
            if not np.isfinite(values).all():
                yield name


class Weights:
    """A net's weights: trained parameters, frozen ones, and running statistics.

    Statistics lie in two buffers in turn, one read and one written: a late reader must not see the
    new ones.
    """

    def __init__(
        self,
        trained: Layout,
        frozen: Mapping[str, tuple[int, ...]],
        statistics: Mapping[str, tuple[int, ...]],
        device: str = "cpu",
    ):
        self.trained = Tensors(trained, device)
        self.frozen = Tensors(Layout(frozen), device)
        layout = Layout(statistics)
        self.statistics = (Tensors(layout, device), Tensors(layout, device))
        self.turn = 0

    def parts(self) -> tuple[Tensors, ...]:
        """Trained, frozen, and the statistics as they are now."""
        return self.trained, self.frozen, self.statistics[self.turn]

    def read(self) -> dict[str, Float]:
        """Every weight by its name; on the CPU views."""
        return {name: values for part in self.parts() for name, values in part.read().items()}

    def write(self, values: Mapping[str, Float]) -> None:
        """Replace every weight. Raises UsageError where one is missing or of another shape."""
        for part in self.parts():
            part.write(values)
