"""Splits that a data set doesn't bring: taken from its training examples, class by class."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from cnndsl.data.dataset import SPLITS, Files, Split
from cnndsl.data.randomness import Indices, key, order, uniforms
from cnndsl.diagnostics import UsageError

VALIDATION = 0.2
MOST_VALIDATION = 5_000
"""By default a fifth of the training examples is set aside, but no more than this."""


def completed(
    splits: Mapping[str, Split], seed: int, validation: float | None, test: float | None
) -> tuple[dict[str, Split], tuple[str, ...]]:
    """All splits, and the names of those that were made.

    `validation` and `test` are parts of the training examples, 0 for none; None is a fifth for
    validation, nothing for the test. A split that was found is never touched, and where there are
    no training examples nothing is made. Raises UsageError.
    """
    found = dict(splits)
    if not found:
        raise UsageError("there are no examples")
    count, made = len(found.get("train", ())), list[str]()
    if validation is None:
        validation = min(VALIDATION, MOST_VALIDATION / max(1, count))
    parts = {"val": validation, "test": test or 0}
    for name, part in parts.items():
        if not 0 <= part < 1:
            raise UsageError(f"the part for `{name}` is a number from 0 to less than 1, not {part}")
    if not count:
        return {name: found[name] for name in SPLITS if name in found}, ()
    train = found["train"]
    wanted = {name: part for name, part in parts.items() if part and name not in found}
    if sum(wanted.values()) >= 1:
        raise UsageError("the parts for `val` and `test` leave nothing to train on")
    taken = _divided(train, list(wanted.values()), seed)
    for name, numbers in zip(wanted, taken[1:], strict=True):
        if len(numbers):
            found[name] = train.part(numbers, name)
            made.append(name)
    if made:
        found["train"] = train.part(taken[0])
    return {name: found[name] for name in SPLITS if name in found}, tuple(made)


def _divided(split: Split, parts: list[float], seed: int) -> list[Indices]:
    """The numbers of the examples that stay, and those of each part, all in their old order.

    Every part has its share of each class, rounded down or up (see `_shares`), but never a class's
    last example. Which ones follows from the seed and each example's own name (or place in the
    array): further pictures leave most of the others where they were.
    """
    chance = _chances(split, seed)
    groups = [np.arange(len(split))]
    if split.targets.ndim == 1 and split.targets.dtype.kind == "i":
        groups = [np.flatnonzero(split.targets == number) for number in np.unique(split.targets)]
    groups = [group[np.argsort(chance[group], kind="stable")] for group in groups]
    divided: list[Indices] = []
    for place, part in enumerate(parts):
        sizes = np.array([len(group) for group in groups])
        counts = _shares(sizes, part, len(split), key(seed, "shares", place))
        divided.append(np.concatenate([g[:n] for g, n in zip(groups, counts, strict=True)]))
        groups = [group[n:] for group, n in zip(groups, counts, strict=True)]
    return [np.sort(numbers) for numbers in (np.concatenate(groups), *divided)]


def _shares(sizes: Indices, part: float, whole: int, seed: int) -> list[int]:
    """How many of each class, `part` of the `whole` together.

    Classes lie in a row in an order of the seed, each as long as its exact share, and marks at
    distances of 1 from a random place on are counted (systematic sampling; Madow 1949). So a class
    has its share rounded down or up, up as often over all seeds as what is left over says, and a
    class whose share is less than 1 has its turn, too. A class's only example stays, so it takes
    no share of the others.
    """
    drawn = order(seed, len(sizes))
    exact = np.where(sizes > 1, sizes, 0)[drawn] * (part * whole / sizes.sum())
    exact *= round(exact.sum()) / max(1e-9, exact.sum())
    start = uniforms(seed, np.array([len(sizes)]), 1)[0, 0]
    ends = np.floor(np.round(np.cumsum(exact), 6) + start).astype(np.int64)
    counts = np.empty(len(sizes), np.int64)
    counts[drawn] = np.diff(ends, prepend=0)
    return np.minimum(counts, sizes - 1).tolist()


def _chances(split: Split, seed: int) -> npt.NDArray[np.float64] | npt.NDArray[np.uint64]:
    if not isinstance(split.source, Files):
        return uniforms(key(seed, "split"), split.index, 1)[:, 0]
    start = key(seed, "split").to_bytes(8, "little")
    names = [name.encode("utf-8", "surrogateescape") for name in split.names()]
    digests = [blake2b(name, key=start, digest_size=8).digest() for name in names]
    return np.array([int.from_bytes(digest, "little") for digest in digests], np.uint64)
