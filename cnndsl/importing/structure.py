"""Draft → items: lines, and blocks where values part and meet again (residuals, branches)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import reduce
from heapq import heapify, heappop, heappush
from typing import Any

from cnndsl.elaborate.meanings import MERGES
from cnndsl.importing.comparing import skeleton
from cnndsl.importing.draft import Draft, Source, Step, Value
from cnndsl.importing.items import Block, Item, Region, Unit
from cnndsl.importing.lines import SIDES
from cnndsl.importing.wording import is_word
from cnndsl.shape import Shape

NEVER_BEHIND_BLOCKS = ("bn", "dropout", "scale", "softmax")
ENLARGING = ("deconv", "upsample", "pixelshuffle", "unpool")
LONGEST_BODY = 60  # layers of a block; larger ones are written with labels
MOST_WORDS = 12  # of a line
MOST_LEVELS = 3  # of concats in one another; labels say more than that better
MOST_SEARCHED = 5000  # layers of a net in which regions are looked for
MOST_TURNS, MOST_CONE_TURNS = 6, 12  # of leaving out regions that are like no other
LEAST_CONE, LONGEST_CONE = 4, 60  # layers


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where lines begin and end in any case, and what no block may hold."""

    before: Set[Step] = frozenset()
    behind: Set[Step] = frozenset()
    around: Set[Step] = frozenset()


def items_of(draft: Draft, cuts: Cuts, regions: bool, cones: bool = False) -> list[Item]:
    """The whole net, from its inputs to its outputs; with `regions` where several are alike, and
    with `cones` those that take several values.
    """
    finder = _Finder(draft, cuts)
    finder.regions = regions and len(draft.steps) <= MOST_SEARCHED
    finder.cones = finder.regions and cones
    items: list[Item] = []
    for _ in range(MOST_CONE_TURNS if cones else MOST_TURNS):
        items = finder.items()
        found = [(region, skeleton([region])[0]) for region in _regions(items)]
        counts = Counter(text for _, text in found)
        single = {
            region.items[-1].end: text.count("\n") for region, text in found if counts[text] == 1
        }
        if not single:
            break
        # The large ones first: what lies in them may be like others
        finder.single |= {end for end, size in single.items() if 2 * size >= max(single.values())}
    return items


def _regions(items: Iterable[Item]) -> Iterator[Region]:
    for item in items:
        if isinstance(item, Region):
            yield item
            yield from _regions(item.items)
        elif isinstance(item, Block):
            for branch in item.branches:
                yield from _regions(branch)


def join_sums(draft: Draft) -> None:
    """Exporters add two values at a time, where a spec adds several at once: what is added to a sum
    joins it, but for a residual, and for a block with an entry of its own.
    """
    finder = _Finder(draft)
    for step in draft.steps:
        if step.word == "add":
            step.inputs = list(_terms(finder, step, finder.above[step]))
    draft.tidy()


def _terms(finder: _Finder, step: Step, entry: Value | None) -> Iterator[Value]:
    for value in step.inputs:
        if (
            isinstance(value, Step)
            and value.layer == step.layer
            and finder.users[value] == [step]
            and value not in finder.ends
            and step.inputs.count(value) == 1
            and entry not in step.inputs
            and (finder.above[value] is entry or finder.forms_no_block(value))
            and step.layer.shape(*(term.output for term in value.inputs)) == step.output
        ):
            yield from value.inputs
        else:
            yield value


def nest_concats(draft: Draft) -> None:
    """Exporters join all branches at once, those of an inner fork too: they get a `concat` of their
    own, so that blocks lie in one another.
    """
    finder = _Finder(draft)
    steps: list[Step] = []
    for step in draft.steps:
        steps += _inner_concats(finder, step)
        steps.append(step)
    draft.steps = steps


def _inner_concats(finder: _Finder, step: Step) -> list[Step]:
    """What a concat takes from now on in the place of some of its inputs."""
    groups = _grouped(finder, step.inputs) if step.word == "concat" else []
    if not groups or _levels(finder, step.inputs) > MOST_LEVELS:
        return []
    step.inputs, made = [], list[Step]()
    for group in groups:
        if len(group) > 1:
            output = step.layer.shape(*(value.output for value in group))
            inner = Step(step.layer, group, output, {}, step.hint)
            made += [*_inner_concats(finder, inner), inner]
            step.inputs.append(inner)
        else:
            step.inputs += group
    return made


def _grouped(finder: _Finder, values: Sequence[Value]) -> list[list[Value]]:
    """Values in a row that part behind the one at which all do; none where nothing is gained."""
    entry = reduce(finder.common, values[1:], values[0])
    if len(values) < 3 or entry is None:
        return []
    groups: list[list[Value]] = []
    for value in values:
        shared = finder.common(groups[-1][-1], value) if groups else None
        if shared is not None and finder.depth[shared] > finder.depth[entry]:
            groups[-1].append(value)
        else:
            groups.append([value])
    return groups if 1 < len(groups) < len(values) else []


