"""Finding each tensor's place: by its name, by a family's names, by order; else saying what fails.

A name that is the net's own decides (without a wrapper's prefix), unless the language numbered it.
Then come the families of nets that torchvision, timm and Keras name alike: their names have a known
order, and so has the net.
Last, the file's own order: as stored, or, where a format sorts its tensors by name, by the numbers
in the names. Each of these fits as a whole, layer by layer and shape by shape, or not at all. Where
none does, shapes may leave one way alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Table
from dataclasses import replace
from itertools import pairwise

from cnndsl.layers.base import Parameter
from cnndsl.network import Network
from cnndsl.weights.formats.keras_names import EITHER
from cnndsl.weights.mapping.aligning import MismatchError, Pairs, align, side_by_side, uncertain
from cnndsl.weights.mapping.families import FAMILIES, Family
from cnndsl.weights.mapping.layouts import KERAS, LayoutError
from cnndsl.weights.mapping.listing import Match, listed
from cnndsl.weights.mapping.mapping import Mapping, Verdict
from cnndsl.weights.mapping.modules import (
    COUNTERS,
    Module,
    is_stray,
    modules_in,
    sorting_key,
    stripped,
)
from cnndsl.weights.mapping.pairing import Pairing
from cnndsl.weights.mapping.pairs import Pair, paired, unfit
from cnndsl.weights.mapping.places import Place, places_in
from cnndsl.weights.mapping.shapes import only_way
from cnndsl.weights.mapping.windows import other_windows
from cnndsl.weights.patterns import matches
from cnndsl.weights.tensors import AS_USUAL, TensorFile, Turns

SORTED = "safetensors"
"""The format whose files are sorted by name, not by where a layer stands."""

PERMUTED = (
    "the model permutes axes in a way that isn't known here (Permute), so that the order of the "
    "weights at flattened maps isn't known either"
)

TRANSPOSED = (
    "the model transposes maps, so that the order of the weights of a dense layer behind a "
    "flattened one isn't known; `cnndsl import` takes such a model as it is"
)


def fit(
    network: Network | Table[str, Parameter],
    file: TensorFile,
    *,
    allow_missing: Sequence[str] = (),
    training: bool = False,
    pairs: Sequence[Pair] = (),
) -> Mapping:
    """Which tensor of a file is which parameter of a net (or of an ONNX model: by names alone).

    `allow_missing` are patterns of parameters, layers or blocks that may start anew; `training` is
    whether the side chains of training are needed too; `pairs` go before all else. Reads no values.
    Raises UsageError for pairs that can't be; what is missing is told by `Mapping.check`.
    """
    orders = file.format == KERAS or bool(file.layers)
    try:
        places = places_in(network, orders, file.turns if file.turns.known else AS_USUAL)
    except LayoutError:
        file = replace(file, turns=Turns(known=False))
        places = places_in(network, orders)
    fitting = _Fitting(file, places, allow_missing)
    fitting.by_pairs(pairs)
    if isinstance(network, Network):
        fitting.exact()
        fitting.by_family()
        fitting.by_order(network)
    else:
        fitting.by_full_name()
    fitting.compare_windows()
    entries = listed(places, fitting.found, fitting.modules, fitting.others, fitting.pairing)
    required = {p.full(q) for p in places if training or not p.training for q in p.parameters}
    spared = {name for name in required if matches(name, allow_missing)}
    return Mapping(
        file,
        tuple(
            replace(e, required=False) if e.parameter not in required - spared else e
            for e in entries
        ),
        tuple(fitting.notes),
        fitting.obstacle,
    )


def _unsaid(modules: Sequence[Module]) -> str:
    """A sentence on a norm whose only factor or offset might be either; "" where there is none."""
    either = next((m.parts[EITHER] for m in modules if EITHER in m.parts), None)
    if either is None:
        return ""
    return (
        f"`{either.name}` is a norm's scale (gamma) or its offset (beta), and weights alone don't "
        f"say which: save the whole model as .keras"
    )


class _Fitting:
    """A fit under way: which layer of the file each place has found so far."""

    def __init__(self, file: TensorFile, places: list[Place], allow_missing: Sequence[str]):
        self.file, self.places = file, places
        self.modules, self.others = modules_in(file)
        self.found: dict[str, Match] = {}
        self.named: dict[str, Match] = {}
        self.family: Family | None = None
        self.notes = list(file.notes)
        self.obstacle, self.uncertain = "", False
        if not file.turns.known:
            self.notes.append(PERMUTED)
        self.spared = {
            p.name for p in places if all(matches(p.full(q), allow_missing) for q in p.parameters)
        }
        strays = list(
            dict.fromkeys(n.rpartition(".")[2] for n in file.tensors if is_stray(n, file))
        )
        if strays:
            left = ", ".join(f"`{name}`" for name in strays[:6])
            self.notes.append(f"no layer's, so left aside: {left}{', …' if strays[6:] else ''}")
        counters = sum(name.endswith(COUNTERS) for name in file.tensors)
        if counters:
            self.notes.append(f"{counters} counters of batches ({COUNTERS}) are left out")

    @property
    def pairing(self) -> Pairing:
        epsilon = self.family.epsilon if self.family else None
        return Pairing(self.file.format, epsilon, self.file.epsilons)

    def fits(self, place: Place, module: Module) -> bool:
        """Whether a layer of the file that isn't called so may be the net's."""
        odd = module.said is not None and module.said.transposed and place.flattened
        if odd and TRANSPOSED not in self.notes:
            self.notes.append(TRANSPOSED)
        return not odd and self.suits(place, module)

    def suits(self, place: Place, module: Module) -> bool:
        """Whether a layer's tensors fit, and their order is known."""
        turned = place.flattened or place.after is not None
        if turned and not self.file.turns.known:
            return False
        return self.pairing.fits(place, module)

    def open_places(self) -> list[Place]:
        return [p for p in self.places if p.name not in self.found]

    def free_modules(self) -> list[Module]:
        taken = {id(match.module) for match in self.found.values()}
        return [m for m in self.unnamed() if id(m) not in taken]

    def unnamed(self) -> list[Module]:
        """The layers of which no pair gives anything away."""
        given = {t.name for match in self.named.values() for t in match.module.parts.values()}
        return [m for m in self.modules if not any(t.name in given for t in m.parts.values())]

    def by_pairs(self, pairs: Sequence[Pair]) -> None:
        """What the user says. Raises UsageError where it can't be."""
        if not pairs:
            return
        by_name = {place.name: place for place in self.places}
        for name, (module, pair) in paired(pairs, self.places, self.modules, self.file).items():
            place = by_name[name]
            entries = self.pairing.entries(place, module, "named")
            for entry in (e for e in entries if e.verdict == "missing"):
                sizes_there = " x ".join(map(str, entry.shape))
                raise unfit(pair, f"`{entry.parameter}` is {sizes_there}, and {entry.note}")
            if not self.suits(place, module):
                raise unfit(pair, PERMUTED)
            self.named[name] = Match(module, "named")
        self.found = dict(self.named)

    def exact(self) -> None:
        """Layers that are called alike, and whose shapes fit."""
        by_name = {m.name: m for m in reversed(self.unnamed())}
        for place in self.open_places():
            module = by_name.get(place.name)
            if module is not None and self.suits(place, module):
                self.found[place.name] = Match(module, "exact")

    def compare_windows(self) -> None:
        """Tell where the file's graph slides its filters otherwise than the net."""
        pairs = [(p, self.found[p.name].module) for p in self.places if p.name in self.found]
        if doubt := other_windows(pairs, self.file, self.family):
            self.notes.append(doubt)

    def by_full_name(self) -> None:
        """Tensors that are called as an ONNX model's parameters are."""
        names = stripped(self.file.tensors)
        self.modules = [Module(n, {n: self.file.tensors[full]}) for n, full in names.items()]
        self.others = []
        self.exact()

    def by_family(self) -> None:
        """The family of names that finds a place for the most layers, if one does for all."""
        if not self.open_places():
            return
        best: tuple[Family | None, Pairs] = (None, [])
        places = [p for p in self.places if p.name not in self.named]
        modules = self.unnamed()
        needed = [p for p in places if p.name not in self.spared and not p.training]
        for family in FAMILIES:
            keyed = [(k, m) for m in modules if (k := family.key(m.name)) is not None]
            keyed.sort(key=lambda pair: pair[0])
            try:
                pairs = align(places, [m for _, m in keyed], self.fits, self.spared)
            except MismatchError:
                continue
            others = any(m.kind == "product" and family.key(m.name) is None for m in modules)
            if others and not {p.name for p in needed} <= {p.name for p, _ in pairs}:
                continue  # what is open may be in the file under a name that is none of the family
            if len(pairs) > len(best[1]):
                best = family, pairs
        family, pairs = best
        if family is None:
            return
        self.notes.append(f"the names are those of {family.name}")
        self.family = family
        self.found = dict(self.named)
        for place, module in pairs:
            verdict: Verdict = "exact" if place.name == module.name else "renamed"
            self.found[place.name] = Match(module, verdict)

    def by_order(self, network: Network) -> None:
        """What is left on both sides, where all of it comes in one order.

        Names that the language numbered itself count only where they keep the order: first all such
        layers are taken as if they were called otherwise, then the rest alone.
        """
        needed = any(p.name not in self.spared and not p.training for p in self.open_places())
        if self.family or not needed or not self.free_modules():
            return  # a family leaves nothing but a head open
        named = dict(self.found)
        numbered = {p.name for p in self.places if p.numbered} & named.keys() - self.named.keys()
        if numbered:
            self.found = {name: m for name, m in named.items() if name not in numbered}
            if self._ordered(network) or self.uncertain:
                return
            self.found = named
        self._ordered(network)
        if numbered and (strays := self._disordered()):
            one, other = strays
            self.found = named
            self.obstacle = (
                f"by order the rest doesn't fit: `{other}` stands before `{one}` in the file, and "
                f"names such as `{min(numbered)}` are only numbers"
            )
        if self.obstacle:
            self.by_shape(network, numbered)

    def by_shape(self, network: Network, numbered: Collection[str]) -> None:
        """What is left, where shapes leave one way alone; numbered names are no evidence here."""
        named = self.found
        self.found = {name: m for name, m in named.items() if name not in numbered}
        places = [p for p in self.open_places() if p.name not in self.spared and not p.training]
        modules = [m for m in self.free_modules() if not m.training]
        pairs = only_way(places, modules, self.fits, self.file.format == KERAS)
        if pairs:
            self._take(network, pairs, "by shape")
        else:
            self.found = named

    def _ordered(self, network: Network) -> bool:
        """Whether what is left fits by an order, which is taken; else the obstacle says why not."""
        places, modules = self.open_places(), self.free_modules()
        by_number = sorted(modules, key=sorting_key)
        orders = [by_number] if self.file.format == SORTED else [modules, by_number]
        problem = _unsaid(modules)
        for order in orders:
            try:
                pairs = align(places, order, self.fits, self.spared)
            except MismatchError as e:
                problem = problem or str(e)
                continue
            doubt = uncertain([m for _, m in pairs]) if order is by_number else None
            if doubt is None:
                self._take(network, pairs)
                return True
            self.uncertain = True
            one, other = (f"`{m.name}`" for m in doubt)
            problem = f"{one} and {other} are alike, and the file doesn't say which is first"
        if self.file.turns.known:  # else a note says why
            self.obstacle = f"by order the rest doesn't fit: {problem}"
        return False

    def _disordered(self) -> tuple[str, str] | None:
        """Layers with weights that the net has in another order than the file: the first two."""
        order = self.modules
        if self.file.format == SORTED:
            order = sorted(order, key=sorting_key)
        ranks = {id(module): number for number, module in enumerate(order)}
        row = [p for p in self.places if p.kind == "product" and not p.training]
        row = [p for p in row if p.name not in self.named]
        modules = [self.found[p.name].module for p in row if p.name in self.found]
        for one, other in pairwise(modules):
            if ranks[id(one)] > ranks[id(other)]:
                return one.name, other.name
        return None

    def _take(self, network: Network, pairs: Pairs, how: Verdict = "by order") -> None:
        for place, module in pairs:
            verdict: Verdict = "exact" if place.name == module.name else how
            self.found[place.name] = Match(module, verdict)
        self.obstacle = ""
        alike = side_by_side(network, [p for p, m in pairs if p.name != m.name])
        if alike:
            one, other = alike[0]
            first, second = (self.found[p.name].module.name for p in (one, other))
            more = f" (and {len(alike) - 1} pairs more)" if len(alike) > 1 else ""
            self.notes.append(
                f"`{one.name}` and `{other.name}` lie side by side and have one shape: they got "
                f"`{first}` and `{second}` by the order of the file alone{more}"
            )
