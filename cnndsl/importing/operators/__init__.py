"""ONNX's operators by families, a file each: what layers they are."""

from cnndsl.importing.operators import activations as activations
from cnndsl.importing.operators import arithmetic as arithmetic
from cnndsl.importing.operators import convolutions as convolutions
from cnndsl.importing.operators import dense as dense
from cnndsl.importing.operators import joining as joining
from cnndsl.importing.operators import normalising as normalising
from cnndsl.importing.operators import placing as placing
from cnndsl.importing.operators import pooling as pooling
from cnndsl.importing.operators import rearranging as rearranging
from cnndsl.importing.operators import reducing as reducing
from cnndsl.importing.operators import repeating as repeating
from cnndsl.importing.operators import resizing as resizing
