"""From layers that found each other to entries: biases that a norm takes, gaps, what is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cnndsl.diagnostics import closest
from cnndsl.layers.base import Parameter
from cnndsl.weights.mapping.layouts import KERAS
from cnndsl.weights.mapping.mapping import Entry, Verdict
from cnndsl.weights.mapping.modules import Module
from cnndsl.weights.mapping.pairing import Pairing, absorb, folded, sizes
from cnndsl.weights.mapping.places import Place
from cnndsl.weights.tensors import Tensor

GUESSES = 12
"""Where more layers than these are missing, it is another net, and guesses don't help."""


@dataclass(frozen=True, slots=True)
class Match:
    """The file's layer that a place got, and how it was found."""

    module: Module
    verdict: Verdict


def listed(
    places: Sequence[Place],
    found: Mapping[str, Match],
    modules: Sequence[Module],
    others: Sequence[Tensor],
    pairing: Pairing,
) -> list[Entry]:
    """An entry for each parameter in the net's order, then one for each tensor left over."""
    entries = {
        place.name: pairing.entries(place, match.module, match.verdict)
        for place in places
        if (match := found.get(place.name))
    }
    notes = _give_biases(places, found, modules, entries, pairing)
    tensors = [t for module in modules for t in module.parts.values()]
    used = {t.name for row in entries.values() for e in row for t in e.tensors}
    free = [m for m in modules if not any(t.name in used for t in m.parts.values())]
    open_places = [place for place in places if place.name not in entries]
    for place in open_places:
        guessed = free if len(open_places) <= GUESSES else ()
        entries[place.name] = _gaps(place, guessed, pairing)
    rows = [entry for place in places for entry in entries[place.name]]
    rows += [_unused(t, notes.get(t.name, "")) for t in tensors if t.name not in used]
    return rows + [_unused(t, "") for t in others]


def _give_biases(
    places: Iterable[Place],
    found: Mapping[str, Match],
    modules: Iterable[Module],
    entries: dict[str, list[Entry]],
    pairing: Pairing,
) -> dict[str, str]:
    """Hand biases that the net has no place for to the norms behind; a remark for each other.

    Where the file has no norms at all, those behind a bias are folded into it.
    """
    by_name = {place.name: place for place in places}
    normed = any("running_var" in module.parts for module in modules)
    remarks: dict[str, str] = {}
    for name, match in found.items():
        place, bias = by_name[name], match.module.parts.get("bias")
        norm = by_name.get(place.norm or "")
        if bias is None or (norm is None and place.has("bias")):
            continue
        read = pairing.bias(place, norm, bias) if norm else None
        if norm is None or read is None:
            remarks[bias.name] = f"`{name}` is written without a bias: its answers will differ"
        elif norm.name not in entries and not normed:
            entries[norm.name] = folded(norm, None if place.has("bias") else bias, read)
        elif norm.name in entries and not place.has("bias"):
            mean = f"{norm.name}.running_mean"
            entries[norm.name] = [
                absorb(e, bias, read) if e.parameter == mean and e.values else e
                for e in entries[norm.name]
            ]
    return remarks


def _gaps(place: Place, free: Sequence[Module], pairing: Pairing) -> list[Entry]:
    """What is missing, with a guess at what was meant."""
    named = next((module for module in free if module.name == place.name), None)
    if named is not None:
        entries = pairing.entries(place, named, "exact")
        notes = [_other_outputs(p, [named], pairing) for p in place.parameters]
        rows = zip(place.parameters, notes, entries, strict=True)
        return [_missing(place, p, note or e.note) for p, note, e in rows]
    names = [t.name for module in free for t in module.parts.values()]
    return [
        _missing(place, p, _other_outputs(p, free, pairing) or _near(place, p, names))
        for p in place.parameters
    ]


def _near(place: Place, parameter: Parameter, names: Iterable[str]) -> str:
    near = closest(place.full(parameter), names)
    return f"the nearest name in the file is `{near}`" if near else ""


def _other_outputs(parameter: Parameter, free: Iterable[Module], pairing: Pairing) -> str:
    """A tensor that would be the weights for another number of outputs."""
    if parameter.role == "weight":
        ours, rest = parameter.shape[0], parameter.size // parameter.shape[0]
        for module in free:
            tensor = module.parts.get("weight")
            if tensor is None or len(tensor.shape) < 2 or not all(tensor.shape):
                continue
            theirs = tensor.shape[-1 if pairing.format == KERAS else 0]
            if theirs != ours and tensor.size == theirs * rest:
                background = "; the first of 1001 is the background" if theirs == 1001 else ""
                return (
                    f"`{tensor.name}` in the file is {sizes(tensor.shape)}, for {theirs} instead "
                    f"of {ours} outputs{background}"
                )
    return ""


def _missing(place: Place, parameter: Parameter, note: str) -> Entry:
    if place.training and not note:
        note = "of use in training alone"
    return Entry("missing", place.full(parameter), parameter.shape, note=note)


def _unused(tensor: Tensor, note: str) -> Entry:
    return Entry("unused", None, tensor.shape, (tensor,), note, tensor.read, required=False)
