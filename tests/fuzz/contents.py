"""Accidents to what files hold, JSON and tensors, that leave their form sound."""

from __future__ import annotations

import json
import struct
from random import Random
from typing import Any

from tests.fuzz.mutations import bytes_changed

JSON_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", "x", "\0", [], {}, [1]),
    *({"a": 1}, "1", [[]], "é", "a\nb", "\x1b[31m", -(2**63), 1e308, ["a", 1], "/dev/zero"),
)


def json_changed(data: bytes, random: Random) -> bytes:
    """Another value somewhere in it."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return bytes_changed(data, random)
    return json.dumps(_inner(value, random), ensure_ascii=random.random() < 0.5).encode(
        "utf-8", "replace"
    )


def _inner(value: Any, random: Random) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        rest = {k: v for k, v in value.items() if k != key}
        match random.randrange(12):
            case 0:
                return rest
            case 1:
                return {**rest, random.choice(["x", "", key + "2", "é"]): value[key]}
            case _:
                return {**value, key: _inner(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.7:
        place = random.randrange(len(value))
        return [*value[:place], _inner(value[place], random), *value[place + 1 :]]
    return random.choice(JSON_VALUES)


def tensors_changed(data: bytes, random: Random) -> bytes:
    """Another header of a safetensors file, that is still one; or numbers that are none."""
    if len(data) < 8:
        return bytes_changed(data, random)
    size = struct.unpack("<Q", data[:8])[0]
    header, values = data[8 : 8 + size], data[8 + size :]
    if random.random() < 0.25 and values:
        place = random.randrange(len(values)) & ~3
        piece = struct.pack("<f", random.choice([float("nan"), float("inf"), 1e38, -0.0, 1e-40]))
        return data[: 8 + size + place] + piece + values[place + 4 :]
    try:
        table = json.loads(header)
    except (ValueError, RecursionError):
        return bytes_changed(data, random)
    if (
        isinstance(table, dict)
        and isinstance(table.get("__metadata__"), dict)
        and random.random() < 0.5
    ):
        metadata = table["__metadata__"]
        key = random.choice(list(metadata) or ["x"])
        old = str(metadata.get(key, ""))
        table["__metadata__"] = {**metadata, key: _metadata(old, random)}
    else:
        table = _inner(table, random)
    text = json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + values


def _metadata(old: str, random: Random) -> Any:
    """A text in a file's metadata: often JSON itself."""
    try:
        return json.dumps(_inner(json.loads(old), random))
    except (ValueError, RecursionError):
        return random.choice(["", "x", "-1", "1e999", "nan", old + "0", old[:-1], "9" * 40, 7])
