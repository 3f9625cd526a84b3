"""ONNX's own backend suite, which comes with the package `onnx`, through import and gradients."""
