"""One rule for each ONNX operator, a family a file; importing this package registers them all."""

from cnndsl.autodiff.rules import activations as activations
from cnndsl.autodiff.rules import avgpool as avgpool
from cnndsl.autodiff.rules import conv as conv
from cnndsl.autodiff.rules import deconv as deconv
from cnndsl.autodiff.rules import einsum as einsum
from cnndsl.autodiff.rules import elementwise as elementwise
from cnndsl.autodiff.rules import functions as functions
from cnndsl.autodiff.rules import gelu as gelu
from cnndsl.autodiff.rules import indexing as indexing
from cnndsl.autodiff.rules import joining as joining
from cnndsl.autodiff.rules import lrn as lrn
from cnndsl.autodiff.rules import matrix as matrix
from cnndsl.autodiff.rules import maxpool as maxpool
from cnndsl.autodiff.rules import norms as norms
from cnndsl.autodiff.rules import rearrange as rearrange
from cnndsl.autodiff.rules import reductions as reductions
from cnndsl.autodiff.rules import resize as resize
from cnndsl.autodiff.rules import selection as selection
from cnndsl.autodiff.rules import softmax as softmax
