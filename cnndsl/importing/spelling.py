"""Draft → spec: the text, what it means, and the weights under its names.

The text is read again and compared with the draft, layer for layer. So folding may be bold: where a
bold text means something else, a plainer one is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass

from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.importing.draft import Draft, Float, Step, Value
from cnndsl.importing.folding import Folder
from cnndsl.importing.items import Block, Call, Item, Unit
from cnndsl.importing.lines import Text, called, lines_of
from cnndsl.importing.matching import matched
from cnndsl.importing.naming import BLOCKS, Names, cleaned, common_word, stem, words_in
from cnndsl.importing.reusing import ItemsOf, with_reuse
from cnndsl.importing.structure import Cuts, items_of
from cnndsl.layers.conv import Conv
from cnndsl.layers.fc import Dense
from cnndsl.network import Network
from cnndsl.source import Source
from cnndsl.specs import load
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write

Spelled = tuple[str, Network, dict[str, Float]]
LARGEST_PICTURE = 4  # channels of an output that is a picture rather than classes


@dataclass(frozen=True, slots=True)
class Way:
    """Whether values that part and meet become blocks, whether what repeats is folded, pairs before
    single items, and cones and lines with labels, which take several values.
    """

    blocks: bool = True
    folds: bool = True
    pairs: bool = False
    cones: bool = False


BOLD = tuple(Way(pairs=pairs, cones=cones) for cones in (False, True) for pairs in (False, True))
WAYS = BOLD, (Way(folds=False),), (Way(folds=False, blocks=False),)
"""Boldest first; of those that stand together the shortest text is taken."""


SHORT = 8
"""Lines of a text that isn't worth the look for a shorter one."""


def spell(draft: Draft, name: str) -> Spelled:
    """The shortest spec that means the draft."""
    for ways in WAYS:
        written: dict[str, list[Step]] = {}
        for way in ways:
            text, steps = _written(draft, way, name)
            if text and text not in written:
                written[text] = steps
                if text.count("\n") <= SHORT and (found := _meant(draft, text, steps)):
                    return found
        for text in sorted(written, key=lambda text: text.count("\n")):
            if found := _meant(draft, text, written[text]):
                return found
    raise UsageError("the model can't be written as a spec: its layers don't fit the language")


def _written(draft: Draft, way: Way, name: str) -> tuple[str, list[Step]]:
    """The text as it comes, and the steps in its order; none where it can't be written so."""

    def items(cuts: Cuts) -> list[Item]:
        return items_of(draft, cuts, way.folds, way.cones) if way.blocks else _flat_items(draft)

    try:
        spelling = _Spelling(draft, items, way)
        return spelling.text(name), [step for item in spelling.items for step in item.steps()]
    except RecursionError:
        return "", []


def _meant(draft: Draft, text: str, steps: Sequence[Step]) -> Spelled | None:
    """The spec, well written and read again; None where it doesn't mean the draft."""
    try:
        tree = parse(Source("<imported>", text))
        well = write(tree)
        network, _ = load(tree if well == text else Source("<imported>", well))
    except (SpecError, RecursionError):
        return None
    values = matched(draft, steps, network)
    return None if values is None else (well, network, values)


class _Spelling:
    """One way to write a draft."""

    def __init__(self, draft: Draft, items_of: ItemsOf, way: Way):
        self.draft = draft
        self.names = Names(draft)
        taken = set(BLOCKS) - {"block", "mixed"} | self.names.taken
        reuse = with_reuse(draft, items_of, taken, way.folds)
        self.items, self.definitions, shared = reuse
        self.known = Text({**self.names.inputs})
        self.outputs = [self._output(name, value) for name, value in draft.outputs]
        self.classes = _classes(draft, self.items, shared)
        self.known.classes = self.classes[0] if self.classes else None
        if way.folds:
            alone = {item for item in self.items if self._has_classes(item)}
            words = taken | self.names.taken
            folder = Folder(draft, self.items, alone, words, way.pairs, way.cones)
            self.items = folder.fold()
            self.definitions = [*self.definitions, *folder.definitions]
        self.names.taken |= {d.name for d in self.definitions}
        self._name_what_is_needed()
        self._name_what_has_a_name()

    def text(self, name: str) -> str:
        """The spec as it comes."""
        inputs = self.draft.inputs
        settings = f"(classes={self.classes[1]})" if self.classes else ""
        lines = [
            "cnndsl 1",
            f"net {_title(name)}{settings}",
            *(f"input {self.names.inputs[s]} {s.output}" for s in inputs),
            *(line for d in self.definitions for line in d.text()),
            *lines_of(self.items, self.known, inputs[-1] if inputs else None),
            f"output {' '.join(self.outputs)}",
        ]
        return "\n".join(lines) + "\n"

    def _output(self, name: str, value: Value) -> str:
        known = self.known.known
        if value not in known:
            known[value] = self.names.free(cleaned(name, _called(value)))
        return known[value]

    def _has_classes(self, item: Item) -> bool:
        """Whether it has the net's parameter."""
        return isinstance(item, Unit) and item.layers[0] is self.known.classes

    def _name_what_is_needed(self) -> None:
        """Labels for values that later lines take by name."""
        known = self.known.known
        above: Value | None = self.draft.inputs[-1] if self.draft.inputs else None
        for item in self.items:
            for value in called(item, above):
                if value not in known:
                    word = common_word([value]) if isinstance(value, Step) else ""
                    known[value] = self.names.claim(word) or self.names.next("e")
            above = item.end

    def _name_what_has_a_name(self) -> None:
        """Labels for blocks and dense layers that have decent names in the model."""
        where: dict[str, set[Item]] = {}
        for item in self.items:
            for step in item.steps():
                for word in words_in(step.hint):
                    where.setdefault(word, set()).add(item)
        found: dict[Item, str] = {}
        for item in self.items:
            dense = isinstance(item, Unit) and isinstance(item.layers[0].layer, Dense)
            if item.times > 1 or item.end in self.known.known:
                continue
            if dense or isinstance(item, Block | Call):
                word = common_word(item.steps())
                if word and len(where[word]) == 1:
                    found[item] = word
        shown = Counter(map(stem, found.values()))
        every = Counter(map(stem, where))
        for item, word in found.items():
            # One of many such names says less than none: the others are folded away.
            if 2 * shown[stem(word)] > every[stem(word)] and (label := self.names.claim(word)):
                self.known.known[item.end] = label


def _flat_items(draft: Draft) -> list[Item]:
    """Every layer a line of its own."""
    return [Unit(entry=step.inputs[0], layers=[step]) for step in draft.steps]


def _called(value: Value) -> str:
    """A label for an output without a decent name of its own."""
    if isinstance(value, Step) and value.word == "softmax":
        return "probabilities"
    return "logits" if value.output.rank == 0 else "result"


def _classes(draft: Draft, items: Sequence[Item], shared: Set[Item]) -> tuple[Step, int] | None:
    """The layer with weights that an output comes from: its units are the classes."""
    ends = {value for _, value in draft.outputs}
    for item in reversed(items):
        if not isinstance(item, Unit) or item in shared:
            return None
        layer = item.layers[0].layer
        if isinstance(layer, Dense | Conv):
            units = item.layers[0].output.channels
            same = any(value.output.channels == units for value in ends)
            picture = any(n != 1 for n in item.layers[0].output.space) and units <= LARGEST_PICTURE
            return (item.layers[0], units) if same and not picture else None
    return None


def _title(name: str) -> str:
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "net"
    word = word if word[0].isalpha() else f"Net_{word}"
    return word[0].upper() + word[1:60]
