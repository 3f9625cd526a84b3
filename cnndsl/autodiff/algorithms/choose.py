"""Which algorithms compute a convolution's products: the least predicted time of all together.

A layer has up to three products: `fprop` y, `dgrad` dx and `wgrad` dw. Algorithms share what they
write alike (the columns of x serve y and dw), so they are chosen together: each is written once on
trial, its nodes get predicted times, equal nodes count once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

import onnx_ir as ir

from cnndsl.autodiff.algorithms import columns, dense, pointwise
from cnndsl.autodiff.algorithms.bands import Bands
from cnndsl.autodiff.algorithms.convolved import convolved
from cnndsl.autodiff.algorithms.direct import direct, flip, flipped
from cnndsl.autodiff.algorithms.geometry import Convolution
from cnndsl.autodiff.algorithms.transposed import transposed
from cnndsl.autodiff.algorithms.winograd import POINTS, Tiling, Winograd
from cnndsl.autodiff.costs import nanoseconds
from cnndsl.graphs.precision import Precision
from cnndsl.graphs.writer import Writer

Product = Literal["fprop", "dgrad", "wgrad"]
Build = Callable[[Writer, Convolution, ir.Value, ir.Value], ir.Value]
Choice = Mapping[Product, str]
"""An algorithm's name for each product that is asked for."""


LARGEST_TRANSFORM = 1 << 22
"""Numbers of one of Winograd's transforms along an axis, beyond which it isn't worth a try."""


def algorithms(c: Convolution) -> dict[Product, dict[str, Build]]:
    """All algorithms for the products of this convolution; the first of each is right for all."""
    found: dict[Product, dict[str, Build]] = {
        "fprop": {"direct": direct},
        "dgrad": {"transposed": transposed},
        "wgrad": {"convolved": convolved},
    }
    if columns.fits(c):
        found["fprop"]["columns"] = columns.fprop
        found["dgrad"]["columns"] = columns.dgrad
        found["wgrad"]["columns"] = columns.wgrad
    plain = all(a.stride == 1 for a in c.axes)
    if plain:
        found["dgrad"]["flipped"] = flipped
        if columns.fits(flip(c)):
            found["dgrad"]["columns flipped"] = columns.flipped
            found["wgrad"]["columns flipped"] = columns.flipped_wgrad
    if c.pointwise:
        found["fprop"]["pointwise"] = pointwise.fprop
        found["dgrad"]["pointwise"] = pointwise.dgrad
        found["wgrad"]["pointwise"] = pointwise.wgrad
    if dense.fits(c):
        found["fprop"]["dense"] = dense.fprop
        found["dgrad"]["dense"] = dense.dgrad
        found["wgrad"]["dense"] = dense.wgrad
    if plain and c.group == 1 and not c.pointwise and all(a.dilation == 1 for a in c.axes):
        for tile in (2, 4, 6):
            _add_winograd(found, c, tile)
    if c.depthwise:
        for rows in (1, 2, 4):
            _add_bands(found, Bands(c, rows), plain)
    return found


def _add_bands(found: dict[Product, dict[str, Build]], bands: Bands, plain: bool) -> None:
    """The algorithms by blocks of rows."""
    if not bands.fits:
        return
    name = f"bands {bands.rows}"
    found["fprop"][name] = lambda write, c, x, w: bands.fprop(write, x, w)
    found["wgrad"][name] = lambda write, c, x, dy: bands.wgrad(write, x, dy)
    if plain and Bands(flip(bands.c), bands.rows).fits:
        found["dgrad"][name] = lambda write, c, dy, w: bands.dgrad(write, dy, w)