def _levels(finder: _Finder, values: Sequence[Value]) -> int:
    """How deep concats of these values would lie in one another."""
    return 1 + max((_levels(finder, g) for g in _grouped(finder, values)), default=0)


class _Finder:
    """Finds blocks: regions between a value and a merge that nothing enters or leaves."""

    def __init__(self, draft: Draft, cuts: Cuts | None = None):
        self.draft, self.cuts = draft, cuts or Cuts()
        self.regions, self.single = False, set[Step]()  # whether to find them, and where not
        self.cones = False
        self.users, self.ends = draft.users(), draft.ends()
        self.order = {step: number for number, step in enumerate(draft.steps)}
        self.depth: dict[Value, int] = {}
        self.above: dict[Value, Value | None] = {}
        for source in draft.inputs:
            self.depth[source], self.above[source] = 0, None
        for step in draft.steps:
            above: Value | None = step.inputs[0]
            for value in step.inputs[1:]:
                above = self.common(above, value)
            self.above[step] = above
            self.depth[step] = 1 + (self.depth[above] if above is not None else 0)

    def forms_no_block(self, merge: Step) -> bool:
        """Whether a merge isn't the end of branches that begin at one value."""
        return self._block(merge) is None

    def common(self, a: Value | None, b: Value | None) -> Value | None:
        """The last value that both depend on in every way."""
        while a is not b:
            if a is None or b is None:
                return None
            if self.depth[a] >= self.depth[b]:
                a = self.above[a]
            else:
                b = self.above[b]
        return a

    def items(self) -> list[Item]:
        return self._items(self.draft.steps, None)

    def _items(self, steps: Sequence[Step], region: Step | None) -> list[Item]:
        """Those of some steps in their order, which may be a region's."""
        blocks: dict[Step, Block | Region] = {}
        inside: set[Step] = set()
        for step in reversed(steps):
            if step in inside or step is region:
                continue
            block = self._block(step) or self._region(step)
            if block is None and region is None:
                block = self._cone(step)
            if block is not None:
                blocks[step] = block
                inside |= set(block.own_steps()) - {step}
        return self._lined([blocks.get(s, s) for s in steps if s not in inside])

    def _region(self, merge: Step) -> Region | None:
        """What lies between the merge and the last value that all of it depends on."""
        entry = self.above[merge]
        if not self.regions or entry is None or len(merge.inputs) < 2 or merge in self.single:
            return None
        found: set[Step] = {merge}
        todo: list[Value] = list(merge.inputs)
        while todo:
            value = todo.pop()
            if value is entry or value in found:
                continue
            if isinstance(value, Source) or len(found) > LONGEST_BODY:
                return None
            found.add(value)
            todo.extend(value.inputs)
        if not found.isdisjoint(self.cuts.around) or any(
            step in self.ends or not found.issuperset(self.users[step]) for step in found - {merge}
        ):
            return None
        steps = sorted(found, key=self.order.__getitem__)
        return Region(entry=entry, items=self._items(steps, merge))

    def _cone(self, tip: Step) -> Region | None:
        """What only a merge is made of, from several values that lie before."""
        if not self.cones or tip in self.single or len(tip.inputs) < 2:
            return None
        found: set[Step] = {tip}
        sides: dict[Value, None] = {}
        todo = [-self.order[value] for value in tip.inputs if isinstance(value, Step)]
        heapify(todo)
        while todo and len(found) <= LONGEST_CONE:
            step = self.draft.steps[-heappop(todo)]
            if step in found or step in sides:
                continue
            another = step.word == tip.word == "concat"  # where another cell ends
            if another or step in self.ends or not found.issuperset(self.users[step]):
                sides[step] = None
                continue
            found.add(step)
            for value in step.inputs:
                if isinstance(value, Step):
                    heappush(todo, -self.order[value])
        steps = sorted(found, key=self.order.__getitem__)
        for step in steps:  # words at its beginning belong to the line before
            if is_word(step) and not step.values and found.isdisjoint(step.inputs):
                found.discard(step)
        steps = [step for step in steps if step in found]
        outer = dict.fromkeys(v for step in steps for v in step.inputs if v not in found)
        entry = steps[0].inputs[0]
        outer.pop(entry, None)
        if not LEAST_CONE <= len(found) <= LONGEST_CONE or not 1 <= len(outer) <= len(SIDES):
            return None
        if not found.isdisjoint(self.cuts.around):
            return None
        inner = self._items(steps, tip)
        return Region(entry=entry, items=inner, sides=list(outer), name="cell")

    def _block(self, merge: Step) -> Block | None:
        entry = self.above[merge]
        if entry is None or merge.word not in MERGES:
            return None
        branches: list[list[Item]] = []
        for value in merge.inputs:
            found = self._branch(value, entry)
            if found is None:
                return None
            branches.append(found)
        inner = [s for branch in branches for item in branch for s in item.steps()]
        region = set(inner)
        if len(region) < len(inner) or len(inner) > LONGEST_BODY:
            return None
        if merge in self.cuts.around or not region.isdisjoint(self.cuts.around):
            return None
        for step in region:
            if step in self.ends or not region.issuperset(set(self.users[step]) - {merge}):
                return None
        return self._formed(merge, entry, branches)

    def _branch(self, end: Value, entry: Value) -> list[Item] | None:
        """The items from a block's entry to the end of a branch."""
        found: list[Step | Block | Region] = []
        value = end
        while value is not entry:
            if isinstance(value, Source) or self.depth[value] <= self.depth[entry]:
                return None
            if len(found) > LONGEST_BODY:
                return None
            if len(value.inputs) == 1:
                found.append(value)
                value = value.inputs[0]
                continue
            block = self._block(value) or self._region(value)
            if block is None:
                return None
            found.append(block)
            value = block.entry
        return self._lined(list(reversed(found)))

    def _formed(self, merge: Step, entry: Value, branches: list[list[Item]]) -> Block | None:
        """A residual where it is one, else branches."""
        if any(map(_is_light, branches)) and any(map(_goes_up, branches)):
            return None
        block = Block(kind=merge.word, merge=merge, branches=branches, entry=entry)
        if merge.word == "mul":
            branches.sort(key=bool)  # the order of factors is free: `skip` comes first
        stretches = any(value.output != merge.output for value in merge.inputs)
        if merge.word != "add" or len(branches) != 2 or stretches:
            return block
        body, skip = sorted(branches, key=_length, reverse=True)
        if not body:
            return block
        layers = [s for item in skip for s in item.steps()]
        option = _shortcut(layers, entry.output, merge.output)
        if option is not None and not any(isinstance(i, Block) for i in skip):
            block.kind, block.branches = "residual", [body]
            block.option, block.skip = option, layers
        return block

    def _lined(self, parts: Sequence[Step | Block | Region]) -> list[Item]:
        """Steps gathered to lines: words are chained to what they follow."""
        items: list[Item] = []
        for part in parts:
            last = items[-1] if items else None
            if isinstance(part, Block | Region):
                items.append(part)
            elif last is not None and self._continues(last, part):
                (last.layers if isinstance(last, Unit) else _trailing(last)).append(part)
            else:
                items.append(Unit(entry=part.inputs[0], layers=[part]))
        return items

    def _continues(self, last: Item, step: Step) -> bool:
        """Whether a layer is a word behind the line before it."""
        end = last.end
        alone = self.users[end] == [step] and end not in self.ends and step.inputs == [end]
        if not alone or not is_word(step) or step in self.cuts.before or end in self.cuts.behind:
            return False
        if isinstance(last, Unit):
            return len(last.layers) < MOST_WORDS
        return step.word not in NEVER_BEHIND_BLOCKS and not arguments_of(step)


