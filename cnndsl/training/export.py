"""The trained net as an ONNX model: the inference graph with everything needed to use it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from cnndsl.emit import emit
from cnndsl.layers.base import Parameter
from cnndsl.lower import lower
from cnndsl.network import Network
from cnndsl.preprocessing import Preprocessing
from cnndsl.weights.save import Float


def export_network(
    network: Network,
    weights: Mapping[str, Float],
    path: Path,
    labels: Sequence[str],
    preprocessing: Preprocessing | None,
) -> None:
    """Write an inference model of any batch, with labels and preprocessing in its metadata."""
    text = network.inputs[0].origin.span.source.text
    metadata = {
        "cnndsl.language": "1",
        "cnndsl.version": version("cnndsl"),
        "cnndsl.spec_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "cnndsl.settings": json.dumps(dict(network.settings)),
    }
    if labels:
        metadata["cnndsl.labels"] = json.dumps(list(labels), ensure_ascii=False)
    if preprocessing is not None:
        metadata["cnndsl.preprocessing"] = preprocessing.to_json()

    def pieces(name: str, parameter: Parameter) -> Iterator[Float]:
        yield weights[name].reshape(-1)

    emit(
        lower(network),
        path,
        weights=pieces,
        metadata=metadata,
        producer_version=version("cnndsl"),
    )
