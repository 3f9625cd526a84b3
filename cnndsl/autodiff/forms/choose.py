"""Which forms compute a convolution's products: the least predicted time of all together.

A layer has up to three products: `forward` y, `input` dx and `weight` dw. Forms share what they
write alike (the columns of x serve y and dw), so they are chosen together: each form is written
once on trial, its nodes get predicted times, equal nodes count once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

import onnx_ir as ir

from cnndsl.autodiff.costs import nanoseconds
from cnndsl.autodiff.forms import columns, dense, pointwise
from cnndsl.autodiff.forms.bands import Bands
from cnndsl.autodiff.forms.convolved import convolved
from cnndsl.autodiff.forms.direct import direct, flip, flipped
from cnndsl.autodiff.forms.geometry import Convolution
from cnndsl.autodiff.forms.transposed import transposed
from cnndsl.autodiff.forms.winograd import POINTS, Tiling, Winograd
from cnndsl.graphs.precision import Precision
from cnndsl.graphs.writer import Writer

Product = Literal["forward", "input", "weight"]
Build = Callable[[Writer, Convolution, ir.Value, ir.Value], ir.Value]
Choice = Mapping[Product, str]
"""A form's name for each product that is wanted."""


def forms(c: Convolution) -> dict[Product, dict[str, Build]]:
    """All forms that compute a product of this convolution; the first of each is right for all."""
    found: dict[Product, dict[str, Build]] = {
        "forward": {"direct": direct, "columns": columns.forward},
        "input": {"transposed": transposed, "columns": columns.spread},
        "weight": {"convolved": convolved, "columns": columns.weight_gradient},
    }
    plain = all(a.stride == 1 for a in c.axes)
    if plain:
        found["input"] |= {"flipped": flipped, "columns flipped": columns.flipped}
        found["weight"] |= {"columns flipped": columns.flipped_weight}
    if c.pointwise:
        found["forward"]["pointwise"] = pointwise.forward
        found["input"]["pointwise"] = pointwise.input_gradient
        found["weight"]["pointwise"] = pointwise.weight_gradient
    if dense.fits(c):
        found["forward"]["dense"] = dense.forward
        found["input"]["dense"] = dense.input_gradient
        found["weight"]["dense"] = dense.weight_gradient
    if plain and c.group == 1 and not c.pointwise and all(a.dilation == 1 for a in c.axes):
        for tile in (2, 4, 6):
            _add_winograd(found, c, tile)
    if c.depthwise:
        for rows in (1, 2, 4):
            _add_bands(found, Bands(c, rows), plain)
    return found


def _add_bands(found: dict[Product, dict[str, Build]], bands: Bands, plain: bool) -> None:
    """The forms by blocks of rows."""
    if not bands.fits:
        return
    name = f"bands {bands.rows}"
    found["forward"][name] = lambda write, c, x, w: bands.forward(write, x, w)
    found["weight"][name] = lambda write, c, x, dy: bands.weight_gradient(write, x, dy)
    if plain and Bands(flip(bands.c), bands.rows).fits:
        found["input"][name] = lambda write, c, dy, w: bands.input_gradient(write, dy, w)


def _add_winograd(found: dict[Product, dict[str, Build]], c: Convolution, tile: int) -> None:
    """The forms by tiles of so many outputs, where the window is small and there are points."""
    if any(a.kernel > 1 and a.kernel + tile - 1 not in POINTS for a in c.axes):
        return
    tilings = tuple(Tiling(a, tile if a.kernel > 1 else 1) for a in c.axes)
    if any(
        t.axis.kernel == 1 and (t.axis.before or t.axis.unread or t.axis.after) for t in tilings
    ):
        return
    name = f"winograd {tile}"
    grouped, summed = (Winograd(c, tilings, regroup) for regroup in (True, False))
    found["forward"][name] = lambda write, c, x, w: grouped.forward(write, x, w)
    found["input"][name] = lambda write, c, dy, w: grouped.input_gradient(write, dy, w)
    found["weight"][name] = lambda write, c, x, dy: grouped.weight_gradient(write, x, dy)
    found["weight"][f"{name} summed"] = lambda write, c, x, dy: summed.weight_gradient(write, x, dy)


