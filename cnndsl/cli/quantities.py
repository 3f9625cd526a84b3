"""Amounts as people write them in options: `5M`, `1.5k`, `16GB`, `64MiB`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cnndsl.diagnostics import UsageError

COUNTS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
BYTES = {"": 1, "B": 1} | {
    f"{prefix}{unit}": base**power
    for power, prefix in enumerate("kMGT", 1)
    for unit, base in (("B", 1000), ("iB", 1024))
}
LARGEST = 1 << 62


def read_count(text: str, option: str) -> int:
    """`5M` as 5,000,000; raises UsageError. `B` is a billion, as in "7B parameters"."""
    return _read(text, option, COUNTS, "5M, 300k or 1234567")


def read_bytes(text: str, option: str) -> int:
    """`16GB` as 16·10⁹ and `16GiB` as 16·2³⁰; raises UsageError."""
    return _read(text, option, BYTES, "16GB (decimal), 16GiB (binary) or a number of bytes")


def _read(text: str, option: str, units: Mapping[str, int], examples: str) -> int:
    match = re.fullmatch(r"\s*(\d{1,20}(?:\.\d{1,9})?)\s*([A-Za-z]*)\s*", text)
    by_lower = {unit.lower(): factor for unit, factor in units.items()}
    factor = by_lower.get(match[2].lower()) if match else None
    amount = int(float(match[1]) * factor) if match and factor else 0
    if not 0 < amount <= LARGEST:
        raise UsageError(f"`{option} {text}` is no amount; write it as {examples}")
    return amount
