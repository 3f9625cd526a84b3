"""Any order of a value's axes by `shuffle`, which changes the places of the first two."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise

from cnndsl.importing.views import Atom, Row

MOST_GROUPS = 7  # of axes that stay together, whose orders are tried

Swap = tuple[Row, Row, Row]
"""What comes first, what changes places with it, and the rest, which stays behind them."""


def swaps(have: Sequence[Atom], want: Sequence[Atom]) -> list[Swap] | None:
    """As few as lead from one order of the atoms to another; None where they are too many."""
    groups = _groups(have, want)
    if len(groups) > MOST_GROUPS:
        return None
    places = {group[0]: i for i, group in enumerate(groups)}
    goal = tuple(places[atom] for atom in want if atom in places)
    start = tuple(range(len(groups)))
    before: dict[tuple[int, ...], tuple[tuple[int, ...], int, int]] = {}
    todo = deque([start])
    while todo and goal not in before:
        order = todo.popleft()
        for i, j, made in _neighbours(order):
            if made != start and made not in before:
                before[made] = order, i, j
                todo.append(made)
    found: list[Swap] = []
    order = goal
    while order != start:
        order, i, j = before[order]
        rows = [groups[n] for n in order]
        found.append((sum(rows[:i], ()), sum(rows[i:j], ()), sum(rows[j:], ())))
    return found[::-1]


def _groups(have: Sequence[Atom], want: Sequence[Atom]) -> list[Row]:
    """Atoms that lie behind one another in both orders."""
    following = dict(pairwise(want))
    groups: list[Row] = []
    for atom in have:
        if groups and following.get(groups[-1][-1]) is atom:
            groups[-1] = (*groups[-1], atom)
        else:
            groups.append((atom,))
    return groups


def _neighbours(order: tuple[int, ...]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    for j in range(2, len(order) + 1):
        for i in range(1, j):
            yield i, j, (*order[i:j], *order[:i], *order[j:])
