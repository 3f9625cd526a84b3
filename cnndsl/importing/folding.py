"""What repeats is written once: `*k`, `def`s and `for` loops, as long as the text becomes shorter.

Parts of a net are compared by their text with marks in the place of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.importing.comparing import (
    cost,
    cost_of_lines,
    filled,
    options_of,
    single_text,
    skeleton,
)
from cnndsl.importing.items import Block, Call, Definition, Item, Loop, Unit
from cnndsl.importing.loops import looped, wrap_skipless
from cnndsl.importing.norms import norms_named
from cnndsl.importing.prelude import use_prelude
from cnndsl.importing.solving import Hole, Solved, solve

MOST_ITEMS = 1000  # that are compared with one another
LONGEST_WINDOW = 6  # items of a part that repeats
LEAST_SAVING = 20  # letters


class Folder:
    """Folds a net's items. `fixed` ones take labelled values, `labelled` ones give them: they stay
    alone.
    """

    def __init__(
        self, items: Sequence[Item], fixed: set[Item], labelled: set[Item], taken: set[str]
    ):
        self.items, self.fixed, self.labelled = list(items), fixed | labelled, labelled - fixed
        self.taken = taken
        self.definitions: list[Definition] = []

    def fold(self) -> list[Item]:
        """The items, folded; `definitions` are the blocks that they use."""
        if len(self.items) > MOST_ITEMS:
            return self.repeated(self.items)
        self.items = norms_named(self.items, self.definitions, self.taken)
        self.items = use_prelude(wrap_skipless(self.items, self.fixed), self.fixed)
        self.items = self.repeated(self.items)
        while self._define(longest=2, only_blocks=True):
            pass
        self.items = self.repeated(self.items)
        while self._loop() or self._define(longest=LONGEST_WINDOW):
            self.items = self.repeated(self.items)
        return self.items

    def repeated(self, items: Sequence[Item]) -> list[Item]:
        """Lines that say the same become one with `*k`; in bodies too."""
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
                and last not in self.fixed
                and (item not in self.fixed or item in self.labelled)
                and not item.copies
                and text == above
            ):
                last.copies.append(item)
                if item in self.labelled:  # a label names the end of all
                    self.fixed.add(last)
            else:
                found.append(item)
        return found

    # Definitions

    def _define(self, longest: int, only_blocks: bool = False) -> bool:
        """Make a block of the window whose definition saves most; whether there was one."""
        best: tuple[int, Definition, Solved, dict[int, Call], int] | None = None
        for length in range(1, longest + 1):
            for places in self._alike(length):
                if length == 1 and isinstance(self.items[places[0]], Unit):
                    continue  # a line by another name says less
                if only_blocks and not self._is_block(places[0], length):
                    continue
                found = self._solved(places, length)
                if found is None or len(found[0]) < 2:
                    continue
                definition, calls = self._called(*found, length)
                before = [cost(self.items[p : p + length]) for p in found[0]]
                after = cost_of_lines(definition.text()) + cost([*calls.values()])
                saving = sum(before) - after
                if saving >= LEAST_SAVING and (best is None or saving > best[0]):
                    best = saving, definition, found[1], calls, length
        if best is None:
            return False
        self._replace_by_calls(*best[1:])
        return True

    def _is_block(self, place: int, length: int) -> bool:
        """Whether a window is a block, with light layers behind it at most."""
        first, *rest = self.items[place : place + length]
        light = all(isinstance(i, Unit) and i.layers[0].word == "shuffle" for i in rest)
        return isinstance(first, Block) and light

    def _alike(self, length: int) -> list[list[int]]:
        """Places of windows with the same skeleton, which don't overlap."""
        groups: dict[str, list[int]] = {}
        for place in range(len(self.items) - length + 1):
            window = self.items[place : place + length]
            if any(item in self.fixed or isinstance(item, Loop) for item in window):
                continue
            text, _ = skeleton(window)
            places = groups.setdefault(text, [])
            if not places or places[-1] + length <= place:
                places.append(place)
        return [places for places in groups.values() if len(places) > 1]

    def _solved(self, places: list[int], length: int) -> tuple[list[int], Solved] | None:
        """As many of the places as parameters can tell apart."""
        kept: list[int] = []
        rows: list[list[Hole]] = []
        channels: list[int] = []
        options: set[str] = set()
        solved: Solved | None = None
        for place in places:
            window = self.items[place : place + length]
            _, holes = skeleton(window)
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

    def _called(
        self, places: list[int], solved: Solved, length: int
    ) -> tuple[Definition, dict[int, Call]]:
        """The definition of windows, and its calls by their places."""
        windows = [self.items[place : place + length] for place in places]
        definition = Definition(self._free_name(windows[0]), solved.parameters, [])
        definition.lines = filled(windows[0], solved)
        calls = {
            place: Call(
                entry=window[0].entry,
                definition=definition,
                arguments=[(p, p.values[i]) for p in solved.parameters],
                items=window,
            )
            for i, (place, window) in enumerate(zip(places, windows, strict=True))
        }
        return definition, calls

    def _replace_by_calls(
        self, definition: Definition, solved: Solved, calls: dict[int, Call], length: int
    ) -> None:
        windows = [call.items for call in calls.values()]
        option = next((o for window in windows for o in options_of(window)), "")
        for item in (item for window in windows for item in window):
            if isinstance(item, Block) and item.kind == "residual":
                item.option = option  # one of the residuals has it, so all of them do
        definition.lines = filled(windows[0], solved)
        self.taken.add(definition.name)
        self.definitions.append(definition)
        items: list[Item] = []
        place = 0
        while place < len(self.items):
            if place in calls:
                items.append(calls[place])
                place += length
            else:
                items.append(self.items[place])
                place += 1
        self.items = items

    def _free_name(self, window: Sequence[Item]) -> str:
        """A block's name by what it is."""
        block = next((item for item in window if isinstance(item, Block)), None)
        word = "layers" if block is None else "mixed" if block.kind == "concat" else "block"
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
        return True

    def _is_like(self, first: int, second: int) -> bool:
        return skeleton([self.items[first]])[0] == skeleton([self.items[second]])[0]

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
            own, _ = skeleton(window)
            if windows and own != text:
                break
            text = own
            windows.append(window)
        for count in range(len(windows), 1, -1):
            found = looped(windows[:count])
            if found or length == 1:  # a part of a row of single lines would look torn
                return found
        return None
