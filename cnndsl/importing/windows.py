"""Lines with labels that are alike in several places: what a block may hold, labels and all.

A window is a row of lines that take at most one value by the line above and a few by name, and of
which only the last gives a value to others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

from cnndsl.importing.draft import Value
from cnndsl.importing.items import Again, Item, Loop, Region
from cnndsl.importing.lines import SIDES, called, region_lines

LONGEST_WINDOW = 40  # lines
FOREVER = 1 << 30

Key = tuple[object, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Window:
    """A row of `items` from `start` on; `path` tells where these lie, "" for the net's. `sides` are
    values that it takes beside the one that its first line does.
    """

    items: list[Item]
    start: int
    length: int
    path: str
    sides: tuple[Value, ...]

    def region(self) -> Region:
        """What the window is as one item."""
        window = self.items[self.start : self.start + self.length]
        name = "cell" if self.sides else "layers"
        return Region(entry=window[0].entry, items=window, sides=list(self.sides), name=name)

    def replace(self, region: Region) -> None:
        """Let the region stand in its place."""
        self.items[self.start : self.start + self.length] = [region]


def alike(
    sequences: Sequence[tuple[str, list[Item]]],
    text_of: Callable[[Item], str],
    ends: Set[Value],
    alone: Set[Item],
) -> list[list[Window]]:
    """Groups of windows with the same text but for their numbers, those first that save most lines.

    `ends` are values that the whole net gives, `alone` items that no window may hold.
    """
    texts: dict[str, int] = {}
    counts: dict[int, int] = {}
    numbers: dict[Item, int] = {}
    for _, items in sequences:
        for item in items:
            number = texts.setdefault(text_of(item), len(texts))
            numbers[item] = number
            counts[number] = counts.get(number, 0) + 1
    lonely = {item for item, number in numbers.items() if counts[number] < 2} | alone
    groups: dict[Key, list[Window]] = {}
    for path, items in sequences:
        free: dict[Key, int] = {}  # where the window before it ends
        for key, window in _Sequence(items, path, numbers, ends, lonely).windows():
            if free.get(key, 0) <= window.start:
                free[key] = window.start + window.length
                groups.setdefault(key, []).append(window)
    saved = [(_saved(group), group) for group in groups.values() if len(group) > 1]
    saved = [(lines, group) for lines, group in saved if lines > 0]
    return [group for _, group in sorted(saved, key=lambda pair: -pair[0])]


def _saved(group: Sequence[Window]) -> int:
    """Lines that a block would save; places in blocks that are alike themselves count once."""
    places = len({(w.path, w.start) if w.path else w for w in group})
    first = group[0]
    if (first.length - 1) * (places - 1) <= 2:
        return 0
    lines = len(region_lines(first.region()))
    return lines * (places - 1) - places - (lines > 1)


class _Sequence:
    """The lines of the net or of a region, and which of them take which values."""

    def __init__(
        self,
        items: list[Item],
        path: str,
        numbers: dict[Item, int],
        ends: Set[Value],
        lonely: Set[Item],
    ):
        self.items, self.path, self.numbers = items, path, numbers
        self.places: dict[Value, int] = {item.end: place for place, item in enumerate(items)}
        self.last = [FOREVER if item.end in ends else 0 for item in items]
        if path:
            self.last[-1] = FOREVER
        self.reused = [0] * len(items)  # where a line is reused for the last time
        self.barred = [item in lonely or isinstance(item, Loop) for item in items]
        self.taken: list[list[Value]] = []
        for place, item in enumerate(items):
            self.taken.append([item.entry, *called(item, item.entry)])
            for value in self.taken[-1]:
                if value in self.places:
                    self.last[self.places[value]] = max(self.last[self.places[value]], place)
            if isinstance(item, Again):
                if item.of.end in self.places:
                    self.reused[self.places[item.of.end]] = place
                else:
                    self.barred[place] = True

    def windows(self) -> Iterator[tuple[Key, Window]]:
        """All that may become blocks."""
        for start in range(len(self.items)):
            yield from self._windows_from(start)

    def _windows_from(self, start: int) -> Iterator[tuple[Key, Window]]:
        key: list[object] = []
        outer: dict[Value, int] = {}
        until, labelled = 0, False
        for place in range(start, min(start + LONGEST_WINDOW, len(self.items))):
            item = self.items[place]
            if self.barred[place]:
                return
            if isinstance(item, Again) and self.places[item.of.end] < start:
                return
            row: list[int] = [self.numbers[item]]
            for value in self.taken[place]:
                at = self.places.get(value, -1)
                if at >= start:
                    row.append(at - place)
                    labelled |= at < place - 1
                else:
                    row.append(outer.setdefault(value, len(outer)))
            if len(outer) > 1 + len(SIDES):
                return
            key.append(tuple(row))
            length = place - start + 1
            closed = until <= place and not self.reused[place] and 1 < length < len(self.items)
            if closed and (labelled or len(outer) > 1):
                _, *sides = outer
                yield tuple(key), Window(self.items, start, length, self.path, tuple(sides))
            until = max(until, self.last[place], self.reused[place])
            if until == FOREVER:
                return
