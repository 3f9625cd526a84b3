"""The layers, a file each or a tight family; `LAYERS` finds one by its word."""

from cnndsl.layers import conv as conv
from cnndsl.layers.base import LAYERS, Layer

__all__ = ["LAYERS", "Layer"]
