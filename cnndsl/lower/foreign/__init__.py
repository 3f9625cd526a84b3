"""ONNX models that cnndsl did not write, made ready to be trained."""

from cnndsl.lower.foreign.model import Foreign, read_foreign
from cnndsl.lower.foreign.training import foreign_evaluation, foreign_training

__all__ = ["Foreign", "foreign_evaluation", "foreign_training", "read_foreign"]
