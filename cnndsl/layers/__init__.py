"""The layers, a file each or a tight family; `LAYERS` finds one by its word."""

from cnndsl.layers import activations as activations
from cnndsl.layers import batchnorm as batchnorm
from cnndsl.layers import conv as conv
from cnndsl.layers import dropout as dropout
from cnndsl.layers import fc as fc
from cnndsl.layers import filter as filter
from cnndsl.layers import gates as gates
from cnndsl.layers import lrn as lrn
from cnndsl.layers import norms as norms
from cnndsl.layers import scale as scale
from cnndsl.layers import softmax as softmax
from cnndsl.layers.base import LAYERS, Layer

__all__ = ["LAYERS", "Layer"]
