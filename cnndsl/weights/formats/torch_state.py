"""What PyTorch's pickles may speak of, and the tensors that they describe.

A pickle describes tensors as windows into storages, which lie outside it. It is read by
`pickled.py`, which calls nothing; the names below are all that it may use. Of TorchScript's objects
the attributes are taken, of their code nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from mmap import mmap
from typing import Any, Protocol, cast

import numpy as np

from cnndsl.weights.formats.elements import TYPES, ByteOrder, checked_shape, from_bytes, width
from cnndsl.weights.formats.limits import check_expansion
from cnndsl.weights.formats.pickled import Attributes, Entries, StandIn, read_pickle
from cnndsl.weights.tensors import Array, DamagedError, Tensor

_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32",
    "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8",
    "BoolStorage": "bool", "UntypedStorage": "uint8",
}  # fmt: skip


class Record(Protocol):
    """Where a storage's bytes are."""

    @property
    def size(self) -> int: ...
    @property
    def compressed(self) -> bool: ...
    def read(self, begin: int = 0, end: int | None = None) -> bytearray: ...


@dataclass(frozen=True, slots=True)
class Storage:
    """`count` elements in the record called `key`, from the element `begin` on."""

    type: str
    key: str
    count: int
    begin: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """A tensor: an element of a storage for every index, by steps of elements."""

    storage: Storage
    type: str
    offset: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def end(self) -> int:
        """The element behind the last."""
        if 0 in self.shape:
            return self.offset
        last = sum((n - 1) * step for n, step in zip(self.shape, self.steps, strict=True))
        return self.offset + last + 1


def read_state(
    data: bytes | bytearray | mmap, start: int = 0, types: dict[str, str] | None = None
) -> tuple[Any, int]:
    """What the pickle at `start` builds, with a Window for each tensor, and where it ends.

    `types` is filled with the element type of each storage that it refers to, by its key. Raises
    DamagedError, also for a name that isn't on the list.
    """

    def storage(reference: Any) -> Storage:
        found = _storage(reference)
        if types is not None:
            types[found.key] = found.type
        return found

    return read_pickle(data, _named, storage, start)


def as_tensors(
    windows: Mapping[str, Window], records: Mapping[str, Record], order: ByteOrder, stored: int
) -> dict[str, Tensor]:
    """The tensors of a file of `stored` bytes, after every window was found to be within its
    record. Raises DamagedError.
    """
    for storage in {id(w.storage): w.storage for w in windows.values()}.values():
        record = records.get(storage.key)
        if record is None:
            raise DamagedError(f"lacks the storage `{storage.key[:40]}` that its table refers to")
        if (storage.begin + storage.count) * width(storage.type) > record.size:
            raise DamagedError(
                f"is cut off: the storage `{storage.key}` is smaller than its table says"
            )
    found = {name: records[window.storage.key] for name, window in windows.items()}
    # A compressed record is unpacked anew for each of the tensors in it.
    check_expansion(sum(r.size for r in found.values() if r.compressed), stored)
    return {name: _tensor(name, w, found[name], order) for name, w in windows.items()}


def _tensor(name: str, window: Window, record: Record, order: ByteOrder) -> Tensor:
    def read() -> Array:
        if 0 in window.shape:
            return from_bytes(b"", window.type).reshape(window.shape)
        size, begin = width(window.type), window.storage.begin * width(window.storage.type)
        data = record.read(begin + window.offset * size, begin + window.end * size)
        values = from_bytes(data, window.type, order)
        steps = [step * values.itemsize for step in window.steps]
        found = np.lib.stride_tricks.as_strided(values, window.shape, steps)
        return np.ascontiguousarray(found).reshape(window.shape)  # it gives scalars an axis

    return Tensor(name, window.shape, window.type, read)


@dataclass(frozen=True, slots=True)
class _Type:
    """An element type: a storage's class, or a dtype."""

    name: str


