"""Rewrites of training graphs; each keeps the outputs and is in a file of its own."""

from collections.abc import Callable, Collection

import onnx_ir as ir

from cnndsl.autodiff.passes.biases import no_bias_under_norm
from cnndsl.autodiff.passes.pooling import activations_behind_pooling

REWRITES: tuple[Callable[[ir.Graph, Collection[ir.Value]], None], ...] = (
    activations_behind_pooling,
    no_bias_under_norm,
)
"""What is done to a forward pass before it is differentiated; values to keep are given."""
