"""Emitted models in other programs than ONNX Runtime: `make clients`."""
