"""Gradients of ONNX graphs in standard operators."""

from cnndsl.autodiff.backward import RULES, Backward, rule
from cnndsl.autodiff.differentiate import differentiate

__all__ = ["RULES", "Backward", "differentiate", "rule"]
