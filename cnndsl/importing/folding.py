"""What repeats is written once: `*k`, `def`s and `for` loops, as long as the text becomes shorter.

Parts of a net are compared by their text with marks in the place of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby, pairwise

from cnndsl.importing.comparing import (
    cost,
    cost_of_lines,
    filled,
    options_of,
    residuals,
    single_text,
    skeleton,
)
from cnndsl.importing.draft import Draft, Step, Value
from cnndsl.importing.items import Again, Block, Call, Definition, Item, Loop, Region, Unit
from cnndsl.importing.lines import SIDES, body_lines, called
from cnndsl.importing.loops import looped, wrap_skipless
from cnndsl.importing.norms import norms_named
from cnndsl.importing.prelude import use_prelude
from cnndsl.importing.solving import Hole, Solved, solve
from cnndsl.importing.windows import alike

MOST_ITEMS = 1000  # that are compared with one another
LONGEST_WINDOW = 6  # items of a part that repeats
LEAST_SAVING = 20  # letters


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """Where a window lies: in a list of items; `path` tells where that lies, "" for the net's."""

    items: list[Item]
    start: int
    length: int
    path: str

    @property
    def window(self) -> list[Item]:
        """The items."""
        return self.items[self.start : self.start + self.length]


class Folder:
    """Folds a net's items, of which those that are `alone` stay as they are. Where `pairs_first`,
    two items in a row may become a block before each of them does; where `gathers`, lines with
    labels may become one.
    """

    def __init__(
        self,
        draft: Draft,
        items: Sequence[Item],
        alone: Set[Item],
        taken: set[str],
        pairs_first: bool = False,
        gathers: bool = False,
    ):
        self.draft, self.items, self.alone = draft, list(items), set(alone)
        self.taken, self.pairs_first, self.gathers = taken, pairs_first, gathers
        self.definitions: list[Definition] = []
        self._skeletons: dict[Item, tuple[str, list[Hole]]] = {}
        self._reused = {item.of.end for item in items if isinstance(item, Again)}
        self._refer()

    @cached_property
    def _users(self) -> dict[Value, list[Step]]:
        return self.draft.users()

    def _refer(self) -> None:
        """Find out which values are called by name (`named`), and which items take such ones: as
        the first (`sourced`), or beside it (`lonely`). All these are `fixed`.
        """
        self.named, self.sourced, self.lonely = self.draft.ends(), set[Item](), set(self.alone)
        above: Value | None = self.draft.inputs[-1] if self.draft.inputs else None
        for item in self.items:
            values = called(item, above)
            self.named.update(values)
            if item.entry is not above:
                self.sourced.add(item)
            if called(item, item.entry) or item.end in self._reused:
                self.lonely.add(item)
            above = item.end
        labelled = {item for item in self.items if item.end in self.named}
        self.fixed = self.lonely | self.sourced | labelled

    def fold(self) -> list[Item]:
        """The items, folded; `definitions` are the blocks that they use."""
        if len(self.items) > MOST_ITEMS:
            return self.repeated(self.items)
        if any(isinstance(item, Region) for item in self.items):
            while self._define(longest=LONGEST_WINDOW, in_regions=True):
                pass
        while self.gathers and self._gather():
            pass
        self._define_regions()
        self.items = norms_named(self.items, self.definitions, self.taken)
        self.items = use_prelude(wrap_skipless(self.items, self.fixed), self.fixed)
        self.items = self.repeated(self.items)
        for longest in (2,) if self.pairs_first else (1, 2):
            while self._define(longest, nested=True):
                pass
        self._stack()
        while self._define(longest=2, only_blocks=True):
            pass
        self.items = self.repeated(self.items)
        while self._loop() or self._define(longest=LONGEST_WINDOW):
            self.items = self.repeated(self.items)
        return self.items

    def _gather(self) -> bool:
        """Make regions of lines with labels that are alike; whether there were some."""
        bodies = [self.items, *_bodies(self.items)]
        every = self._sequences(self.items, "")
        sequences = [(path, items) for path, items in every if any(items is b for b in bodies)]
        ends = self.draft.ends()
        for group in alike(sequences, lambda i: self._skeleton([i])[0], ends, self.alone):
            regions = [window.region() for window in group]
            found = self._solved([Place([region], 0, 1, "") for region in regions])
            kept = {place.items[0] for place in found[0]} if found else set[Item]()
            if len(kept) < 2:
                continue
            for window, region in reversed([*zip(group, regions, strict=True)]):
                if region in kept:
                    window.replace(region)
            self._skeletons.clear()
            self._refer()
            return True
        return False

    def repeated(self, items: Sequence[Item]) -> list[Item]:
        """Lines that say the same become one with `*k`; in bodies too."""
        self._skeletons.clear()
        found: list[Item] = []
        text = ""
        for item in items:
            if isinstance(item, Block) and item.kind == "residual":
                item.branches = [self.repeated(branch) for branch in item.branches]
            last, above = found[-1] if found else None, text
            text = "" if isinstance(item, Block | Loop) else single_text(item)
            if (
                last is not None
                and text
                and last.end not in self.named
                and item not in self.sourced
                and self.lonely.isdisjoint((last, item))
                and not item.copies
                and text == above
            ):
                last.copies.append(item)
                if item in self.fixed:  # a label names the end of all
                    self.fixed.add(last)
            else:
                found.append(item)
        return found

    def _stack(self) -> None:
        """Calls that repeat in a branch, where no `*k` can stand, become a block's only line."""
        found: dict[str, list[tuple[list[Item], list[Item]]]] = {}
        for branch in _branches(self.items):
            texts = [single_text(item) if isinstance(item, Call) else "" for item in branch]
            runs = [len(list(run)) for _, run in groupby(texts)]
            for start, length in zip(accumulate(runs, initial=0), runs, strict=False):
                if texts[start]:
                    text, _ = self._skeleton(branch[start : start + 1])
                    found.setdefault(text, []).append((branch, branch[start : start + length]))
        for runs in found.values():
            self._stacked(runs)

    def _stacked(self, runs: Sequence[tuple[list[Item], list[Item]]]) -> None:
        """Do so with runs in their branches that are alike, where the text becomes shorter."""
        for branch, run in runs:
            start = branch.index(run[0])
            branch[start : start + len(run)] = run[:1]
            run[0].copies = run[1:]
        self._skeletons.clear()
        places = [Place(branch, branch.index(run[0]), 1, "") for branch, run in runs]
        kept = self._solved(places)
        saved = {single_text(run[0]): (len(run) - 1) * len(single_text(run[0])) for _, run in runs}
        if kept is not None and len(kept[0]) == len(places):
            definition, calls = self._called(*kept)
            if sum(saved.values()) - cost_of_lines(definition.text()) >= LEAST_SAVING:
                self._replace_by_calls(definition, kept[1], calls)
                return
        for branch, run in runs:
            start = branch.index(run[0])
            branch[start : start + 1] = run
            run[0].copies = []
        self._skeletons.clear()

    # Definitions

    def _define_regions(self) -> None:
        """Make a block of every region that saves lines so, the innermost first."""
        while True:
            found: dict[str, list[Place]] = {}
            sizes: dict[str, int] = {}
            for path, items in self._sequences(self.items, ""):
                for start, item in enumerate(items):
                    if isinstance(item, Region):
                        text, _ = self._skeleton([item])
                        found.setdefault(text, []).append(Place(items, start, 1, path))
                        sizes[text] = text.count("\n")
            if not found:
                return
            places = found[min(found, key=sizes.__getitem__)]
            kept = self._solved(places)
            assert kept is not None  # numbers of one place need no parameters
            definition, calls = self._called(*kept)
            distinct = len({(place.path, place.start) if place.path else place for place in calls})
            if (len(definition.lines) - 1) * distinct <= len(definition.text()):
                free = [place for place in places if self._dissolves(place)]
                for place in reversed(free):
                    _dissolve(place)
                if free:
                    self._skeletons.clear()
                    self._refer()
                    continue
            self._replace_by_calls(definition, kept[1], calls)

    def _dissolves(self, place: Place) -> bool:
        """Whether the lines of a region may stand in its place: not in a branch, which has no
        labels, nor where they are reused.
        """
        free = any(place.items is items for items in (self.items, *_bodies(self.items)))
        return free and place.items[place.start].end not in self._reused

    def _define(
        self,
        longest: int,
        only_blocks: bool = False,
        nested: bool = False,
        in_regions: bool = False,
    ) -> bool:
        """Make a block of the window whose definition saves most; whether there was one.

        `nested` ones lie within blocks that aren't alike themselves; others perhaps `in_regions`.
        """
        best: tuple[int, Definition, Solved, dict[Place, Call]] | None = None
        sequences = list(self._sequences(self.items, "")) if nested else [("", self.items)]
        if in_regions:
            inner = list(_bodies(self.items))
            every = self._sequences(self.items, "")
            sequences += [(p, items) for p, items in every if any(items is i for i in inner)]
        for length in range(1, longest + 1):
            for places in self._alike(sequences, length):
                first = places[0].window
                if length == 1 and isinstance(first[0], Unit):
                    continue  # a line by another name says less
                if only_blocks and not _is_block(first):
                    continue
                if nested and not any(isinstance(item, Block) for item in first):
                    continue
                found = self._solved(places)
                if found is None or len(found[0]) < 2:
                    continue
                # Within blocks that are alike, the text stands once when these are defined
                distinct = {place.path or place: place for place in found[0]}.values()
                if nested and not any(place.path for place in distinct):
                    continue
                if (nested or in_regions) and len(distinct) < 2:
                    continue
                definition, calls = self._called(*found)
                lines = (len(body_lines(place.window)) - 1 for place in distinct)
                if not nested and sum(lines) < len(definition.text()):
                    continue
                before = sum(cost(place.window) for place in distinct)
                after = cost_of_lines(definition.text()) + cost([calls[p] for p in distinct])
                saving = before - after
                if saving >= LEAST_SAVING and (best is None or saving > best[0]):
                    best = saving, definition, found[1], calls
        if best is None:
            return False
        self._replace_by_calls(*best[1:])
        return True

    def _sequences(self, items: list[Item], path: str) -> Iterator[tuple[str, list[Item]]]:
        """All lists of items, those of branches too, with a text that tells where they lie."""
        yield path, items
        for item in items:
            if isinstance(item, Block):
                text = f"{path}\n{self._skeleton([item])[0]}"
                for number, branch in enumerate(item.branches):
                    yield from self._sequences(branch, f"{text}\n{number}")
            elif isinstance(item, Region):
                yield from self._sequences(item.items, f"\n{self._skeleton([item])[0]}")

    def _skeleton(self, window: Sequence[Item]) -> tuple[str, list[Hole]]:
        """As `skeleton`, which takes its time, with what is known already."""
        for item in window:
            if item not in self._skeletons:
                self._skeletons[item] = skeleton([item])
        found = [self._skeletons[item] for item in window]
        return "\n".join(text for text, _ in found), [hole for _, holes in found for hole in holes]

    def _alike(self, sequences: Sequence[tuple[str, list[Item]]], length: int) -> list[list[Place]]:
        """Places of windows with the same skeleton, which don't overlap."""
        groups: dict[str, list[Place]] = {}
        for path, items in sequences:
            last: dict[str, int] = {}  # where the window before it ends
            for start in range(len(items) - length + 1):
                window = items[start : start + length]
                if not self._is_movable(window):
                    continue
                text, _ = self._skeleton(window)
                if last.get(text, 0) <= start:
                    last[text] = start + length
                    where = f"{path}\n{start}" if path else ""
                    groups.setdefault(text, []).append(Place(items, start, length, where))
        return [places for places in groups.values() if len(places) > 1]

    def _is_movable(self, window: Sequence[Item]) -> bool:
        """Whether a call may stand for it: only its first line has a source of its own, only its
        last one a label.
        """
        if any(item in self.lonely or isinstance(item, Loop) for item in window):
            return False
        if any(True for _ in _bodies(window)):  # regions become blocks of their own
            return False
        if not all(a.end is b.entry for a, b in pairwise(window)):
            return False
        if any(called(item, item.entry) or item.end in self._reused for item in window):
            return False
        if any(item.end in self.named for item in window[:-1]):
            return False
        inside = {step for item in window for step in item.steps()}
        return all(inside.issuperset(self._users[item.end]) for item in window[:-1])

    def _solved(self, places: list[Place]) -> tuple[list[Place], Solved] | None:
        """As many of the places as parameters can tell apart."""
        kept: list[Place] = []
        rows: list[list[Hole]] = []
        channels: list[int] = []
        options: set[str] = set()
        solved: Solved | None = None
        for place in places:
            window = place.window
            _, holes = self._skeleton(window)
            entering = window[0].entry.output.channels
            given = options | options_of(window)
            if len(given) > 1:
                continue
            found = solve([*rows, holes], [*channels, entering])
            if found is None:
                continue
            kept.append(place)
            rows.append(holes)
            channels.append(entering)
            options, solved = given, found
        return None if solved is None else (kept, solved)

    def _called(self, places: list[Place], solved: Solved) -> tuple[Definition, dict[Place, Call]]:
        """The definition of windows, and its calls by their places."""
        windows = [place.window for place in places]
        definition = Definition(self._free_name(windows[0]), solved.parameters, [])
        definition.lines = filled(windows[0], solved)
        definition.labels = SIDES[: len(_sides(windows[0]))]
        calls = {
            place: Call(
                entry=window[0].entry,
                definition=definition,
                arguments=[(p, p.values[i]) for p in solved.parameters],
                items=window,
                sides=_sides(window),
                words=_words(window),
            )
            for i, (place, window) in enumerate(zip(places, windows, strict=True))
        }
        return definition, calls

    def _replace_by_calls(
        self, definition: Definition, solved: Solved, calls: dict[Place, Call]
    ) -> None:
        windows = [call.items for call in calls.values()]
        option = next((o for window in windows for o in options_of(window)), "")
        for residual in (block for window in windows for block in residuals(window)):
            residual.option = option  # one of them has it, so all of them do
        definition.lines = filled(windows[0], solved)
        self.taken.add(definition.name)
        self.definitions.append(definition)
        for place, call in reversed(calls.items()):
            place.items[place.start : place.start + place.length] = [call]
        self._refer()
        self._skeletons.clear()

    def _free_name(self, window: Sequence[Item]) -> str:
        """A block's name by what it is."""
        block = next((item for item in window if isinstance(item, Block)), None)
        word = "layers" if block is None else "mixed" if block.kind == "concat" else "block"
        if isinstance(window[0], Region):
            word = window[0].name
        name, letters = word, iter("bcdefghijklmnopqrstuvwxyz")
        while name in self.taken:
            name = f"{word}_{next(letters)}"
        return name

    # Loops

    def _loop(self) -> bool:
        """Make a loop of the windows in a row that saves most; whether there was one."""
        best: tuple[int, int, int, Loop] | None = None
        for start in range(len(self.items)):
            for length in range(1, LONGEST_WINDOW + 1):
                found = self._run(start, length)
                if found and found[0] >= LEAST_SAVING and (best is None or found[0] > best[0]):
                    best = found[0], start, length, found[1]
        if best is None:
            return False
        _, start, length, loop = best
        self.items[start : start + length * len(loop.windows)] = [loop]
        self._skeletons.clear()
        return True

    def _is_like(self, first: int, second: int) -> bool:
        return self._skeleton([self.items[first]])[0] == self._skeleton([self.items[second]])[0]

    def _run(self, start: int, length: int) -> tuple[int, Loop] | None:
        """Windows of a length from a place on, as long as they are alike."""
        windows: list[list[Item]] = []
        text = ""
        if length == 1 and start and self._is_like(start - 1, start):
            return None
        for place in range(start, len(self.items) - length + 1, length):
            window = self.items[place : place + length]
            if any(item in self.fixed or isinstance(item, Loop) for item in window):
                break
            own, _ = self._skeleton(window)
            if windows and own != text:
                break
            text = own
            windows.append(window)
        for count in range(len(windows), 1, -1):
            found = looped(windows[:count])
            if found or length == 1:  # a part of a row of single lines would look torn
                return found
        return None


