"""The layers, a file each or a tight family; `LAYERS` finds one by its word."""

from cnndsl.layers import activations as activations
from cnndsl.layers import angle as angle
from cnndsl.layers import arithmetic as arithmetic
from cnndsl.layers import batchnorm as batchnorm
from cnndsl.layers import borders as borders
from cnndsl.layers import channels as channels
from cnndsl.layers import conv as conv
from cnndsl.layers import deconv as deconv
from cnndsl.layers import dropout as dropout
from cnndsl.layers import fc as fc
from cnndsl.layers import filter as filter
from cnndsl.layers import functions as functions
from cnndsl.layers import gates as gates
from cnndsl.layers import globalpool as globalpool
from cnndsl.layers import lengths as lengths
from cnndsl.layers import lrn as lrn
from cnndsl.layers import merge as merge
from cnndsl.layers import minmax as minmax
from cnndsl.layers import norms as norms
from cnndsl.layers import pool as pool
from cnndsl.layers import rbf as rbf
from cnndsl.layers import resample as resample
from cnndsl.layers import reshape as reshape
from cnndsl.layers import sample as sample
from cnndsl.layers import scale as scale
from cnndsl.layers import softmax as softmax
from cnndsl.layers import unpool as unpool
from cnndsl.layers.base import LAYERS, Layer

__all__ = ["LAYERS", "Layer"]
