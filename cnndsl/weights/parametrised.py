"""Weights that PyTorch computes from other tensors: weight_norm, spectral_norm and pruning.

| what made it | `weight_` and | `parametrizations.weight.` and | weight |
|---|---|---|---|
| prune | `orig`, `mask` | | orig·mask |
| weight_norm | `g`, `v` | `original0`, `original1` | g·v/‖v‖ |
| spectral_norm | `orig`, `u`, `v` | `original`, `0._u`, `0._v` | orig/(uᵀ·orig·v) |

A net in use has the plain weight alone, so a file is given as if it held that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from cnndsl.weights.tensors import Array, DamagedError, Tensor, TensorFile

_NEW = re.compile(r"(?:(?P<layer>.*)\.)?parametrizations\.(?P<name>[^.]+)\.(?P<part>.+)")
_OLD = re.compile(r"(?P<base>.*)_(?P<part>orig|mask|g|u|v)")
_PARALLEL = 0.5
"""The least cosine of the angle between vectors that belong together: training turns them towards
each other, and those of chance in many dimensions stand at right angles.
"""


@dataclass(frozen=True, slots=True)
class _Form:
    """A way to compute a weight: the names of its parts, whether their shapes fit, and how."""

    word: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    suits: Callable[..., bool]
    compute: Callable[..., Array]


def with_plain_weights(file: TensorFile) -> TensorFile:
    """The file with each such weight in the place of what it is computed from, and a word on it.

    Computing one takes some ten times its size in memory, and raises DamagedError where vectors
    that no training has turned leave open which axis is meant.
    """
    tensors, notes = dict(file.tensors), list(file.notes)
    for form in _FORMS:
        found = _found(tensors, form)
        if found:
            weights = "1 weight is" if len(found) == 1 else f"{len(found)} weights are"
            notes.append(f"{weights} computed as PyTorch's {form.word} does")
            tensors = _with(tensors, found)
    unknown = next((name for name in tensors if _NEW.fullmatch(name)), None)
    if unknown is not None:
        notes.append(
            f"`{unknown}` belongs to a parametrisation that isn't known here: call "
            f"torch.nn.utils.parametrize.remove_parametrizations on the layer before saving"
        )
    return replace(file, tensors=tensors, notes=tuple(notes))


def _found(tensors: Mapping[str, Tensor], form: _Form) -> dict[str, list[Tensor]]:
    """The weights that are computed so, each with its parts."""
    rows: dict[tuple[str, bool], dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if new := _NEW.fullmatch(name):
            base = f"{new['layer']}.{new['name']}" if new["layer"] else new["name"]
            rows.setdefault((base, True), {})[new["part"]] = tensor
        elif old := _OLD.fullmatch(name):
            rows.setdefault((old["base"], False), {})[old["part"]] = tensor
    found: dict[str, list[Tensor]] = {}
    for (base, new), parts in rows.items():
        wanted = form.new if new else form.old
        if parts.keys() == set(wanted) and base not in tensors:
            ordered = [parts[word] for word in wanted]
            if form.suits(*(tensor.shape for tensor in ordered)):
                found[base] = [_computed(base, form, ordered), *ordered]
    return found


def _with(tensors: Mapping[str, Tensor], found: Mapping[str, list[Tensor]]) -> dict[str, Tensor]:
    """Each weight where the first of its parts stood."""
    of = {part.name: weight for weight, *parts in found.values() for part in parts}
    result: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        kept = of.get(name, tensor)
        result.setdefault(kept.name, kept)
    return result


def _computed(name: str, form: _Form, parts: Sequence[Tensor]) -> Tensor:
    whole = max(parts, key=lambda part: part.size)
    type_ = "float64" if whole.type == "float64" else "float32"

    def read() -> Array:
        arrays = [part.read().astype(np.float64) for part in parts]
        try:
            return form.compute(*arrays).astype(type_)
        except _UndecidedError:
            raise DamagedError(
                f"has vectors for `{name}` that don't tell along which axis its spectral norm is "
                f"taken; call torch.nn.utils.remove_spectral_norm before saving"
            ) from None

    return Tensor(name, whole.shape, type_, read)


class _UndecidedError(Exception):
    """Either axis may be that of the outputs."""


def _masked(weight: Array, mask: Array) -> Array:
    return weight * mask


def _normed(size: Array, direction: Array) -> Array:
    """Each row of weights along the one axis where `size` has as many numbers, or all of them."""
    axes = tuple(i for i in range(direction.ndim) if size.ndim == 0 or size.shape[i] == 1)
    length = np.sqrt(np.sum(direction * direction, axis=axes, keepdims=True))
    return direction * (size / np.where(length == 0, 1, length))


def _spectral(weight: Array, left: Array, right: Array) -> Array:
    """The axis of the outputs is the first, or, in transposed convolutions, the second: where both
    are as long, that which brings left and right closer together.
    """
    found: list[tuple[float, float]] = []
    for axis in range(2):
        matrix = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)
        if matrix.shape == (left.size, right.size):
            product = matrix @ right
            length = float(np.linalg.norm(product) * np.linalg.norm(left)) or 1.0
            norm = float(left @ product)
            found.append((norm / length, norm))
    cosine, norm = max(found)
    if len(found) > 1 and cosine < _PARALLEL:
        raise _UndecidedError
    return weight / norm


def _same(weight: Sequence[int], mask: Sequence[int]) -> bool:
    return tuple(weight) == tuple(mask)


def _sized(size: Sequence[int], direction: Sequence[int]) -> bool:
    wide = [n for n in size if n > 1]
    fits = all(n in (1, m) for n, m in zip(size, direction, strict=False))
    return len(direction) > 1 and len(wide) < 2 and len(size) in (0, len(direction)) and fits


def _vectors(weight: Sequence[int], left: Sequence[int], right: Sequence[int]) -> bool:
    vectors = len(left) == len(right) == 1 and len(weight) > 1
    return vectors and left[0] in weight[:2] and left[0] * right[0] == prod(weight)


_FORMS = (
    _Form("prune", ("orig", "mask"), (), _same, _masked),
    _Form("weight_norm", ("g", "v"), ("original0", "original1"), _sized, _normed),
    _Form("spectral_norm", ("orig", "u", "v"), ("original", "0._u", "0._v"), _vectors, _spectral),
)
