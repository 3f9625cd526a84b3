"""A layer in the words of the language, with holes where several layers say different numbers.

Text is made by one function for three purposes: with numbers as they are; with a mark in the place
of every number, so that two parts of a net can be compared; and with the names of parameters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

from cnndsl.importing.draft import Step
from cnndsl.layers.base import ShapeError
from cnndsl.layers.borders import Crop, Pad
from cnndsl.layers.channels import Shuffle, Take
from cnndsl.layers.conv import Windows
from cnndsl.layers.deconv import Deconv
from cnndsl.layers.elementwise import Elementwise
from cnndsl.layers.fc import Dense
from cnndsl.layers.pool import Pooling
from cnndsl.layers.resample import Upsample
from cnndsl.layers.reshape import Reshape
from cnndsl.layers.scale import Scale
from cnndsl.layers.windows import Window, broadcast
from cnndsl.layers.written import written
from cnndsl.shape import Shape

Number = int | float | str | frozenset[str]
"""What a hole stands for: a number, an activation, or the ways to write a padding."""

ACTIVATIONS = frozenset(
    ("relu", "relu6", "leaky", "elu", "selu", "silu", "hswish", "gelu", "mish", "tanh", "softplus")
)
"""Words that a block may have as its parameter."""


class Fill(Protocol):
    """Says what to write for a number: an expression, or None for the number itself."""

    def __call__(self, kind: str, value: Number) -> str | None:
        """`kind` is "n" (filters, units), "k", "s", "p", "d", "g", "*" (repeats), "t" (counts of
        other things), "f" (factors), "act" (activations) or an argument's name.
        """
        ...


def as_is(kind: str, value: Number) -> None:
    """Numbers as they are."""


def is_word(step: Step) -> bool:
    """Whether it is written behind another layer rather than on a line of its own."""
    return isinstance(step.layer, Elementwise) or step.word in ("dropout", "softmax", "logsoftmax")


def layer_text(
    step: Step, fill: Fill = as_is, before_norm: bool = False, references: Sequence[str] = ()
) -> str:
    """One layer; `before_norm` is whether a `bn` is chained behind it, which takes its bias."""
    layer: Any = step.layer
    if isinstance(step.layer, Windows | Pooling):
        return _window_text(step, layer, fill, before_norm)
    if isinstance(step.layer, Dense):
        return f"fc {amount(fill('n', layer.units), layer.units)}{_bias(layer, before_norm)}"
    if isinstance(layer, Take) and (layer.first or layer.last):
        numbers = {"first": layer.first, "last": layer.last, "start": layer.start}
        said = [(key, n, fill("t", n)) for key, n in numbers.items() if n]
        words = [f"{key}={n}" if given is None else keyed(key, given) for key, n, given in said]
        return " ".join(["take", *words, *([f"step={layer.step}"] if layer.step > 1 else [])])
    if isinstance(layer, Reshape):
        return f"reshape {_shape_text(layer.target, fill)}"
    if step.word in ACTIVATIONS and written(layer) == step.word:
        return fill("act", step.word) or step.word
    if isinstance(layer, Shuffle):
        return f"shuffle {amount(fill('t', layer.groups), layer.groups)}"
    if isinstance(layer, Scale) and layer.is_fixed:
        return _factor_text(layer, fill)
    if isinstance(layer, Upsample) and layer.factor is not None:
        return _enlarged_text(layer, fill)
    if isinstance(layer, Pad | Crop):
        return _border_text(layer, fill, references)
    return written(layer, references)


def _factor_text(layer: Scale, fill: Fill) -> str:
    """`scale 0.17`, with a number or an expression."""
    given = {
        name: fill("f", int(n) if n.is_integer() else n)
        for name, n in (("factor", layer.factor), ("offset", layer.offset))
        if n is not None
    }
    if not any(given.values()):
        return written(layer)
    parts: list[str] = []
    for name, n in (("factor", layer.factor), ("offset", layer.offset)):
        if n is not None:
            key = "offset=" if name == "offset" and layer.factor is None else ""
            said = given[name]
            parts.append(f"{key}{number_text(n) if said is None else amount(said, 0)}")
    return f"scale {' '.join(parts)}"


def _enlarged_text(layer: Upsample, fill: Fill) -> str:
    """`upsample 2x2 bilinear`, with a factor that is the same along all axes as a number."""
    first, *others = layer.factor or (1,)
    even = isinstance(first, int) and set(others) <= {first}
    given = fill("k", first) if even else None
    rest = written(layer.model_copy(update={"factor": None})).removeprefix("upsample")
    if given is not None:
        return f"upsample {keyed('k', given)}{rest}"
    factors = [factor for factor in layer.factor or () if isinstance(factor, int)]
    if even or len(factors) != len(layer.factor or ()):
        return written(layer)
    return f"upsample {_uneven(fill, factors)}{rest}"


def _border_text(layer: Pad | Crop, fill: Fill, references: Sequence[str]) -> str:
    """`crop p=(0,0,1,1)`, with numbers or expressions."""
    head, key, tail = written(layer, references).partition("p=(")
    if not key:
        return head
    numbers, _, rest = tail.partition(")")
    said = [(fill("t", int(n)), n) for n in numbers.split(",")]
    return f"{head}{key}{','.join(n if given is None else given for given, n in said)}){rest}"


def number_text(number: float | str) -> str:
    """As the language has it: `2`, `0.75`, `1e-5`; a word as it is."""
    if isinstance(number, str):
        return number
    return re.sub(r"e([+-])0*", r"e\1", repr(number).removesuffix(".0")).replace("e+", "e")


def _shape_text(shape: Shape, fill: Fill) -> str:
    """With what is computed in braces: `{C}@1x1`."""
    numbers = [("n", shape.channels), *(("t", size) for size in shape.sizes)]
    said = [(fill(kind, n), n) for kind, n in numbers]
    channels, *sizes = [str(n) if given is None else f"{{{given}}}" for given, n in said]
    return f"{channels}@{'x'.join(sizes)}" if sizes else f"@{channels}"


def chain_text(steps: Sequence[Step], fill: Fill, references: Sequence[str] = ()) -> str:
    """Layers on one line: words without arguments behind the first, the others after arrows."""
    text = ""
    for index, step in enumerate(steps):
        norm = index + 1 < len(steps) and steps[index + 1].word == "bn"
        part = layer_text(step, fill, norm, () if index else references)
        ambiguous = index > 0 and steps[index - 1].word == "gelu"
        if not text:
            text = part
        elif " " in part or ambiguous or not is_word(step):
            text += f" -> {part}"
        else:
            text += f" {part}"
    return text


def _window_text(step: Step, layer: Any, fill: Fill, before_norm: bool) -> str:
    x = step.inputs[0].output
    kernel = broadcast(layer.kernel, x, "kernel")
    parts = [layer.word, _sides(fill, "k", kernel)]
    if layer.word in ("conv", "deconv"):
        filters = layer.filters or x.channels
        parts.append(amount(fill("n", filters), filters))
    stride = broadcast(layer.stride or layer.kernel, x, "stride")
    if isinstance(step.layer, Windows):
        parts.append(_axes(fill, "s", stride, plain=1))
    elif len(set(kernel)) == 1 or stride != kernel:
        parts.append(_axes(fill, "s", stride, plain=None))
    ways = padding_ways(layer, x)
    given = fill("p", ways)
    parts.append(written_way(best_way(ways)) if given is None else given)
    if hasattr(layer, "dilation"):
        parts.append(_axes(fill, "d", broadcast(layer.dilation, x, "dilation"), plain=1))
    if layer.word in ("conv", "deconv"):
        parts.append(_axes(fill, "g", (layer.groups,), plain=1))
    if layer.word == "deconv" and any(layer.output_padding):
        parts.append("op" + "x".join(map(str, layer.output_padding)))
    parts += [word for word in ("ceil", "countpad") if getattr(layer, word, False)]
    text = " ".join(part for part in parts if part)
    return text if isinstance(step.layer, Pooling) else text + _bias(layer, before_norm)


def _bias(layer: Any, before_norm: bool) -> str:
    if layer.bias:
        return " bias" if before_norm else ""
    return "" if before_norm else " nobias"


def amount(given: str | None, value: float | str) -> str:
    """A number that stands bare; an expression in parentheses."""
    if given is None:
        return number_text(value)
    return given if given.isidentifier() or given == "?" else f"({given})"


def _sides(fill: Fill, letter: str, values: tuple[int, ...]) -> str:
    """A size: `3x3`."""
    even = len(set(values)) == 1
    given = fill(letter, values[0]) if even else None
    if given == "?":  # where it is equal everywhere, the number of axes shows
        return f"{letter}={given * len(values)}"
    if given is not None:
        return keyed(letter, given)
    return _uneven(fill, values) if len(values) > 1 else letter + "".join(map(str, values))


def _uneven(fill: Fill, values: Sequence[int]) -> str:
    """A size with what is computed in braces, `{c}x1`; sides of 1 stay."""
    if len(set(values)) == 1:
        return "x".join(map(str, values))
    said = [(fill("t", n) if n > 1 else None, n) for n in values]
    return "x".join(str(n) if given is None else f"{{{given}}}" for given, n in said)


def _axes(fill: Fill, letter: str, values: tuple[int, ...], plain: int | None) -> str:
    """A short option; nothing where it is the default."""
    even = len(set(values)) == 1
    given = fill(letter, values[0]) if even else None
    if given is not None:
        return keyed(letter, given)
    if even:
        return "" if values[0] == plain else f"{letter}{values[0]}"
    return letter + "x".join(map(str, values))


def keyed(letter: str, expression: str) -> str:
    """`s=s`, `g=(n//4)`."""
    plain = expression.replace("_", "").isalnum() or expression == "?"
    return f"{letter}={expression if plain else f'({expression})'}"


# Padding


def padding_ways(layer: Any, x: Shape) -> frozenset[str]:
    """Every way to write a layer's padding: `p0`, `p1`, `p=(0,0,1,1)`, `half`, `same`."""
    return _padding_ways(layer, x)


