"""What convolutions and products of matrices may compute in."""

from __future__ import annotations

from typing import Literal

Precision = Literal["float32", "float16", "bfloat16"]
