"""How a layer's fields are written in a spec: the kinds of argument, and their types.

A layer declares a field with one of the functions below; `elaborate/` reads the `Argument`
that they leave behind, and the writer uses the same to put the layer back into words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

Positional = Literal["size", "number", "numbers", "shape", "word"]

LARGEST_SIZE = 1 << 20  # of a kernel, stride, pad, dilation: beyond any real net


@dataclass(frozen=True, slots=True)
class Argument:
    """How a field is written.

    `positional`: as a bare size, number, shape, or (`word`) a free word such as a filter's name.
    `letters`: as a short option (`s2`) and by key (`s=n`). `words`: as one of these words, with
    the value each stands for; if `reserved`, no variable can be called so. Every field may also be
    given by its own name (`filters=64`).
    """

    positional: Positional | None = None
    letters: str | None = None
    words: Mapping[str, object] = field(default_factory=dict[str, object])
    reserved: bool = True


def as_tuple(value: object) -> object:
    """A single number as a tuple, which holds for all axes."""
    return (value,) if isinstance(value, int | float) else value


_Axis = Annotated[int, Field(gt=0, le=LARGEST_SIZE)]
_Pad = Annotated[int, Field(ge=0, le=LARGEST_SIZE)]

Axes = Annotated[tuple[_Axis, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=3)]
"""A positive number for every spatial axis; a single one holds for all of them."""

Pads = Annotated[tuple[_Pad, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=6)]
"""One pad for all sides, one an axis, or (before…, after…) as `p=(top,left,bottom,right)`."""

Padding = Literal["same", "half"] | Pads


def size(default: Any = ..., **bounds: Any) -> Any:
    """A window: `3x3`, `k3`, `k=expr`."""
    return _field(default, Argument(positional="size", letters="k"), bounds)


def number(default: Any = ..., letters: str | None = None, **bounds: Any) -> Any:
    """A positional number: `64`, `(4*n)`; several such fields are filled in their order.

    With `letters` a short option says the same: `shuffle 2` and `shuffle g2`.
    """
    return _field(default, Argument(positional="number", letters=letters), bounds)


def numbers(default: Any = ..., **bounds: Any) -> Any:
    """All positional numbers that are left, as a tuple: `take 0 1 2`."""
    return _field(default, Argument(positional="numbers"), bounds)


def option(letters: str, default: Any = ..., **bounds: Any) -> Any:
    """A short option: `s2`, `p1x2`, `s=expr`."""
    return _field(default, Argument(letters=letters), bounds)


def padding() -> Any:
    """`p1`, `p1x2`, `p=(top,left,bottom,right)`, `same`, `half`; none by default."""
    return _field((0,), Argument(letters="p", words={"same": "same", "half": "half"}), {})


def words(default: Any = ..., /, **values: object) -> Any:
    """One of a few words: `words(True, bias=True, nobias=False)`."""
    return _field(default, Argument(words=values), {})


def common_words(default: Any = ..., /, **values: object) -> Any:
    """As `words`; but variables may be called like these, too."""
    return _field(default, Argument(words=values, reserved=False), {})


def keyed(default: Any = ..., **bounds: Any) -> Any:
    """By name alone: `alpha=1e-4`."""
    return _field(default, Argument(), bounds)


def shape(default: Any = ...) -> Any:
    """A positional shape: `64@7x7`."""
    return _field(default, Argument(positional="shape"), {})


def word(default: Any = ...) -> Any:
    """A positional word of the layer's own choosing, a Literal type: `sobel_x`."""
    return _field(default, Argument(positional="word"), {})


def _field(default: Any, argument: Argument, bounds: dict[str, Any]) -> Any:
    return Field(default, json_schema_extra={"argument": argument}, **bounds)  # pyright: ignore
