"""Write `layers.md`, the reference of all layers: `python -m docs.build_layers`, by `make docs`.

Everything in it comes from the layers themselves, their docstrings, arguments and examples, and
from the prelude's comments.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, get_args

from pydantic_core import PydanticUndefined

from cnndsl.layers import LAYERS, Layer
from cnndsl.layers.arguments import Argument
from cnndsl.resources import prelude_text
from cnndsl.source import Source
from cnndsl.specs import load

REFERENCE = Path(__file__).parent / "layers.md"

GROUPS = {
    "Convolutions": ("conv", "dwconv", "deconv", "filter"),
    "Pooling": ("pool", "avgpool", "gap", "gmp", "unpool"),
    "Dense layers": ("fc", "flatten", "reshape", "rbf"),
    "Activations": (
        *("relu", "relu6", "leaky", "prelu", "elu", "selu", "gelu", "silu", "hswish", "mish"),
        *("sigmoid", "hsigmoid", "tanh", "softplus", "softmax", "logsoftmax"),
    ),
    "Normalisation": ("bn", "ln", "inorm", "gn", "lrn", "scale"),
    "Merging": ("concat", "add", "mul"),
    "Channels": ("take", "widen", "shuffle"),
    "Size and border": ("upsample", "pixelshuffle", "pad", "crop"),
    "Dropping and sampling": ("dropout", "droppath", "sample"),
}

CALLS = {
    "basicblock": ("64@56x56", "basicblock 128 s2"),
    "bottleneck": ("256@56x56", "bottleneck 128 s2"),
    "inception": ("192@28x28", "inception 64 96 128 16 32 32"),
    "mlpconv": ("3@32x32", "mlpconv 192 160 96 k5 p2"),
    "fire": ("96@54x54", "fire 16 64"),
    "se": ("256@14x14", "se 16"),
    "separable": ("32@112x112", "separable 64"),
    "inverted": ("24@56x56", "inverted 32 s2"),
}
"""A use of every block of the prelude, and the shape that it is used on."""

HEAD = """\
<!-- Written by `make docs` from the layers' own documentation: edit cnndsl/layers/, not this. -->
# Layers

Every layer of the language, and the blocks of its prelude. [The language](language.md) tells how
lines are made of them. `cnndsl explain conv` prints a layer's entry in the terminal.

Shapes are channels `@` space, without the batch. In formulas n is an input size, k the window, s
the stride, p the padding of both sides together, d the dilation, g the groups, C the input's
channels and F the filters. Every entry says what a layer counts: parameters, MACs (multiply-adds of
convolutions and dense layers) and FLOPs (operations of any kind, 2 for a MAC), for one example. In
the examples `x` and `y` are labels, and `?` depends on a size that is open; a dash as a default is
explained in the text.
"""


def reference() -> str:
    """The text of layers.md. Raises ValueError where a layer is in no group."""
    missing = set(LAYERS) - {word for words in GROUPS.values() for word in words}
    if missing:
        raise ValueError(f"docs/build_layers.py has no group for {', '.join(sorted(missing))}")
    parts = [HEAD, _contents()]
    for group, words in GROUPS.items():
        parts.append(f"## {group}\n")
        parts += [_entry(LAYERS[word]) for word in words]
    parts.append(f"## Blocks\n\nDefined in the language, in the prelude.\n\n{_prelude()}")
    return "\n".join(parts)


def _contents() -> str:
    rows = [f"- {group}: {_linked(words)}\n" for group, words in GROUPS.items()]
    return "".join(rows) + f"- [Blocks](#blocks): {_linked(tuple(_definitions()))}\n"


def _linked(words: tuple[str, ...]) -> str:
    return ", ".join(f"[`{word}`](#{word})" for word in words)


def _entry(layer: type[Layer]) -> str:
    sections = [f"### {layer.word}", inspect.cleandoc(layer.__doc__ or "")]
    if layer.arguments():
        sections.append(_arguments(layer))
    sections.append(_examples(layer))
    return "\n\n".join(sections) + "\n"


def _arguments(layer: type[Layer]) -> str:
    """A table: what an argument is called, how it is written, and its default."""
    rows = ["| argument | written | default |", "|---|---|---|"]
    for name, argument in layer.arguments().items():
        field = layer.model_fields[name]
        ways = ", ".join(_ways(name, argument, get_args(field.annotation)))
        rows.append(f"| `{name}` | {ways} | {_default(argument, field.default)} |")
    return "\n".join(rows)


def _ways(name: str, argument: Argument, choices: tuple[Any, ...]) -> list[str]:
    letter = argument.letters
    match argument.positional:
        case "size":
            ways = ["a size", f"`{letter}…`"]
        case "word":
            named = [word for choice in choices for word in get_args(choice)]
            return [f"`{word}`" for word in named]
        case None:
            ways = [f"`{letter}…`"] if letter else []
        case kind:
            ways = [f"a {kind}" if kind != "numbers" else kind]
            ways += [f"`{letter}…`"] if letter else []
    ways += [f"`{word}`" for word in argument.words]
    return ways if argument.words and not letter else [*ways, f"`{name}=`"]


def _default(argument: Argument, value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    for word, meant in argument.words.items():
        if meant == value and type(meant) is type(value):
            return f"`{word}`"
    if value is False:
        return "off"
    if value in (None, ()):
        return "–"
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _examples(layer: type[Layer]) -> str:
    rows = ["| example | input | output | parameters | MACs |", "|---|---|---|---:|---:|"]
    for e in layer.examples:
        inputs = ", ".join(f"`{shape}`" for shape in e.input.split())
        macs = "?" if "H" in e.input else f"{e.macs:,}"  # open sizes
        rows.append(f"| `{e.text}` | {inputs} | `{e.output}` | {e.params:,} | {macs} |")
    return "\n".join(rows)


def _definitions() -> dict[str, tuple[str, str]]:
    """The prelude's blocks by name: what is said about them, and their text."""
    found = re.findall(r"((?:^# .*\n)+)(def (\w+)\(.*\n(?: .*\n)+)", prelude_text(), re.M)
    return {name: (re.sub("^# ", "", said, flags=re.M), text) for said, text, name in found}


def _prelude() -> str:
    return "\n".join(_block(name, *parts) for name, parts in _definitions().items())


def _block(name: str, said: str, text: str) -> str:
    """A block of the prelude: what is said about it, its text, and a use."""
    shape, call = CALLS[name]
    network, _ = load(Source("call.cnn", f"cnndsl 1\ninput x {shape}\n{call}\n"))
    use = f"```cnn fragment {shape}\n{call}  # {network.steps[-1].output}\n```\n"
    return f"### {name}\n\n{said}\n```cnn prelude\n{text}```\n\nOn `{shape}`:\n\n{use}"


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
