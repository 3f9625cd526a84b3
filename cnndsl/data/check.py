"""What is wrong with a data set: damaged pictures, copies, contradictions, leaks between splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnndsl.data.dataset import DataSet
from cnndsl.data.looking import Look, look
from cnndsl.data.near_duplicates import exact_groups, near_groups

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Member:
    """An example: its split, its name, and its class's name (empty without classes)."""

    split: str
    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Group:
    """Examples that are the same, bit for bit (`exact`) or nearly."""

    members: tuple[Member, ...]
    exact: bool

    @property
    def leaks(self) -> bool:
        """Whether they are in several splits: what was trained on is evaluated."""
        return len({member.split for member in self.members}) > 1

    @property
    def contradicts(self) -> bool:
        """Whether they are of several classes."""
        return len({member.label for member in self.members}) > 1


@dataclass(frozen=True, slots=True)
class Damaged:
    """A picture that can't be read, and why."""

    member: Member
    reason: str


@dataclass(frozen=True, slots=True)
class Extent:
    """The least, the middle and the largest of some numbers."""

    least: int
    median: int
    most: int


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that a check found. `compared` is how many pictures were compared for likeness."""

    data: DataSet
    damaged: tuple[Damaged, ...]
    groups: tuple[Group, ...]
    formats: dict[str, int]
    modes: dict[str, int]
    width: Extent
    height: Extent
    bytes: int
    compared: int

    @property
    def leaks(self) -> list[Group]:
        """Groups over several splits."""
        return [group for group in self.groups if group.leaks]

    @property
    def contradictions(self) -> list[Group]:
        """Groups over several classes."""
        return [group for group in self.groups if group.contradicts]

    @property
    def copies(self) -> list[Group]:
        """Groups within one split and one class."""
        return [group for group in self.groups if not group.leaks and not group.contradicts]

    @property
    def sound(self) -> bool:
        """Whether nothing was found that spoils training or its evaluation."""
        return not (self.damaged or self.leaks or self.contradictions)


def check(data: DataSet, progress: Callable[[int], None] | None = None) -> Findings:
    """Look at every picture of all splits. `progress` is called with the number looked at."""
    members = [
        Member(name, split.name_of(number), label)
        for name, split in data.splits.items()
        for number, label in enumerate(_labels(data, split.targets))
    ]
    looks = [found for split in data.splits.values() for found in look(split, progress)]
    read = [found for found in looks if not found.reason]
    compared = [n for n, found in enumerate(looks) if found.small is not None]
    return Findings(
        data,
        tuple(Damaged(m, f.reason) for m, f in zip(members, looks, strict=True) if f.reason),
        tuple(_groups(members, looks, compared)),
        dict(Counter(found.format for found in read if found.format).most_common()),
        dict(Counter(found.mode for found in read if found.mode).most_common()),
        _extent([found.width for found in read]),
        _extent([found.height for found in read]),
        sum(found.bytes for found in looks),
        len(compared),
    )


def _labels(data: DataSet, targets: npt.NDArray[np.generic]) -> list[str]:
    """Each example's class; empty where there are none."""
    if data.labels:
        return [data.labels[int(number)] for number in targets.tolist()]
    return ["" for _ in targets]


def _groups(
    members: Sequence[Member], looks: Sequence[Look], compared: Sequence[int]
) -> list[Group]:
    exact = exact_groups([found.digest for found in looks])
    groups = [Group(tuple(members[n] for n in group), exact=True) for group in exact]
    # Of copies one stands for all, so that a near copy of it is found once
    same = np.arange(len(looks))
    for group in exact:
        same[group] = group[0]
    chosen = [number for number in compared if same[number] == number]
    if len(chosen) > 1:
        small = np.stack([s for n in chosen if (s := looks[n].small) is not None])
        for group in near_groups(small):
            numbers = [chosen[n] for n in group]
            groups.append(Group(tuple(members[n] for n in numbers), exact=False))
    return groups


def _extent(numbers: Sequence[int]) -> Extent:
    if not numbers:
        return Extent(0, 0, 0)
    return Extent(min(numbers), int(np.median(numbers)), max(numbers))