@lru_cache(maxsize=1024)
def _padding_ways(layer: Any, x: Shape) -> frozenset[str]:
    if isinstance(layer, Deconv):
        return _deconv_ways(layer, x)
    pads = layer.window(x).pads
    ways = {_explicit(pads)}
    for word in ("half", "same"):
        if _with_padding(layer, x, word) == pads:
            ways.add(word)
    return frozenset(ways)


def _deconv_ways(layer: Deconv, x: Shape) -> frozenset[str]:
    if layer.padding == "same":
        return frozenset({"same"})
    plain = layer.model_copy(update={"output_padding": (0,)})
    window: Window = plain.window(x)
    return frozenset({_explicit(window.pads)})


def _with_padding(layer: Any, x: Shape, word: str) -> tuple[tuple[int, int], ...] | None:
    try:
        return layer.model_copy(update={"padding": word}).window(x).pads
    except ShapeError:
        return None


def _explicit(pads: Sequence[tuple[int, int]]) -> str:
    before, after = [b for b, _ in pads], [a for _, a in pads]
    if before != after:
        return f"p=({','.join(map(str, before + after))})"
    return f"p{before[0]}" if len(set(before)) == 1 else "p" + "x".join(map(str, before))


def best_way(ways: frozenset[str]) -> str:
    """The plainest way: a number, a number an axis, then words, then all sides."""
    return min(ways, key=lambda way: (way.startswith("p="), way in ("same", "half"), way))


def written_way(way: str) -> str:
    """As it stands on a line; none is the default."""
    return "" if way.strip("p0x") == "" else way
