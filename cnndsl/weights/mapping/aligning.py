"""Two sequences of layers side by side: the net's and the file's."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain, combinations

from cnndsl.network import Network
from cnndsl.weights.mapping.modules import Module, by_numbers
from cnndsl.weights.mapping.places import Kind, Place

Fits = Callable[[Place, Module], bool]
Pairs = list[tuple[Place, Module]]

KINDS: dict[Kind, str] = {"product": "layers with weights", "norm": "norms"}


DEEPEST = 50
"""Words of a name that are compared."""


class MismatchError(Exception):
    """Where two sequences part, in a sentence."""


def align(
    places: Sequence[Place],
    modules: Sequence[Module],
    fits: Fits,
    spared: Collection[str] = (),
) -> Pairs:
    """The net's layers with the file's, where both come in one order throughout.

    Layers with weights and norms are each a sequence; so are the side chains of training, which a
    file may lack. At the end of the net its last layer, or those that are `spared`, may find
    nothing: a head for other classes. A file without norms may have them folded into biases. Raises
    MismatchError.
    """
    try:
        return _aligned(places, modules, fits, spared)
    except MismatchError:
        if any(p.training for p in places) or not any(m.training for m in modules):
            raise
    return _aligned(places, modules, fits, spared, chains=False)  # an output may be called aux, too


def _aligned(
    places: Sequence[Place],
    modules: Sequence[Module],
    fits: Fits,
    spared: Collection[str],
    chains: bool = True,
) -> Pairs:
    pairs: Pairs = []
    for training in (False, True):
        ours = [p for p in places if p.training == training]
        theirs = [m for m in modules if (chains and m.training) == training]
        if training and (not ours or not theirs):
            continue
        for kind in KINDS:
            sequence = [p for p in ours if p.kind == kind]
            found = [m for m in theirs if m.kind == kind]
            if kind == "norm" and not found and _foldable(ours, pairs):
                continue
            pairs += _zip(kind, sequence, found, fits, spared)
    return pairs


def _zip(
    kind: Kind,
    places: Sequence[Place],
    modules: Sequence[Module],
    fits: Fits,
    spared: Collection[str],
) -> Pairs:
    modules = _settled(places, modules, fits)
    pairs = list(zip(places, modules, strict=False))
    good = next((i for i, pair in enumerate(pairs) if not fits(*pair)), len(pairs))
    left, over = places[good:], modules[good:]
    last = kind == "product" and 0 < good == len(places) - 1 and len(over) <= 1
    if (not left and not over) or last or (left and all(p.name in spared for p in left)):
        return pairs[:good]
    counts = f"the net has {len(places)} {KINDS[kind]} and the file {len(modules)}"
    if left and over:
        ours, theirs = _weight(left[0]), over[0].parts.get("weight")
        shape = f", {_sizes(theirs.shape)}" if theirs else ""
        lacking = [p.name for p in left[0].parameters if p.name not in over[0].parts]
        without = f", which has no {' and no '.join(lacking)}" if theirs and lacking else ""
        raise MismatchError(
            f"{counts}; the {_ordinal(good + 1)} are `{left[0].name}`, {ours}, and "
            f"`{over[0].name}`{shape}{without}"
        )
    first = f"`{left[0].name}` of the net" if left else f"`{over[0].name}` of the file"
    raise MismatchError(f"{counts}; {first} is left over")


def _settled(places: Sequence[Place], modules: Sequence[Module], fits: Fits) -> list[Module]:
    """The file's layers, with what blocks hold themselves where it fits among their layers.

    Raises MismatchError where it fits at several places.
    """
    order: list[Module] = []
    waiting: dict[str, deque[Module]] = {}  # by their blocks, inner ones behind outer ones
    rest = deque(modules)
    for place in places:
        while rest and (block := rest[0].block) is not None and _inside(rest[0], waiting):
            waiting.setdefault(block, deque()).append(rest.popleft())
        if not waiting and not rest:
            break
        row = _next(place, waiting, rest, fits)
        order.append(row.popleft())
        waiting = {block: row for block, row in waiting.items() if row}
    return [*order, *chain(*waiting.values()), *rest]


def _next(
    place: Place, waiting: Mapping[str, deque[Module]], rest: deque[Module], fits: Fits
) -> deque[Module]:
    """The row whose first layer is the place's: what fits best, without anything too much."""
    over = [row for block, row in waiting.items() if not rest or not _inside(rest[0], [block])]
    if over or not waiting:
        return over[-1] if over else rest  # the innermost block ends first
    fitting = [row for row in (rest, *waiting.values()) if fits(place, row[0])]
    roles = {p.name for p in place.parameters}
    best = [row for row in fitting if row[0].parts.keys() == roles] or fitting
    if len(best) > 1:
        one, other = (row[0].name for row in best[:2])
        raise MismatchError(
            f"`{one}` and `{other}` both fit `{place.name}`, and the file doesn't say which of "
            f"them comes first"
        )
    return best[0] if best else rest


