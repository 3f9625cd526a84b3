"""ONNX models that cnndsl did not write, made ready for gradients."""

from cnndsl.lower.external.model import ExternalModel, read_external, read_frozen, set_aside
from cnndsl.lower.external.training import external_evaluation, external_training

__all__ = [
    "ExternalModel",
    "external_evaluation",
    "external_training",
    "read_external",
    "read_frozen",
    "set_aside",
]
