"""A net's weights from a file of any format, or by a known name."""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence
from pathlib import Path

from cnndsl.downloads import Progress
from cnndsl.layers.base import Parameter
from cnndsl.network import Network
from cnndsl.weights.fetch import open_weights
from cnndsl.weights.mapping import Mapping, fit


def load(
    network: Network | Table[str, Parameter],
    source: str | Path,
    *,
    allow_missing: Sequence[str] = (),
    training: bool = False,
    progress: Progress | None = None,
) -> Mapping:
    """Every tensor with its place in a net (or among an ONNX model's parameters).

    `source` is a file's path or a name such as `resnet50` (`cnndsl weights fetch` lists them).
    `allow_missing` are patterns of what may start anew; `training` is whether the side chains of
    training are needed. Raises UsageError where a file can't be read, or lacks what is needed.
    """
    file = open_weights(source, progress)
    mapping = fit(network, file, allow_missing=allow_missing, training=training)
    mapping.check()
    return mapping