def _dissolve(place: Place) -> None:
    """Let the lines of a region stand in its place."""
    region = place.items[place.start]
    assert isinstance(region, Region)
    last = region.items[-1]
    if isinstance(last, Block):
        last.trailing += region.trailing
    elif region.trailing:
        region.items.append(Unit(entry=last.end, layers=region.trailing))
    place.items[place.start : place.start + 1] = region.items


def _bodies(items: Sequence[Item]) -> Iterator[list[Item]]:
    """The items of all regions, at any depth."""
    for item in items:
        if isinstance(item, Region):
            yield item.items
            yield from _bodies(item.items)
        elif isinstance(item, Block):
            for branch in item.branches:
                yield from _bodies(branch)


def _sides(window: Sequence[Item]) -> list[Value]:
    """The values beside its entry that a region takes."""
    (first, *_) = window
    return first.sides if isinstance(first, Region) else []


def _words(window: Sequence[Item]) -> str:
    """What stands behind a region's call."""
    (first, *_) = window
    return " ".join(s.word for s in first.trailing) if isinstance(first, Region) else ""


def _branches(items: Sequence[Item]) -> Iterator[list[Item]]:
    """The branches of all blocks but residuals, at any depth."""
    for item in items:
        if isinstance(item, Block):
            for branch in item.branches:
                if item.kind != "residual":
                    yield branch
                yield from _branches(branch)


def _is_block(window: Sequence[Item]) -> bool:
    """Whether a window is a block, with light layers behind it at most."""
    first, *rest = window
    light = all(isinstance(i, Unit) and i.layers[0].word == "shuffle" for i in rest)
    return isinstance(first, Block) and light