def arguments_of(step: Step) -> bool:
    """Whether the layer has arguments that aren't its defaults."""
    fields = type(step.layer).model_fields
    return any(getattr(step.layer, name) != info.default for name, info in fields.items())


def _trailing(item: Item) -> list[Step]:
    assert isinstance(item, Block | Region)
    return item.trailing


def _length(branch: Iterable[Item]) -> int:
    return sum(1 for item in branch for _ in item.steps())


def _is_light(branch: list[Item]) -> bool:
    """Whether a branch has no weights: a skip, cropped perhaps."""
    return not any(step.values for item in branch for step in item.steps())


def _goes_up(branch: list[Item]) -> bool:
    """Whether a branch enlarges what it made smaller, as a U-Net does: a skip past it is better
    written by a label.
    """
    return any(
        isinstance(item, Unit) and any(step.word in ENLARGING for step in item.layers)
        for item in branch
    )


def _shortcut(layers: list[Step], before: Shape, after: Shape) -> str | None:
    """The option that stands for these layers; None where there is none."""
    words = [s.word for s in layers]
    if not layers:
        return ""
    if before == after or not before.rank:
        return None
    if words == ["conv", "bn"] and not arguments_of(layers[1]):
        conv: Any = layers[0].layer
        plain = (
            set(conv.kernel) == {1}
            and not conv.bias
            and conv.groups == 1
            and not any(sum(pads) for pads in conv.window(before).pads)
        )
        return "project" if plain else None
    pools: list[Any] = [s.layer for s in layers if s.word == "pool"]
    if words in (["pool"], ["widen"], ["pool", "widen"]) and all(
        set(pool.kernel) == {1} for pool in pools
    ):
        return "pad"
    return None
