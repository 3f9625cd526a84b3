"""Values for a network's parameters: drawn, or read from a file; a tensor at a time, in pieces."""

from cnndsl.weights.initial import RULES, initial_weights
from cnndsl.weights.safetensors import read_safetensors, tensor_names
from cnndsl.weights.source import Weights

__all__ = ["RULES", "Weights", "initial_weights", "read_safetensors", "tensor_names"]
