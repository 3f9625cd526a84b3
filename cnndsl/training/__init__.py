"""Training: the step as ONNX graphs, the loop around it, and what a run leaves behind."""