@dataclass
class Planner:
    """Chooses forms and remembers its choices.

    `threads` are those of the session that will run the graph. `tune`, where given, measures: it
    gets a convolution and all choices, the one predicted to be fastest first, and returns one.
    `allowed` says which forms may be chosen (by name); those that are right for all always may.
    On "cuda" the operators that cuDNN has kernels for come first, whatever the CPU's times are; dw,
    for which there is none, is a product of matrices. With a `precision` below float32 none of
    Winograd's forms is chosen: their transforms lose digits. `placed` holds the forms that shall
    take forward nodes' places, see `passes.convolutions`.
    """

    threads: int = 2
    device: str = "cpu"
    precision: Precision = "float32"
    tune: Callable[[Convolution, Sequence[Choice]], Choice] | None = None
    allowed: Callable[[str], bool] = lambda name: True
    known: dict[tuple[Convolution, tuple[Product, ...]], Choice] = field(
        default_factory=dict[tuple[Convolution, tuple[Product, ...]], Choice]
    )

    placed: dict[ir.Node, str] = field(default_factory=dict[ir.Node, str])

    def choose(self, c: Convolution, wanted: Sequence[Product]) -> Choice:
        """The forms of the products that are wanted."""
        key = (c, tuple(wanted))
        if key not in self.known:
            ranked = [choice for _, choice in self.ranking(c, wanted)]
            self.known[key] = self.tune(c, ranked) if self.tune else ranked[0]
        return self.known[key]

    def candidates(self, c: Convolution, product_: Product) -> dict[str, Build]:
        """The forms of a product that may be chosen."""
        found = list(forms(c)[product_].items())
        return dict(found[:1] + [row for row in found[1:] if self._may_be(row[0])])

    def _may_be(self, form: str) -> bool:
        precise = self.precision == "float32" or not form.startswith("winograd")
        return precise and self.allowed(form)

    def ranking(self, c: Convolution, wanted: Sequence[Product]) -> list[tuple[float, Choice]]:
        """Every combination of forms with its predicted time in ms, the fastest first."""
        ledger = _Ledger(c, self.threads)
        rows = [
            [(name, ledger.cost(p, build)) for name, build in self.candidates(c, p).items()]
            for p in wanted
        ]
        found: list[tuple[float, Choice]] = []
        for combination in product(*rows):
            nodes: dict[int, float] = {}
            for _, cost in combination:
                nodes |= cost
            names = [name for name, _ in combination]
            found.append((sum(nodes.values()) / 1e6, dict(zip(wanted, names, strict=True))))
        return sorted(found, key=lambda row: (self._strange(row[1]), row[0]))

    def _strange(self, choice: Choice) -> int:
        """How many of the forms aren't the device's own; on the CPU the time says everything."""
        own = CUDNN if self.device == "cuda" else None
        return sum(form not in own[product_] for product_, form in choice.items()) if own else 0


def write_product(
    write: Writer, c: Convolution, product_: Product, form: str, a: ir.Value, b: ir.Value
) -> ir.Value:
    """A product in the form of that name; a and b are (x, w), (dy, w) or (x, dy)."""
    return forms(c)[product_][form](write, c, a, b)


CUDNN: dict[Product, tuple[str, ...]] = {
    "forward": ("direct",),
    "input": ("transposed",),
    "weight": ("pointwise", "columns"),
}
"""What suits NVIDIA's kernels. Not measured."""

OPERANDS: dict[Product, tuple[str, str]] = {
    "forward": ("x", "w"),
    "input": ("dy", "w"),
    "weight": ("x", "dy"),
}
"""What each product is made of."""


class _Ledger:
    """Times of the nodes that forms are made of, equal nodes under one number."""

    def __init__(self, c: Convolution, threads: int):
        self.c, self.threads = c, threads
        shapes = {"x": c.x_shape, "w": c.w_shape, "dy": c.y_shape}
        float_type = ir.TensorType(ir.DataType.FLOAT)
        self.inputs = {
            name: ir.Value(name=name, shape=ir.Shape(shape), type=float_type)
            for name, shape in shapes.items()
        }
        self.numbers: dict[object, int] = {}

    def cost(self, product_: Product, build: Build) -> dict[int, float]:
        """The nodes of a form, by number, with their times in ns."""
        write = Writer()
        a, b = OPERANDS[product_]
        build(write, self.c, self.inputs[a], self.inputs[b])
        known: dict[ir.Value, int] = {}
        found = {self._number(node, known): nanoseconds(node, self.threads) for node in write.nodes}
        for node in write.nodes:  # the inputs outlive this trial
            for i in range(len(node.inputs)):
                node.replace_input_with(i, None)
        return found

    def _number(self, node: ir.Node, known: dict[ir.Value, int]) -> int:
        attributes = tuple((a.name, str(a.value)) for a in _sorted(node.attributes.values()))
        inputs = tuple(known.get(v, v.name) if v is not None else None for v in node.inputs)
        key = (node.op_type, attributes, inputs)
        number = self.numbers.setdefault(key, len(self.numbers))
        known[node.outputs[0]] = number
        return number


def _sorted(attributes: Iterable[ir.Attr]) -> list[ir.Attr]:
    return sorted(attributes, key=lambda a: a.name)
