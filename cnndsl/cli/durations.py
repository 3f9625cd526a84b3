"""Durations as people write them in options: `90s`, `10m`, `1h30m`."""

from __future__ import annotations

import re

from cnndsl.diagnostics import UsageError

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def read_duration(text: str, option: str) -> float:
    """Seconds; raises UsageError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(min|[smhd]?)\s*", text)
    whole = "".join(number + unit for number, unit in parts)
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if whole != re.sub(r"\s", "", text) or not seconds:
        raise UsageError(f"`{option} {text}` is no duration; write it as 90s, 10m or 1h30m")
    return seconds
