"""Write `layers.md`, the reference of all layers: `python -m docs.build_layers`, by `make docs`.

Everything in it comes from the layers themselves, their docstrings, arguments and examples, and
from the prelude's comments.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from cnndsl.cli.explain import blocks
from cnndsl.layers import LAYERS, Layer
from cnndsl.layers.reference import arguments_table
from cnndsl.source import Source
from cnndsl.specs import load

REFERENCE = Path(__file__).parent / "layers.md"

GROUPS = {
    "Convolutions": ("conv", "dwconv", "deconv", "filter"),
    "Pooling": ("pool", "avgpool", "gap", "gmp", "unpool"),
    "Dense layers": ("fc", "flatten", "reshape", "rbf"),
    "Activations": (
        *("relu", "relu6", "leaky", "prelu", "elu", "celu", "selu", "gelu", "silu", "hswish"),
        *("mish", "sigmoid", "hsigmoid", "tanh", "softplus", "softsign", "threshold", "shrink"),
        *("softmax", "logsoftmax"),
    ),
    "Functions": ("abs", "exp", "log", "power", "clamp"),
    "Normalisation": ("bn", "ln", "inorm", "gn", "lrn", "l2norm", "grn", "minmax", "scale"),
    "Merging": ("concat", "add", "sub", "mul", "div", "max", "min", "atan2"),
    "Channels": ("take", "widen", "shuffle"),
    "Size and border": ("upsample", "pixelshuffle", "pixelunshuffle", "pad", "crop"),
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
    return "".join(rows) + f"- [Blocks](#blocks): {_linked(tuple(blocks()))}\n"


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
    rows = [f"| {' | '.join(row)} |" for row in arguments_table(layer)]
    return "\n".join(["| argument | written | default |", "|---|---|---|", *rows])


def _examples(layer: type[Layer]) -> str:
    rows = ["| example | input | output | parameters | MACs |", "|---|---|---|---:|---:|"]
    for e in layer.examples:
        inputs = ", ".join(f"`{shape}`" for shape in e.input.split())
        macs = "?" if "H" in e.input else f"{e.macs:,}"  # open sizes
        rows.append(f"| `{e.text}` | {inputs} | `{e.output}` | {e.params:,} | {macs} |")
    return "\n".join(rows)


def _prelude() -> str:
    return "\n".join(_block(name, *parts) for name, parts in blocks().items())


def _block(name: str, said: str, text: str) -> str:
    """A block of the prelude: what is said about it, its text, and a use."""
    shape, call = CALLS[name]
    network, _ = load(Source("call.cnn", f"cnndsl 1\ninput x {shape}\n{call}\n"))
    use = f"```cnn fragment {shape}\n{call}  # {network.steps[-1].output}\n```\n"
    return f"### {name}\n\n{said}\n```cnn prelude\n{text}```\n\nOn `{shape}`:\n\n{use}"


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
