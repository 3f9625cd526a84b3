"""Gradients of ONNX graphs in standard operators."""

from cnndsl.autodiff.backward import RULES, Backward, differentiate, rule

__all__ = ["RULES", "Backward", "differentiate", "rule"]
