"""Hypothesis strategies that draw layers with any fields that their annotations allow."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as bounds
from hypothesis import reject
from hypothesis import strategies as st
from pydantic import ValidationError

from cnndsl.layers import LAYERS, Layer
from cnndsl.shape import Shape

Draw = st.DrawFn
SPREAD = 8  # whole numbers are drawn this far from their least value, so that layers stay small


def layers(*words: str) -> st.SearchStrategy[Layer]:
    """Any registered layer, or one of those named, with fields that it accepts by themselves.

    Whether an input suits it is another question, which its `shape` answers.
    """
    return st.sampled_from(sorted(words or LAYERS)).flatmap(lambda word: _layer(LAYERS[word]))


def shapes(
    least_rank: int = 0, most_rank: int = 3, channels: int = 8, size: int = 8
) -> st.SearchStrategy[Shape]:
    """Concrete shapes of at most so many channels and positions an axis."""
    space = st.lists(st.integers(1, size), min_size=least_rank, max_size=most_rank).map(tuple)
    return st.builds(Shape, st.integers(1, channels), space)


@st.composite
def _layer(draw: Draw, kind: type[Layer]) -> Layer:
    fields: dict[str, Any] = {}
    for name, info in kind.model_fields.items():
        if info.is_required() or draw(st.booleans()):
            fields[name] = draw(_values(info.annotation, tuple(info.metadata)))
    try:
        return kind(**fields)
    except ValidationError:  # a rule over several fields
        reject()


def _values(annotation: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Values of an annotation, within the bounds in the metadata around it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        kind, *around = inner
        return _values(kind, (*metadata, *_flat(around)))
    if origin in (Union, UnionType):
        return st.one_of(*(_values(option, metadata) for option in inner))
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return _tuples(inner, metadata)
    simple = {
        NoneType: st.none(),
        bool: st.booleans(),
        int: _integers(metadata),
        float: _floats(metadata),
        Shape: shapes(),
    }
    if annotation in simple:
        return simple[annotation]
    raise NotImplementedError(f"no strategy for fields of type {annotation}")


def _flat(metadata: list[Any]) -> tuple[Any, ...]:
    """The bounds themselves, whether they stand bare or in a pydantic Field."""
    return tuple(m for item in metadata for m in getattr(item, "metadata", (item,)))


def _tuples(inner: tuple[Any, ...], metadata: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if len(inner) == 2 and inner[1] is Ellipsis:
        least = _bound(metadata, bounds.MinLen, "min_length", 0)
        most = min(_bound(metadata, bounds.MaxLen, "max_length", least + SPREAD), least + SPREAD)
        return st.lists(_values(inner[0]), min_size=least, max_size=most).map(tuple)
    return st.tuples(*map(_values, inner))


def _integers(metadata: tuple[Any, ...]) -> st.SearchStrategy[int]:
    least = max(
        _bound(metadata, bounds.Ge, "ge", -SPREAD), _bound(metadata, bounds.Gt, "gt", -SPREAD) + 1
    )
    most = min(
        _bound(metadata, bounds.Le, "le", least + SPREAD),
        _bound(metadata, bounds.Lt, "lt", least + SPREAD + 1) - 1,
        least + SPREAD,
    )
    return st.integers(least, most)


def _floats(metadata: tuple[Any, ...]) -> st.SearchStrategy[float]:
    above = _bound(metadata, bounds.Gt, "gt", None)
    below = _bound(metadata, bounds.Lt, "lt", None)
    return st.floats(
        min_value=_bound(metadata, bounds.Ge, "ge", above),
        max_value=_bound(metadata, bounds.Le, "le", below),
        exclude_min=above is not None,
        exclude_max=below is not None,
        allow_nan=False,
        allow_infinity=False,
    )


def _bound(metadata: tuple[Any, ...], kind: type[Any], attribute: str, default: Any) -> Any:
    return next((getattr(m, attribute) for m in metadata if isinstance(m, kind)), default)
