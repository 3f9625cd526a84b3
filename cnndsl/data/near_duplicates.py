"""Pictures that are the same or nearly so: copies, other sizes and compressions of one photo.

Nearly the same is decided in two steps. A fingerprint of 128 bits says for every place of a coarse
grid whether it gets brighter to the right, and downwards (the difference hash; Krawetz: Kind of
Like That, 2013). Those with few different bits are compared as small grey pictures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from cnndsl.data.randomness import Floats, Indices, key, order

SIDE = 16
"""Pixels along the small grey pictures' sides."""

MOST_BITS = 20
"""Of 128 in which fingerprints of the same photo differ; those of other photos differ in 35 and
more [measured on CIFAR-10]."""

LEAST_CORRELATION = 0.92
"""Of the small grey pictures' pixels; about 0.999 for other sizes and compressions of one photo,
0.93 where the camera has moved a little [measured]."""

_TABLES = (
    32  # of 16 bits each: of pairs that differ in 12 bits one in 600 is missed, in 20 one in 9
)
_NEIGHBOURS = 48  # how many of those that agree in such bits are looked at
_FLAT = 2.0  # the deviation of a picture that shows nothing
_COUNTS = np.array([bin(word).count("1") for word in range(1 << 16)], np.uint8)

Small = npt.NDArray[np.uint8]
"""N×16×16, grey."""


def exact_groups(digests: Sequence[bytes | None]) -> list[list[int]]:
    """The numbers of those with the same digest, where there are several; None is like no other."""
    found: dict[bytes, list[int]] = defaultdict(list)
    for number, digest in enumerate(digests):
        if digest is not None:
            found[digest].append(number)
    return [group for group in found.values() if len(group) > 1]


def near_groups(small: Small) -> list[list[int]]:
    """The numbers of pictures that show nearly the same."""
    shown = small.reshape(len(small), -1).astype(np.float32)
    shown -= shown.mean(axis=1, keepdims=True)
    length = np.sqrt(np.square(shown).sum(axis=1, keepdims=True))
    something = np.flatnonzero(length[:, 0] > _FLAT * SIDE)
    shown /= np.maximum(length, 1e-6)
    joined = _Joined(len(small))
    for first, second in _candidates(fingerprints(small[something])):
        first, second = something[first], something[second]
        alike = (shown[first] * shown[second]).sum(axis=1) >= LEAST_CORRELATION
        joined.join(zip(first[alike].tolist(), second[alike].tolist(), strict=True))
    return joined.groups()


def fingerprints(small: Small) -> npt.NDArray[np.bool]:
    """N×128 bits, those of each small picture."""
    coarse: Floats = small.reshape(-1, 8, 2, 8, 2).mean(axis=(2, 4), dtype=np.float32)
    # The last column is compared with the first, and the last row
    across = coarse < np.roll(coarse, -1, axis=2)
    down = coarse < np.roll(coarse, -1, axis=1)
    return np.concatenate([across.reshape(-1, 64), down.reshape(-1, 64)], axis=1)


def _candidates(bits: npt.NDArray[np.bool]) -> Iterable[tuple[Indices, Indices]]:
    """Pairs of numbers whose fingerprints differ little.

    They agree in 16 bits drawn at random, sooner or later; so those that agree in them are looked
    at, 32 times anew (locality-sensitive hashing; Indyk and Motwani 1998).
    """
    words = np.packbits(bits, axis=1).view(np.uint16)
    for table in range(_TABLES):
        chosen = order(key("alike", table), bits.shape[1])[:16]
        keys = np.packbits(np.ascontiguousarray(bits[:, chosen]), axis=1).view(np.uint16)[:, 0]
        ordered = np.lexsort([words[:, 1], words[:, 0], keys])
        keys = keys[ordered]
        for step in range(1, min(_NEIGHBOURS, len(ordered) - 1) + 1):
            same = np.flatnonzero(keys[:-step] == keys[step:])
            if not len(same):
                break
            first, second = ordered[same], ordered[same + step]
            close = _COUNTS[words[first] ^ words[second]].sum(axis=1) <= MOST_BITS
            yield first[close], second[close]


class _Joined:
    """Numbers in groups that grow together."""

    def __init__(self, count: int):
        self.above = list(range(count))

    def join(self, pairs: Iterable[tuple[int, int]]) -> None:
        for first, second in pairs:
            one, other = self._top(first), self._top(second)
            self.above[max(one, other)] = min(one, other)

    def groups(self) -> list[list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self.above)):
            found[self._top(number)].append(number)
        return [group for group in found.values() if len(group) > 1]

    def _top(self, number: int) -> int:
        while self.above[number] != number:
            self.above[number] = self.above[self.above[number]]
            number = self.above[number]
        return number
