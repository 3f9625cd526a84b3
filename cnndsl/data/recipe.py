"""Augmentation by name or from a TOML file:

base = "light"              # begin with a preset: none, light or strong
rotation = 15               # degrees, both ways
zoom = [0.8, 1.3]           # or 0.2 for 0.8 to 1.2
horizontal-flip = true      # or a probability
fill = "reflect"            # constant, nearest, reflect or wrap
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeGuard, cast

from cnndsl.data.augmentation import PRESETS, Augmentation, preset
from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.files import read_bounded

MOST_BYTES = 1 << 20
_FLIPS = ("horizontal_flip", "vertical_flip")
_PREPARATION = {"rescale", "scale", "mean", "std", "normalise", "normalize", "resize", "crop"}


def read_augmentation(text: str | Path, mirror: bool = True) -> Augmentation | None:
    """A preset's name or a TOML file; None where nothing is to be done.

    `mirror` is whether the data's pictures may be mirrored by presets. Raises UsageError.
    """
    if str(text) in PRESETS:
        return preset(str(text), mirror)
    path = Path(text)
    if path.suffix.lower() != ".toml":
        hint = did_you_mean(str(text), PRESETS, f"it is {', '.join(PRESETS)} or a .toml file")
        raise UsageError(f"there is no augmentation `{text}`; {hint}")
    made = parse_augmentation(_table(path), str(path), mirror)
    return None if made == Augmentation(fill=made.fill, fill_value=made.fill_value) else made


def parse_augmentation(
    table: dict[str, Any], source: str = "the augmentation", mirror: bool = True
) -> Augmentation:
    """The augmentation that a table describes; names are written with - or _. Raises UsageError."""
    values = {name.replace("-", "_"): value for name, value in table.items()}
    if len(values) < len(table):
        raise UsageError(f"`{source}` says something twice, with - and with _")
    base = values.pop("base", "none")
    if base not in PRESETS:
        raise UsageError(f"`base` in `{source}` is one of {', '.join(PRESETS)}")
    known = {f.name: f.type for f in fields(Augmentation)}
    start = preset(base, mirror) or Augmentation()
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"`{source}` has `{name}`; {_hint(name, known)}")
        values[name] = _read(name, value, source)
    try:
        return Augmentation(**{**asdict(start), **values})
    except ValueError as e:
        raise UsageError(f"`{source}`: {e}") from None


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_bounded(path, MOST_BYTES).decode("utf-8"))
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror or e}") from None
    except (ValueError, RecursionError) as e:  # a TOML or a decoding error
        reason = str(e) if isinstance(e, tomllib.TOMLDecodeError) else "it is no UTF-8 text"
        raise UsageError(f"`{path}` is no TOML: {reason}") from None


def _read(name: str, value: object, source: str) -> object:
    """A value in the field's type, or UsageError."""
    if name == "fill" and isinstance(value, str):
        return value
    if name in _FLIPS and isinstance(value, bool):
        return 0.5 if value else 0.0
    if name == "zoom":
        if _is_number(value):
            return 1 - value, 1 + value
        ends = cast("list[object]", value) if isinstance(value, list) else []
        numbers = [float(end) for end in ends if _is_number(end)]
        if len(numbers) == len(ends) == 2:
            return numbers[0], numbers[1]
        raise UsageError(f"`zoom` in `{source}` is a number, or the least and the most: [0.8, 1.2]")
    if name != "fill" and _is_number(value):
        return float(value)
    wanted = "a word" if name == "fill" else "true, false or a number"
    if name not in ("fill", *_FLIPS):
        wanted = "a number"
    raise UsageError(f"`{name.replace('_', '-')}` in `{source}` is {wanted}")


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6


def _hint(name: str, known: dict[str, Any]) -> str:
    if name in _PREPARATION:
        return (
            "how pixels are scaled and normalised goes for every picture, so it belongs to the "
            "preprocessing"
        )
    written = [n.replace("_", "-") for n in known]
    return did_you_mean(name.replace("_", "-"), written, f"it may have base, {', '.join(written)}")
