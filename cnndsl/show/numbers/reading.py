"""Arrays as they are typed: `1 2; 3 4`, rows apart by `;`, channels by `|`; or an .npy file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError
from cnndsl.files import blamed_on, check_ordinary
from cnndsl.show.numbers.lesson import Array

MOST_NUMBERS = 1 << 22
"""Of one array. A convolution of 3·3·512·512 weights has fewer."""
LARGEST = 1e15
LONGEST = 1 << 20  # characters
NUMBER = re.compile(r"[-+−]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?(/\d+)?")


def read_array(text: str, option: str) -> Array:
    """A C×H×W array of numbers, or what an .npy file holds. Raises UsageError, OSError.

    `1 2; 3 4` is 1×2×2, `1 2 | 3 4` is 2×1×2. A number may be a fraction, 1/9.
    """
    if text.strip().lower().endswith(".npy"):
        return _checked(_file(Path(text.strip()), option), option)
    if len(text) > LONGEST:
        raise UsageError(f"{option} is {len(text):,} characters long; give an .npy file")
    channels = [
        [_row(row, option, c, r) for r, row in enumerate(channel.split(";"), 1)]
        for c, channel in enumerate(re.sub(r";\s*(?=\||$)", "", text).split("|"), 1)
    ]
    rows, columns = len(channels[0]), len(channels[0][0])
    for c, channel in enumerate(channels, 1):
        if len(channel) != rows:
            raise UsageError(
                f"{option}: channel {c} has {len(channel)} row{'s' * (len(channel) != 1)}, "
                f"and the first {rows}"
            )
        for r, row in enumerate(channel, 1):
            if len(row) != columns:
                where = f"row {r}" + f" of channel {c}" * (len(channels) > 1)
                raise UsageError(
                    f"{option}: {where} has {len(row)} number{'s' * (len(row) != 1)}, "
                    f"and the first {columns}"
                )
    return _checked(np.array(channels, np.float64), option)


def _row(text: str, option: str, channel: int, row: int) -> list[float]:
    words = text.replace(",", " ").split()
    where = f"row {row} of channel {channel}"
    if not words:
        raise UsageError(
            f"{option}: {where} is empty; write numbers as in `1 2; 3 4`, rows apart by `;`, "
            f"channels by `|`"
        )
    return [_number(word, f"{option}: {where}, number {n}") for n, word in enumerate(words, 1)]


def _number(word: str, where: str) -> float:
    if not NUMBER.fullmatch(word):
        raise UsageError(f"{where}: `{word[:40]}` is no number")
    over, _, under = word.replace("−", "-").partition("/")
    if under and not float(under):
        raise UsageError(f"{where}: `{word[:40]}` divides by 0")
    return float(over) / float(under or 1)


def readings(values: Array, option: str) -> list[Array]:
    """As what a layer may take them, C×space, likeliest first: in one row a vector or a map of one
    axis, else C×H×W, and C×D×H×W. A batch of one is its example. Raises UsageError.
    """
    if values.ndim < 3:
        values = values.reshape(*(1,) * (3 - values.ndim), *values.shape)
    found = list[Array]()
    if values.ndim == 5 and len(values) == 1:
        found = [values[0]]
    elif values.ndim == 4:
        found = [*(readings(values[0], option) if len(values) == 1 else []), values]
    elif values.ndim == 3:
        channels, rows, _ = values.shape
        if rows == 1:
            found = [values[0, 0], values[:, 0]] if channels == 1 else [values[:, 0]]
        found = [*found, values]
    if not found:
        shape = "x".join(map(str, values.shape))
        raise UsageError(f"{option} is {shape}, and C×H×W is taken, or C×D×H×W")
    return found


def _file(path: Path, option: str) -> Array:
    check_ordinary(path)
    try:
        with blamed_on(path):
            loaded: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as e:  # ValueError, EOFError, SyntaxError, …: numpy says what it met
        raise UsageError(f"{option}: `{path}` is no array that can be read: {e}") from None
    if not hasattr(loaded, "dtype"):
        raise UsageError(f"{option}: `{path}` holds several arrays; give one as an .npy file")
    values: npt.NDArray[Any] = loaded
    if values.dtype.kind not in "biuf":
        raise UsageError(f"{option}: `{path}` holds no plain numbers but {values.dtype}")
    if values.size > MOST_NUMBERS:
        raise UsageError(
            f"{option}: `{path}` holds {values.size:,} numbers, and at most {MOST_NUMBERS:,} are "
            f"worked through"
        )
    return np.array(values, np.float64)


def _checked(values: Array, option: str) -> Array:
    if not values.size:
        raise UsageError(f"{option} holds no numbers")
    if not np.all(np.abs(values) <= LARGEST):  # neither are NaN and infinity
        raise UsageError(f"{option}: numbers lie between −{LARGEST:g} and {LARGEST:g}")
    return values