def _inside(module: Module, blocks: Iterable[str]) -> bool:
    """Whether a layer stands in all of these blocks."""
    path = module.name if module.block is None else module.block
    return all(not block or f"{path}.".startswith(f"{block}.") for block in blocks)


def _foldable(places: Iterable[Place], pairs: Pairs) -> bool:
    """Whether every norm stands behind a layer whose bias in the file may hold it."""
    held = {p.norm for p, m in pairs if p.norm and "bias" in m.parts}
    return all(p.name in held for p in places if p.kind == "norm")


def uncertain(modules: Sequence[Module]) -> tuple[Module, Module] | None:
    """Layers, or groups of layers by their first ones, that only the alphabet puts in order, and
    that fit in the other order as well. The layers are sorted by their names.
    """
    for kind in KINDS:
        row = [m for m in modules if m.kind == kind]
        found = _swappable([(*by_numbers(m.name), m) for m in row], 0)
        if found:
            return found
    return None


_Named = tuple[int, tuple[tuple[str, int], ...], Module]


def _swappable(row: Sequence[_Named], depth: int) -> tuple[Module, Module] | None:
    """Of layers whose names are alike up to a word: those that the next word separates."""
    groups: dict[tuple[int, str, int], list[_Named]] = {}
    for place, words, module in row:
        word, number = words[depth] if depth < len(words) else ("", -1)
        groups.setdefault((place, word, number), []).append((place, words, module))
    for (one, members), (other, others) in combinations(groups.items(), 2):
        if one[0] != other[0] or one[1] == other[1]:
            continue  # a stem is first, and so is the lower number
        first, second = ([_shapes(m) for _, _, m in group] for group in (members, others))
        if first + second == second + first:
            return members[0][2], others[0][2]
    found = (_swappable(g, depth + 1) for g in groups.values() if len(g) > 1 and depth < DEEPEST)
    return next((pair for pair in found if pair), None)


def _shapes(module: Module) -> dict[str, tuple[int, ...]]:
    return {role: tensor.shape for role, tensor in module.parts.items()}


def side_by_side(network: Network, places: Sequence[Place]) -> list[tuple[Place, Place]]:
    """Layers of one kind and shape that lie on branches, so that either might come first."""
    bits = {step.name: 1 << number for number, step in enumerate(network.steps)}
    above: dict[str, int] = {}  # the steps that a step depends on, a bit each
    for step in network.steps:
        above[step.name] = 0
        for name in step.inputs:
            above[step.name] |= above.get(name, 0) | bits.get(name, 0)
    alike: dict[object, list[Place]] = {}
    for place in places:
        alike.setdefault((place.kind, *(p.shape for p in place.parameters)), []).append(place)
    return [
        (one, other)
        for row in alike.values()
        for one, other in combinations(row, 2)
        if not above[other.name] & bits[one.name]
    ]


def _weight(place: Place) -> str:
    return next((_sizes(p.shape) for p in place.parameters), "")


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _ordinal(number: int) -> str:
    last = number % 10 if number % 100 not in (11, 12, 13) else 0
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"
