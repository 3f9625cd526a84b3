"""The trained net as an ONNX model: the inference graph with everything needed to use it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from cnndsl.emit import emit
from cnndsl.layers.base import Parameter
from cnndsl.preprocessing import Preprocessing
from cnndsl.training.adapters import ModelAdapter
from cnndsl.weights.save import Float


def export(
    adapter: ModelAdapter,
    weights: Mapping[str, Float],
    path: Path,
    labels: Sequence[str],
    preprocessing: Preprocessing,
    targets: str,
) -> None:
    """Write an inference model of any batch, with labels, preprocessing and the kind of targets in
    its metadata.
    """
    metadata = adapter.metadata() | {
        "cnndsl.version": version("cnndsl"),
        "cnndsl.preprocessing": preprocessing.to_json(),
        "cnndsl.targets": targets,
    }
    if labels:
        metadata["cnndsl.labels"] = json.dumps(list(labels), ensure_ascii=False)

    def pieces(name: str, parameter: Parameter) -> Iterator[Float]:
        yield weights[name].reshape(-1)

    emit(
        adapter.lowered(),
        path,
        weights=pieces,
        metadata=metadata,
        producer_version=version("cnndsl"),
    )
