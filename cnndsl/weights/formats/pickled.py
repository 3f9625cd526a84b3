"""The pickles in PyTorch's files, read as data by a small stack machine.

A pickle is a program whose instructions call any function that it names. This machine knows those
instructions alone that tables of tensors need (Python's pickletools.py describes each), and calls
nothing: where a pickle names a function, `named` says what stands for it, or refuses. Dictionaries
become lists of pairs, so that no key of the file's choice is ever hashed. Memory is at most 80
times the pickle's length, time goes with the length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from mmap import mmap
from typing import Any

from cnndsl.weights.tensors import DamagedError

Named = Callable[[str, str], Any]
Persistent = Callable[[Any], Any]

LARGEST_PICKLE = 32 << 20  # bytes; a tensor takes some 150
_LONGEST_NAME = 200


class Entries(list[tuple[Any, Any]]):
    """A dictionary, or an object's attributes: keys and values in their order."""

    __slots__ = ()


class Attributes(Entries):
    """An object of which only the attributes are known."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class StandIn:
    """What stands for a function or a class of the pickle: `call` gets the arguments."""

    call: Callable[..., Any]


def read_pickle(
    data: bytes | bytearray | mmap, named: Named, persistent: Persistent, start: int = 0
) -> tuple[Any, int]:
    """The value that the pickle at `start` builds, and where the pickle ends.

    `named(module, name)` gives what a name stands for, a StandIn for what may be called.
    `persistent` gives what stands for something outside the pickle. Raises DamagedError.
    """
    machine = _Machine(data, named, persistent, start)
    return machine.run(), machine.position


class _Machine:
    def __init__(
        self, data: bytes | bytearray | mmap, named: Named, persistent: Persistent, start: int
    ):
        self.data, self.position = data, start
        self.end = min(len(data), start + LARGEST_PICKLE)
        self.named, self.persistent = named, persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: list[Any] = []

    def run(self) -> Any:
        while (code := self.take(1)) != b".":
            step = _STEPS.get(code)
            if step is None:
                raise DamagedError(
                    f"holds a pickle with the instruction {code!r}, which no weights need"
                )
            step(self)
        return self.pop()

    def take(self, count: int) -> bytes:
        """The next bytes of the program."""
        if count > self.end - self.position:
            raise DamagedError(
                f"holds a pickle that is cut off, or longer than {LARGEST_PICKLE:,} bytes"
            )
        piece = self.data[self.position : self.position + count]
        self.position += count
        return bytes(piece)

    def number(self, width: int, signed: bool = False) -> int:
        return int.from_bytes(self.take(width), "little", signed=signed)

    def text(self, width: int) -> str:
        return self.take(self.number(width)).decode("utf-8", "replace")

    def line(self) -> str:
        end = self.data.find(b"\n", self.position, self.position + _LONGEST_NAME)
        if end < 0:
            raise DamagedError("holds a pickle with a name without an end")
        return self.take(end + 1 - self.position)[:-1].decode("utf-8", "replace")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise DamagedError("holds a pickle that takes more than it has put down")
        return self.stack.pop()

    def since_mark(self) -> list[Any]:
        if not self.marks:
            raise DamagedError("holds a pickle without a mark where one belongs")
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def top(self, kind: type) -> Any:
        """The uppermost value, which stays."""
        value = self.pop()
        if not isinstance(value, kind):
            raise DamagedError("holds a pickle that fills what is no list or dictionary")
        self.push(value)
        return value

    def put(self, place: int) -> None:
        """Remember the uppermost value; places are given in their order."""
        value = self.pop()
        self.push(value)
        if place == len(self.memo):
            self.memo.append(value)
        elif place < len(self.memo):
            self.memo[place] = value
        else:
            raise DamagedError("holds a pickle that leaves out a place in its memory")

    def get(self, place: int) -> None:
        if place >= len(self.memo):
            raise DamagedError("holds a pickle that remembers what it never met")
        self.push(self.memo[place])

    def tuple_of(self, count: int) -> None:
        values = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(values)))

    def name(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise DamagedError("holds a pickle with a name that is no text")
        self.push(self.named(module[:_LONGEST_NAME], name[:_LONGEST_NAME]))

    def stacked_name(self) -> None:
        name = self.pop()
        self.name(self.pop(), name)

    def call(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, StandIn) or not isinstance(arguments, tuple):
            raise DamagedError("holds a pickle that calls what is no function")
        self.push(function.call(*arguments))

    def extend(self, values: list[Any]) -> None:
        self.top(list).extend(values)

    def set_items(self, values: list[Any]) -> None:
        if len(values) % 2:
            raise DamagedError("holds a pickle with a key without a value")
        self.top(Entries).extend(zip(values[::2], values[1::2], strict=True))

    def set_item(self) -> None:
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def dictionary(self) -> None:
        values = self.since_mark()
        self.push(Entries())
        self.set_items(values)

    def build(self) -> None:
        """An object's state: attributes of what holds some, of others without meaning here."""
        state = self.pop()
        built = self.top(object)
        if isinstance(built, Attributes) and isinstance(state, Entries):
            built.extend(state)


_Step = Callable[[_Machine], Any]

_STEPS: dict[bytes, _Step] = {
    # values
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"J": lambda m: m.push(m.number(4, signed=True)),
    b"K": lambda m: m.push(m.number(1)),
    b"M": lambda m: m.push(m.number(2)),
    b"\x8a": lambda m: m.push(m.number(m.number(1), signed=True)),
    b"G": lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    b"X": lambda m: m.push(m.text(4)),
    b"\x8c": lambda m: m.push(m.text(1)),
    b"\x8d": lambda m: m.push(m.text(8)),
    b"U": lambda m: m.push(m.text(1)),
    b"T": lambda m: m.push(m.text(4)),
    b"C": lambda m: m.push(m.take(m.number(1))),
    b"B": lambda m: m.push(m.take(m.number(4))),
    # containers
    b"(": lambda m: m.marks.append(len(m.stack)),
    b")": lambda m: m.push(()),
    b"]": lambda m: m.push([]),
    b"}": lambda m: m.push(Entries()),
    b"t": lambda m: m.push(tuple(m.since_mark())),
    b"\x85": lambda m: m.tuple_of(1),
    b"\x86": lambda m: m.tuple_of(2),
    b"\x87": lambda m: m.tuple_of(3),
    b"l": lambda m: m.push(m.since_mark()),
    b"d": _Machine.dictionary,
    b"a": lambda m: m.extend([m.pop()]),
    b"e": lambda m: m.extend(m.since_mark()),
    b"s": _Machine.set_item,
    b"u": lambda m: m.set_items(m.since_mark()),
    # memory
    b"q": lambda m: m.put(m.number(1)),
    b"r": lambda m: m.put(m.number(4)),
    b"\x94": lambda m: m.put(len(m.memo)),
    b"h": lambda m: m.get(m.number(1)),
    b"j": lambda m: m.get(m.number(4)),
    # names, and what is made of them
    b"c": lambda m: m.name(m.line(), m.line()),
    b"\x93": _Machine.stacked_name,
    b"R": _Machine.call,
    b"\x81": _Machine.call,
    b"b": _Machine.build,
    b"Q": lambda m: m.push(m.persistent(m.pop())),
    # the program itself
    b"\x80": lambda m: m.take(1),
    b"\x95": lambda m: m.take(8),
    b"0": lambda m: m.pop(),
}
"""What each instruction does."""
