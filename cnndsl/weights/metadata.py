"""What a model, or a file of weights, says of itself in texts by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from cnndsl.preprocessing import Preprocessing


def preprocessing_in_metadata(metadata: Mapping[str, str]) -> Preprocessing | None:
    """How pictures are prepared: in cnndsl's own words, or in those of ONNX's standard.

    None where nothing is said. Raises ValueError for words that can't be meant.
    """
    own = metadata.get("cnndsl.preprocessing")
    return _standard(metadata) if own is None else Preprocessing.from_json(own)


def labels_in_metadata(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """The classes' names, a JSON list; None where there are none, or something else."""
    try:
        names: Any = json.loads(metadata.get("cnndsl.labels") or "null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(names, list):
        return None
    words = (str(name) for name in cast("list[Any]", names))
    return tuple(word.encode("utf-8", "replace").decode() for word in words) or None


def as_metadata(
    preprocessing: Preprocessing | None, labels: tuple[str, ...] | None
) -> dict[str, str]:
    """The texts that the functions above read."""
    texts: dict[str, str] = {}
    if preprocessing:
        texts["cnndsl.preprocessing"] = preprocessing.to_json()
    if labels:
        texts["cnndsl.labels"] = json.dumps(labels, ensure_ascii=False)
    return texts


def _standard(metadata: Mapping[str, str]) -> Preprocessing | None:
    """ONNX's "image category definition" (its docs/MetadataProps.md), as Windows ML writes it."""
    pixels = metadata.get("Image.BitmapPixelFormat", "").lower()
    scaling = {
        "nominalrange_0_255": Preprocessing(scale=1.0),
        "normalized_0_1": Preprocessing(),
        "normalized_1_1": Preprocessing(scale=127.5, mean=(1.0,)),
    }.get(metadata.get("Image.NominalPixelRange", "").lower())
    if scaling is None:
        return None
    return replace(scaling, order="BGR" if pixels.startswith("bgr") else "RGB")
