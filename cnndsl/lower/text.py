"""An ONNX model in ONNX's own text form."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.printer


def model_text(path: Path) -> str:
    """The text of a model file, without data that lies beside it."""
    model = onnx.ModelProto()
    model.ParseFromString(path.read_bytes())
    return onnx.printer.to_text(model)
