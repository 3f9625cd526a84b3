"""Pairs that say which tensor of a file is whose in a net, where nothing else can.

A line holds a step's name, or a parameter's, and behind a space what the file calls the layer, or
the tensor: `conv1 features.0`, `logits.weight head/w`. Lines that begin with # are remarks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.files import read_bounded
from cnndsl.source import Source, Span
from cnndsl.weights.mapping.modules import Module, layer_of, stripped
from cnndsl.weights.mapping.places import Place
from cnndsl.weights.tensors import Tensor, TensorFile

MOST_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Pair:
    """What the net calls something, what the file calls it, and where both are written."""

    ours: Span
    theirs: Span


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """The pairs in a file. Raises UsageError where it can't be read, or a line is no pair."""
    source = Source(str(path), _text(path))
    found: list[Pair] = []
    for number, start in enumerate(source.line_starts, 1):
        line = source.line(number)
        ours, theirs = (*line.split(None, 1), "", "")[:2]
        if not ours or ours.startswith("#"):
            continue
        begin = start + line.index(ours)
        span = Span(source, begin, begin + len(ours))
        if not theirs:
            raise _wrong(
                span, f"`{ours}` stands alone: behind it goes a space and the file's name for it"
            )
        end = start + len(line.rstrip())
        found.append(Pair(span, Span(source, end - len(theirs.rstrip()), end)))
    return tuple(found)


def _text(path: Path) -> str:
    try:
        return read_bounded(path, MOST_BYTES, "a file of pairs").decode("utf-8-sig")
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"`{path}` is no UTF-8 text, as a file of pairs is") from None


def paired(
    pairs: Sequence[Pair], places: Sequence[Place], modules: Sequence[Module], file: TensorFile
) -> dict[str, tuple[Module, Pair]]:
    """The file's layer of each step that pairs speak of, made of single tensors where they do.

    Raises UsageError for names that aren't there, and for a step that is spoken of twice.
    """
    names = _Names(places, modules, file)
    whole: dict[str, tuple[Module, Pair]] = {}
    parts: dict[str, dict[str, tuple[Tensor, Pair]]] = {}
    for pair in pairs:
        place, roles = names.place(pair.ours)
        found = names.tensor(pair) if len(roles) == 1 else None
        if place.name in whole or (found is None and place.name in parts):
            raise _wrong(pair.ours, f"`{place.name}` has a pair already")
        if found is None:
            whole[place.name] = names.module(pair), pair
            continue
        row = parts.setdefault(place.name, {})
        if roles[0] in row:
            raise _wrong(pair.ours, f"`{pair.ours.text}` has a pair already")
        row[roles[0]] = found, pair
    for name, row in parts.items():
        place = names.places[name]
        first, pair = next(iter(row.values()))
        lacking = [p for p in place.parameters if p.name not in row]
        if lacking:
            other = place.full(lacking[0])
            raise _wrong(pair.ours, f"`{pair.ours.text}` has a pair, and `{other}` has none")
        tensors = {role: tensor for role, (tensor, _) in row.items()}
        whole[name] = Module(layer_of(first.name), tensors), pair
    return whole


def unfit(pair: Pair, reason: str) -> UsageError:
    """What is raised for a pair of things that don't fit."""
    return _wrong(pair.theirs, reason)


class _Names:
    """Everything that a pair may speak of; the file's names with and without their wrappers."""

    def __init__(self, places: Iterable[Place], modules: Iterable[Module], file: TensorFile):
        self.places = {place.name: place for place in places}
        self.parameters = {
            place.full(p): (place, p.name)
            for place in self.places.values()
            for p in place.parameters
        }
        self.tensors = dict(file.tensors)
        self.layers: dict[str, Module] = {}
        for short, name in stripped(file.tensors).items():
            self.tensors.setdefault(short, file.tensors[name])
        for module in modules:
            for tensor in module.parts.values():
                wrapper = layer_of(tensor.name).removesuffix(module.name)
                self.layers.setdefault(tensor.name, module)
                self.layers |= {module.name: module, f"{wrapper}{module.name}": module}

    def place(self, span: Span) -> tuple[Place, tuple[str, ...]]:
        """A step, and which of its parameters are meant."""
        name = span.text
        if name in self.parameters:
            place, role = self.parameters[name]
            return place, (role,)
        if name in self.places:
            place = self.places[name]
            return place, tuple(p.name for p in place.parameters)
        near = did_you_mean(name, [*self.places, *self.parameters], "`weights map` shows them all")
        raise _wrong(span, f"the net has no step or parameter `{name}`; {near}")

    def tensor(self, pair: Pair) -> Tensor:
        """The tensor that a pair gives a parameter: by its name, or as all that a layer has."""
        name = pair.theirs.text
        module = self.layers.get(name)
        if name not in self.tensors and module and len(module.parts) == 1:
            return next(iter(module.parts.values()))
        if name not in self.tensors:
            near = did_you_mean(name, self.tensors, "`weights inspect` shows them all")
            raise _wrong(pair.theirs, f"the file has no tensor `{name}`; {near}")
        return self.tensors[name]

    def module(self, pair: Pair) -> Module:
        """The layer that a pair gives a step: by its name, or by that of one of its tensors."""
        name = pair.theirs.text
        if name not in self.layers:
            near = did_you_mean(name, self.layers, "`weights inspect` shows their tensors")
            raise _wrong(pair.theirs, f"the file has no layer `{name}`; {near}")
        return self.layers[name]


def _wrong(span: Span, what: str) -> UsageError:
    return UsageError(f"{span.place}: {what}")
