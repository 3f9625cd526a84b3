"""ONNX models that cnndsl did not write, made ready to be trained."""

from cnndsl.lower.external.model import ExternalModel, read_external
from cnndsl.lower.external.training import external_evaluation, external_training

__all__ = ["ExternalModel", "external_evaluation", "external_training", "read_external"]
