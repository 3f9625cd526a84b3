"""Values for a network's parameters: drawn, or read from a file; a tensor at a time, in pieces."""

from cnndsl.weights.initial import RULES, initial_weights
from cnndsl.weights.loading import load
from cnndsl.weights.mapping import Mapping
from cnndsl.weights.source import Weights

__all__ = ["RULES", "Mapping", "Weights", "initial_weights", "load"]