def _add_winograd(found: dict[Product, dict[str, Build]], c: Convolution, tile: int) -> None:
    """The algorithms by tiles of so many outputs, where windows are small and points known."""
    if any(a.kernel > 1 and a.kernel + tile - 1 not in POINTS for a in c.axes):
        return
    tilings = tuple(Tiling(a, tile if a.kernel > 1 else 1) for a in c.axes)
    if any(
        t.axis.kernel == 1 and (t.axis.before or t.axis.unread or t.axis.after) for t in tilings
    ):
        return
    if any(t.points * t.tiles * t.axis.size > LARGEST_TRANSFORM for t in tilings):
        return
    name = f"winograd {tile}"
    grouped, summed = (Winograd(c, tilings, regroup) for regroup in (True, False))
    found["fprop"][name] = lambda write, c, x, w: grouped.fprop(write, x, w)
    found["dgrad"][name] = lambda write, c, dy, w: grouped.dgrad(write, dy, w)
    found["wgrad"][name] = lambda write, c, x, dy: grouped.wgrad(write, x, dy)
    found["wgrad"][f"{name} summed"] = lambda write, c, x, dy: summed.wgrad(write, x, dy)


@dataclass
class Planner:
    """Chooses algorithms and remembers its choices.

    `threads` are those of the session that will run the graph. `tune`, where given, measures: it
    gets a convolution and all choices, the one predicted to be fastest first, and returns one.
    `allowed` says by name which algorithms may be chosen; those that are right for all always may.
    On "cuda" the operators that cuDNN has kernels for come first, whatever the CPU's times are; dw,
    for which there is none, is a product of matrices. With a `precision` below float32 none of
    Winograd's algorithms is chosen: their transforms lose digits. `placed` holds those that shall
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

    def choose(self, c: Convolution, products: Sequence[Product]) -> Choice:
        """The algorithms of the products that are asked for."""
        key = (c, tuple(products))
        if key not in self.known:
            ranked = [choice for _, choice in self.ranking(c, products)]
            self.known[key] = self.tune(c, ranked) if self.tune else ranked[0]
        return self.known[key]

    def candidates(self, c: Convolution, product_: Product) -> dict[str, Build]:
        """The algorithms of a product that may be chosen."""
        found = list(algorithms(c)[product_].items())
        return dict(found[:1] + [row for row in found[1:] if self._may_be(row[0])])

    def _may_be(self, algorithm: str) -> bool:
        precise = self.precision == "float32" or not algorithm.startswith("winograd")
        return precise and self.allowed(algorithm)

    def ranking(self, c: Convolution, products: Sequence[Product]) -> list[tuple[float, Choice]]:
        """Every combination of algorithms with its predicted time in ms, the fastest first."""
        ledger = _Ledger(c, self.threads)
        rows = [
            [(name, ledger.cost(p, build)) for name, build in self.candidates(c, p).items()]
            for p in products
        ]
        found: list[tuple[float, Choice]] = []
        for combination in product(*rows):
            nodes: dict[int, float] = {}
            for _, cost in combination:
                nodes |= cost
            names = [name for name, _ in combination]
            found.append((sum(nodes.values()) / 1e6, dict(zip(products, names, strict=True))))
        return sorted(found, key=lambda row: (self._strange(row[1]), row[0]))

    def _strange(self, choice: Choice) -> int:
        """How many aren't the device's own algorithms; on the CPU the time says everything."""
        own = CUDNN if self.device == "cuda" else None
        return (
            sum(algorithm not in own[product_] for product_, algorithm in choice.items())
            if own
            else 0
        )


def write_product(
    write: Writer, c: Convolution, product_: Product, algorithm: str, a: ir.Value, b: ir.Value
) -> ir.Value:
    """A product in the algorithm of that name; a and b are (x, w), (dy, w) or (x, dy)."""
    return algorithms(c)[product_][algorithm](write, c, a, b)


CUDNN: dict[Product, tuple[str, ...]] = {
    "fprop": ("direct",),
    "dgrad": ("transposed",),
    "wgrad": ("pointwise", "columns"),
}
"""What suits NVIDIA's kernels. Not measured."""

OPERANDS: dict[Product, tuple[str, str]] = {
    "fprop": ("x", "w"),
    "dgrad": ("dy", "w"),
    "wgrad": ("x", "dy"),
}
"""What each product is made of."""


class _Ledger:
    """Times of the nodes that algorithms are made of, equal nodes under one number."""

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
        """The nodes of an algorithm, by number, with their times in ns."""
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
