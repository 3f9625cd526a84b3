"""Lines that a net has several times with the same weights: the first gets a label, the others are
`reuse` of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cnndsl.importing.comparing import plain_text, skeleton
from cnndsl.importing.draft import Draft, Step, Value
from cnndsl.importing.items import Again, Block, Call, Definition, Item, Region, Unit
from cnndsl.importing.lines import body_lines
from cnndsl.importing.structure import Cuts
from cnndsl.importing.tying import alike, is_tied

LONGEST_LINE = 60  # letters of a line that is reused; longer ones become a block

Run = list[Item]
"""Items of which each takes what the one before it gives, and nothing else does."""


ItemsOf = Callable[[Cuts], list[Item]]


def with_reuse(
    draft: Draft, items_of: ItemsOf, taken: set[str], folds: bool
) -> tuple[list[Item], list[Definition], set[Item]]:
    """The net's items, the blocks that they use, and the items that must stay as they are."""
    tied = {step for step in draft.steps if is_tied(step)}
    if not tied:
        return items_of(Cuts()), [], set()
    edges: set[Step] = tied | {step.shares for step in tied if step.shares}
    loose: set[Step] = set()
    found = _Finder(draft, items_of(Cuts(edges, edges)))
    while missing := tied - found.covered - loose:
        loose |= missing | {step.shares for step in missing if step.shares}
        found = _Finder(draft, items_of(Cuts(edges, edges, loose)))
    # Once more, with lines that end only where what is shared begins or ends
    runs = [run for group in found.groups for run in group]
    cuts = Cuts({next(iter(run[0].own_steps())) for run in runs}, {run[-1].end for run in runs})
    second = _Finder(draft, items_of(replace(cuts, around=loose)))
    return (second if second.covered >= found.covered else found).written(taken, folds)


class _Finder:
    """Finds runs of items that are alike, layer for layer, and share their weights."""

    def __init__(self, draft: Draft, items: list[Item]):
        self.items = items
        self.users, self.ends = draft.users(), draft.ends()
        self.by_step = {step: item for item in items for step in item.own_steps()}
        self.after = {item.entry: item for item in items if self._is_free(item)}
        self.groups: list[list[Run]] = []
        self.grouped: set[Item] = set()
        followers: dict[Step, list[Step]] = {}
        for step in draft.steps:
            if step.shares is not None and is_tied(step):
                followers.setdefault(step.shares, []).append(step)
        for owner, others in followers.items():
            self._find(owner, others)
        self.covered = {
            step for group in self.groups for run in group[1:] for i in run for step in i.steps()
        }

    def _find(self, owner: Step, others: Sequence[Step]) -> None:
        first = self.by_step[owner]
        if first in self.grouped or not self._is_alone(first):
            return
        group = [[first]]
        for step in others:
            item = self.by_step[step]
            if item not in self.grouped and self._is_twin(first, item):
                group.append([item])
        if len(group) < 2:
            return
        self.grouped |= {run[0] for run in group}
        while (following := [self._next(run) for run in group]) and None not in following:
            items = [item for item in following if item is not None]
            if len(set(items)) < len(items) or self.grouped.intersection(items):
                break
            if not all(self._is_twin(items[0], item) for item in items[1:]):
                break
            for run, item in zip(group, items, strict=True):
                run.append(item)
            self.grouped |= set(items)
        self.groups.append(group)

    def _next(self, run: Run) -> Item | None:
        """What alone takes the value that a run gives."""
        end = run[-1].end
        item = self.after.get(end)
        if item is None or end in self.ends or self.users[end] != _takers(item, end):
            return None
        return item

    def _is_free(self, item: Item) -> bool:
        """Whether it takes one value."""
        own = set(item.own_steps())
        return all(v in own or v is item.entry for step in own for v in step.inputs)

    def _is_alone(self, item: Item) -> bool:
        return self._is_free(item) and not self.ends.intersection(
            set(item.own_steps()) - {item.end}
        )

    def _is_twin(self, first: Item, second: Item) -> bool:
        """Whether the second is the first once more."""
        if not self._is_alone(second) or plain_text(first) != plain_text(second):
            return False
        pairs = list(zip(first.own_steps(), second.own_steps(), strict=True))
        return all(
            b.shares is a if is_tied(b) else a.layer == b.layer and (not a.values or alike(a, b))
            for a, b in pairs
        )

    def written(
        self, taken: set[str], folds: bool
    ) -> tuple[list[Item], list[Definition], set[Item]]:
        """The items with those of every run as one, at the place of its first."""
        definitions: list[Definition] = []
        places: dict[Item, Item] = {}
        texts = [skeleton(group[0])[0] for group in self.groups]
        for group, text in zip(self.groups, texts, strict=True):
            alike = folds and texts.count(text) > 1
            first = _joined(group[0], definitions, taken, folds, alike)
            places[group[0][0]] = first
            places |= {run[0]: Again(entry=run[0].entry, of=first, items=run) for run in group[1:]}
        items = [places.get(i, i) for i in self.items if i in places or i not in self.grouped]
        return items, definitions, set(places.values())


def _joined(
    run: Run, definitions: list[Definition], taken: set[str], folds: bool, alike: bool
) -> Item:
    """A run as one line: as it is, chained, or as the call of a block, with others that are alike
    perhaps.
    """
    if len(run) == 1 and not (alike and isinstance(run[0], Block)):
        return run[0]
    units = [item for item in run if isinstance(item, Unit)]
    if len(units) == len(run):
        line = Unit(entry=run[0].entry, layers=[step for unit in units for step in unit.layers])
        if len(plain_text(line)) <= LONGEST_LINE:
            return line
    if folds:
        return Region(entry=run[0].entry, items=run, name="tower")
    name, letters = "tower", iter("bcdefghijklmnopqrstuvwxyz")
    while name in taken:
        name = f"tower_{next(letters)}"
    taken.add(name)
    definitions.append(Definition(name, [], body_lines(run)))
    return Call(entry=run[0].entry, definition=definitions[-1], arguments=[], items=run)


def _takers(item: Item, value: Value) -> list[Step]:
    return [step for step in item.own_steps() if value in step.inputs]
