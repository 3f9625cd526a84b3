"""Network → network: cut off, given another head, or another input; weights go along by name.

What comes out is a network like any other: written as a flat spec it reads back equal.
"""

from cnndsl.surgery.cutting import cut, unneeded, value_at
from cnndsl.surgery.grafting import Grafted, with_head
from cnndsl.surgery.heads import Head, split_head
from cnndsl.surgery.inputs import with_input

__all__ = [
    "Grafted",
    "Head",
    "cut",
    "split_head",
    "unneeded",
    "value_at",
    "with_head",
    "with_input",
]