def _storage(reference: Any) -> Storage:
    """`("storage", type, key, device, count)`; early versions add `(key, begin, count)` of a part,
    or None.
    """
    match reference:
        case ("storage", _Type() as type_, str() as key, _, int() as count):
            begin = 0
        case (
            "storage",
            _Type() as type_,
            str() as key,
            _,
            int(),
            (_, int() as begin, int() as count),
        ):
            pass
        case ("storage", _Type() as type_, str() as key, _, int() as count, None):
            begin = 0
        case _:
            raise DamagedError("refers to something outside its table that is no storage")
    if min(begin, count) < 0:
        raise DamagedError(f"has a storage `{key[:40]}` of a size that can't be meant")
    return Storage(type_.name, key, count, begin)


def _window(storage: Any, offset: Any, shape: Any, steps: Any, *_: Any) -> Window:
    if not isinstance(storage, Storage):
        raise DamagedError("has a tensor that isn't in a storage")
    return _placed(storage, storage.type, offset, shape, steps)


def _typed_window(storage: Any, offset: Any, shape: Any, steps: Any, *more: Any) -> Window:
    """The newer form, with a dtype: (…, requires_grad, hooks, dtype, metadata)."""
    if not isinstance(storage, Storage) or len(more) < 3 or not isinstance(more[2], _Type):
        raise DamagedError("has a tensor of a type that can't be read")
    return _placed(storage, more[2].name, offset, shape, steps)


def _placed(storage: Storage, type_: str, offset: Any, shape: Any, steps: Any) -> Window:
    count = storage.count * width(storage.type) // width(type_)
    sizes, strides = checked_shape(shape), checked_shape(steps)
    if type(offset) is not int or offset < 0 or len(sizes) != len(strides):
        raise DamagedError("has a tensor whose place in its storage can't be meant")
    window = Window(storage, type_, offset, sizes, strides)
    if window.end > count:
        raise DamagedError(
            f"has a tensor that lies beyond the end of its storage of {count:,} elements"
        )
    return window


def _named(module: str, name: str) -> Any:
    """What a name in the pickle stands for. Raises DamagedError for those that aren't known."""
    full = f"{module}.{name}"
    if full in _CALLS:
        return _CALLS[full]
    if module in ("torch", "torch.storage") and name in _STORAGES:
        return _Type(_STORAGES[name])
    if module == "torch" and name in TYPES:
        return _Type(name)
    if module.startswith("__torch__"):  # a class of TorchScript
        return StandIn(_attributes)
    if module == "torch" and (name.endswith("Storage") or name.startswith("float8")):
        raise DamagedError(f"holds numbers as `{full}`; known are {', '.join(TYPES)}")
    raise DamagedError(
        f"asks for `{full}`, and only tables of tensors are read, since other things could run "
        f"code; write one with PyTorch: torch.save(model.state_dict(), FILE)"
    )


def _dictionary(pairs: Any = (), *_: Any) -> Entries:
    """An ordered dictionary; early versions give its pairs at once, as lists of two."""
    if not isinstance(pairs, list | tuple):
        raise DamagedError("has a dictionary that is made of no pairs")
    entries = Entries()
    for pair in cast("list[Any]", pairs):
        key, value = pair
        entries.append((key, value))
    return entries


def _attributes(*_: Any) -> Attributes:
    return Attributes()


def _same(value: Any = (), *_: Any) -> Any:
    return value


def _nothing(*_: Any) -> None:
    return None


_CALLS = {
    name: StandIn(call)
    for name, call in {
        "collections.OrderedDict": _dictionary,
        "torch._utils._rebuild_tensor": _window,
        "torch._utils._rebuild_tensor_v2": _window,
        "torch._utils._rebuild_tensor_v3": _typed_window,
        "torch._utils._rebuild_parameter": _same,
        "torch._utils._rebuild_parameter_with_state": _same,
        "torch.Size": _same,
        "torch.device": _nothing,
        "torch.jit._pickle.build_intlist": _same,
        "torch.jit._pickle.build_doublelist": _same,
        "torch.jit._pickle.build_boollist": _same,
        "torch.jit._pickle.build_tensorlist": _same,
        "torch.jit._pickle.restore_type_tag": _same,
    }.items()
}
"""The functions and classes that a pickle may call, and what is done in their place."""
