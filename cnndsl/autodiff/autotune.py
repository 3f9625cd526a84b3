"""Choose the algorithms of convolutions by measuring them, and remember the choices.

The cost model ranks all combinations of algorithms; the first few are written as models of their
own and measured by a function that is given (this room knows no runtime). What was found is kept
in a JSON file by machine, layer and products, so that the next run measures nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import onnx_ir as ir

from cnndsl.autodiff.algorithms.choose import OPERANDS, Choice, Product, write_product
from cnndsl.autodiff.algorithms.geometry import Convolution
from cnndsl.files import replaced
from cnndsl.graphs.tidying import tidy
from cnndsl.graphs.writer import FLOAT, IR_VERSION, OPSET, Writer

Measure = Callable[[Sequence[bytes]], Sequence[float]]
"""From models to their times in any one unit, measured alike. Inputs may hold any numbers."""

VERSION = 1
CANDIDATES = 6


class Tuner:
    """What a Planner's `tune` may be.

    `machine` names what the times depend on besides the layer: the processor, the threads, the
    runtime's version. `path` is the file of choices; None keeps them in memory alone.
    """

    def __init__(self, measure: Measure, machine: str, path: Path | None = None):
        self.measure, self.machine, self.path = measure, machine, path
        self.choices: dict[str, dict[Product, str]] = _read(path, machine) if path else {}

    def __call__(self, c: Convolution, ranked: Sequence[Choice]) -> Choice:
        """The fastest of the first candidates. An unwritable file costs the memory alone."""
        key = layer_key(c, list(ranked[0]))
        if self.choices.get(key) not in ranked:  # unknown, or of algorithms that aren't allowed now
            candidates = ranked[:CANDIDATES]
            times = self.measure([candidate_model(c, choice) for choice in candidates])
            best = min(range(len(candidates)), key=times.__getitem__)
            self.choices[key] = dict(candidates[best])
            self._write()
        return self.choices[key]

    def _write(self) -> None:
        if self.path is None:
            return
        machines = {**_machines(self.path), self.machine: self.choices}
        text = json.dumps({"version": VERSION, "machines": machines}, indent=1, sort_keys=True)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replaced(self.path) as file:
                file.write(text.encode())
        except OSError:
            self.path = None


def layer_key(c: Convolution, products: Sequence[Product]) -> str:
    """A layer's sizes and the products asked for, as a person can read them."""
    axes = " ".join(
        f"{a.size}→{a.output} k{a.kernel} s{a.stride} d{a.dilation} p{a.before}" for a in c.axes
    )
    return f"{c.batch}x{c.channels}→{c.filters} g{c.group}, {axes}: {' '.join(products)}"


def candidate_model(c: Convolution, choice: Choice) -> bytes:
    """A model that computes the products of one convolution so, an output for each."""
    write = Writer()
    shapes = {"x": c.x_shape, "w": c.w_shape, "dy": c.y_shape}
    values = {
        name: ir.Value(name=name, shape=ir.Shape(shape), type=FLOAT)
        for name, shape in shapes.items()
        if any(name in OPERANDS[product] for product in choice)
    }
    outputs: list[ir.Value] = []
    for product, algorithm in choice.items():
        a, b = OPERANDS[product]
        outputs.append(write_product(write, c, product, algorithm, values[a], values[b]))
        outputs[-1].name = product
    graph = ir.Graph(
        list(values.values()),
        outputs,
        nodes=write.nodes,
        initializers=list(write.constants.values()),
        opset_imports={"": OPSET},
        name="candidate",
    )
    model = ir.Model(graph, ir_version=IR_VERSION)
    tidy(model)
    return ir.to_proto(model).SerializeToString()


def _machines(path: Path) -> Mapping[str, object]:
    """What a file holds of all machines; nothing where it is missing, damaged or of another age."""
    try:
        data: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(data, dict):
        return {}
    found = cast("dict[str, object]", data)
    machines = found.get("machines")
    if found.get("version") != VERSION or not isinstance(machines, dict):
        return {}
    return cast("dict[str, object]", machines)


def _read(path: Path, machine: str) -> dict[str, dict[Product, str]]:
    own = _machines(path).get(machine)
    if not isinstance(own, dict):
        return {}
    rows = cast("dict[str, object]", own)
    return {
        key: cast("dict[Product, str]", choice)
        for key, choice in rows.items()
        if isinstance(choice, dict)
    }
