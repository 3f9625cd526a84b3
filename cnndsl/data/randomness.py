"""Random numbers that are a function of where they are used, so that nothing needs to be kept.

A generator with a state would have to be saved with every checkpoint, and would make an example
depend on those before it. Here a number follows from its keys alone (seed, epoch, the example's
index, what it is for), by the finaliser of SplitMix64 (Steele, Lea and Flood: Fast Splittable
Pseudorandom Number Generators, 2014), in integers, so that it is the same on every machine and
with every version of numpy. All of a batch's numbers are made at once.
"""

from __future__ import annotations

from functools import cache, lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from cnndsl.data.scratch import scratch

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
_Words = npt.NDArray[np.uint64]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_LEVELS = 1 << 16  # of the table of normal numbers: they reach to ±4.2


@lru_cache(maxsize=1024)  # the same ones for each batch of an epoch
def key(*parts: int | str) -> int:
    """One key of 64 bits for several numbers and words."""
    value = 0
    for part in parts:
        number = int.from_bytes(part.encode() + b"\1", "little") if isinstance(part, str) else part
        while True:  # the sign of a negative number, and whatever is beyond 64 bits, counts too
            value = _finished(value + _GOLDEN ^ number & _MASK)
            number >>= 64
            if number in (0, -1):
                break
        value = _finished(value + number & _MASK)
    return value


def uniforms(seed: int, indices: Indices, count: int) -> Doubles:
    """`count` numbers from [0, 1) for every index: B×count."""
    words = _words(_words(np.uint64(seed), indices)[:, None], np.arange(count))
    return np.multiply(words >> np.uint64(11), 2.0**-53, dtype=np.float64)


def normals(seed: int, indices: Indices, count: int) -> Floats:
    """`count` numbers of the standard normal distribution for every index: B×count.

    One word of 64 bits gives four, each by a table of 65,536 quantiles.
    """
    words = _words(_words(np.uint64(seed), indices)[:, None], np.arange(-(-count // 4)))
    return _quantiles().take(words.view(np.uint16)[:, :count])


def order(seed: int, count: int) -> Indices:
    """The numbers from 0 to `count` − 1, shuffled."""
    return np.argsort(_words(np.uint64(seed), np.arange(count)), kind="stable")


@cache
def _quantiles() -> Floats:
    inverse = NormalDist().inv_cdf
    half = [inverse((n + 0.5) / _LEVELS) for n in range(_LEVELS // 2)]
    return np.array([*half, *(-value for value in reversed(half))], np.float32)


def _words(seeds: _Words | np.uint64, indices: Indices) -> _Words:
    """SplitMix64's words number `indices` of the streams that begin at `seeds`.

    They are in scratch memory: what is made of them has to be made at once.
    """
    with np.errstate(over="ignore"):
        steps = (indices.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN)
        shape = np.broadcast_shapes(np.shape(seeds), steps.shape)
        name = f"words {len(shape)}"  # those of a batch are the seeds of its examples'
        words = np.add(seeds, steps, out=scratch.take(name, shape, np.uint64))
        shifted = scratch.take("shifted", shape, np.uint64)
        for shift, factor in ((30, _FIRST), (27, _SECOND)):
            words ^= np.right_shift(words, np.uint64(shift), out=shifted)
            words *= np.uint64(factor)
        words ^= np.right_shift(words, np.uint64(31), out=shifted)
    return words


def _finished(word: int) -> int:
    word &= _MASK
    word = (word ^ (word >> 30)) * _FIRST & _MASK
    word = (word ^ (word >> 27)) * _SECOND & _MASK
    return word ^ (word >> 31)
