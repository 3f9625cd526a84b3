"""How much a file of weights may claim to hold."""

from __future__ import annotations

from cnndsl.weights.tensors import Damaged

LONGEST_NAME = 1000  # characters of a tensor's name
MOST_EXPANSION = 100
ALWAYS_ALLOWED = 16 << 20
"""What a file holds may be 100 times the file, and 16 MiB: a net that is nearly all zeros and
compressed well stays below, a bomb doesn't.
"""


def check_expansion(claimed: int, stored: int) -> None:
    """Raise Damaged where a file of `stored` bytes claims far more than it can be meant to hold."""
    if claimed > stored * MOST_EXPANSION + ALWAYS_ALLOWED:
        raise Damaged(f"has {stored:,} bytes and claims to hold {claimed:,}: that can't be meant")
