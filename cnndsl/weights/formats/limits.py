"""How much a file of weights may claim to hold."""

from __future__ import annotations

from cnndsl.weights.tensors import DamagedError

LONGEST_NAME = 1000  # characters of a tensor's name
MOST_EXPANSION = 100
ALWAYS_ALLOWED = 16 << 20
"""What a file holds may be 100 times the file, and 16 MiB: a net that is nearly all zeros and
compressed well stays below, a bomb doesn't.
"""


def check_expansion(claimed: int, stored: int) -> None:
    """Raise DamagedError where a file of `stored` bytes claims far more than can be meant."""
    if claimed > stored * MOST_EXPANSION + ALWAYS_ALLOWED:
        raise DamagedError(
            f"has {stored:,} bytes and claims to hold {claimed:,}: that can't be meant"
        )
