"""One rule for each ONNX operator, a family a file; importing this package registers them all."""

from cnndsl.autodiff.rules import conv as conv
from cnndsl.autodiff.rules import deconv as deconv
from cnndsl.autodiff.rules import elementwise as elementwise
