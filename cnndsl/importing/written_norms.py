"""Norms that a model writes as arithmetic: mean, difference, squares, mean, root, quotient.

PyTorch wrote layer norms so before opset 17, TensorFlow writes instance norms so. In the model's
nodes the whole becomes one MeanVarianceNormalization with an epsilon, in two forms:

    (x − mean) / √(variance + eps), the quotient also as a product with the reciprocal
    x·s + (bias − mean·s) with s = weight/√(variance + eps)

PyTorch writes local response norms as arithmetic too, x/(k + alpha·mean)^beta: the mean of squares
over neighbouring channels is an AveragePool of x², the channels laid out as an axis of space and
padded. The whole becomes one LRN.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import helper

from cnndsl.importing.makers import MOST_PASSED, Makers, both, needed
from cnndsl.importing.reading import Model, attributes

NORM = "MeanVarianceNormalization"


def with_norms(model: Model) -> Model:
    """The model with a node for every norm that was written out, less what only that needed."""
    reader = _Reader(model)
    nodes: list[onnx.NodeProto] = []
    for node in model.nodes:
        nodes += reader.replacement(node) or [node]
    return replace(model, nodes=needed(model, nodes)) if reader.found else model


@dataclass(frozen=True, slots=True)
class _Root:
    """√(variance + eps) of a value over some axes, or its inverse."""

    x: str
    mean: str
    axes: tuple[int, ...]
    eps: float
    inverse: bool


class _Reader(Makers):
    """Finds norms, and counts them."""

    def replacement(self, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
        """What stands for a node that ends a norm; None where it ends none."""
        if len(node.input) != 2 or len(node.output) != 1:
            return None
        if node.op_type in ("Div", "Mul"):
            return self._quotient(node) or self._local_response(node)
        return self._scaled(node) if node.op_type == "Add" else None

    def _quotient(self, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
        orders = [tuple(node.input)]
        if node.op_type == "Mul":
            orders.append((node.input[1], node.input[0]))
        for difference, other in orders:
            root = self._root(other)
            if root and root.inverse == (node.op_type == "Mul") and self._is_off(difference, root):
                return [self._norm(node, root, node.output[0])]
        return None

    def _scaled(self, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
        for product, offset in both(node):
            rest = self.maker(offset, "Sub")
            if rest is None:
                continue
            for x, scale in self._factors(product):
                for inverse, weight in self._factors(scale):
                    root = self._root(inverse)
                    if root is None or not root.inverse or self.source(x) != root.x:
                        continue
                    if not any(
                        self.source(mean) == root.mean and self.source(s) == self.source(scale)
                        for mean, s in self._factors(rest.input[1])
                    ):
                        continue
                    out = node.output[0]
                    normal, scaled = f"{out}/normal", f"{out}/scaled"
                    return [
                        self._norm(node, root, normal),
                        helper.make_node("Mul", [normal, weight], [scaled], name=node.name),
                        helper.make_node("Add", [scaled, rest.input[0]], [out], name=node.name),
                    ]
        return None

    def _norm(self, node: onnx.NodeProto, root: _Root, output: str) -> onnx.NodeProto:
        self.found += 1
        return helper.make_node(
            NORM, [root.x], [output], name=node.name, axes=root.axes, epsilon=root.eps
        )

    def _root(self, name: str) -> _Root | None:
        """What a value is the root of, or the inverse root."""
        node = self.maker(name, "Reciprocal", "Div", "Sqrt", "Pow")
        if node is None or not node.input:
            return None
        if node.op_type in ("Reciprocal", "Div"):
            if node.op_type == "Div" and self.number(node.input[0]) != 1:
                return None
            inner = self.maker(node.input[-1], "Sqrt", "Pow")
            found = self._root(node.input[-1]) if inner is not None else None
            return None if found is None else replace(found, inverse=not found.inverse)
        power = 0.5 if node.op_type == "Sqrt" else self.number(node.input[-1])
        if power not in (0.5, -0.5):
            return None
        return self._variance(node.input[0], inverse=power < 0)

    def _variance(self, name: str, *, inverse: bool) -> _Root | None:
        """variance + eps."""
        sum_ = self.maker(name, "Add")
        if sum_ is None:
            return None
        for variance, added in both(sum_):
            eps, mean = self.number(added), self.maker(variance, "ReduceMean")
            if mean is None or eps is None or not 0 < eps < 1:
                continue
            axes, differences = self.axes(mean), self._squared(mean.input[0])
            off = self.maker(differences, "Sub") if differences else None
            inner = self.maker(off.input[1], "ReduceMean") if off is not None else None
            if off is None or inner is None or axes is None or self.axes(inner) != axes:
                continue
            x = self.source(off.input[0])
            if self.source(inner.input[0]) == x:
                return _Root(x, self.source(off.input[1]), axes, eps, inverse)
        return None

    def _squared(self, name: str) -> str | None:
        node = self.maker(name, "Pow", "Mul")
        if node is None or len(node.input) != 2:
            return None
        if node.op_type == "Pow":
            return node.input[0] if self.number(node.input[1]) == 2 else None
        same = self.source(node.input[0]) == self.source(node.input[1])
        return node.input[0] if same else None

    def _is_off(self, name: str, root: _Root) -> bool:
        """Whether a value is x − mean."""
        node = self.maker(name, "Sub")
        if node is None or self.source(node.input[0]) != root.x:
            return False
        mean = self.maker(node.input[1], "ReduceMean")
        return mean is not None and (
            self.source(node.input[1]) == root.mean
            or (self.source(mean.input[0]) == root.x and self.axes(mean) == root.axes)
        )

    def _factors(self, name: str) -> list[tuple[str, str]]:
        node = self.maker(name, "Mul")
        return both(node) if node is not None and len(node.input) == 2 else []

    def _local_response(self, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
        """x/(k + alpha·mean)^beta."""
        power = self.maker(node.input[1], "Pow", "Sqrt") if node.op_type == "Div" else None
        if power is None:
            return None
        beta = 0.5 if power.op_type == "Sqrt" else self.number(power.input[1])
        for product, added in self._terms(power.input[0]):
            for mean, factor in self._factors(product):
                k, alpha = self.number(added), self.number(factor)
                size = self._neighbours(mean, self.source(node.input[0]))
                if size and k is not None and alpha is not None and beta is not None:
                    self.found += 1
                    norm = helper.make_node("LRN", [node.input[0]], [node.output[0]], node.name)
                    numbers = {"alpha": alpha, "beta": beta, "bias": k, "size": size}
                    norm.attribute.extend(helper.make_attribute(*item) for item in numbers.items())
                    return [norm]
        return None

    def _neighbours(self, mean: str, x: str) -> int:
        """Over how many channels the mean of x² goes, its own in the middle; 0 where it is none."""
        pool = self.maker(self._moved(mean), "AveragePool")
        if pool is None:
            return 0
        given = attributes(self.model.path, pool)
        size, *others = given.get("kernel_shape", (0,))
        pad = self.maker(pool.input[0], "Pad")
        if pad is None or any(n != 1 for n in (*others, *given.get("strides", ()))):
            return 0
        if size % 2 == 0:
            return 0
        pads = [0] * (2 * len(others) + 6)
        pads[2] = pads[len(pads) // 2 + 2] = size // 2
        if any(given.get("pads", ())) or self._pads(pad) not in (pads, None):
            return 0
        square = self._squared(self._moved(pad.input[0]))
        return size if square and self.source(square) == x else 0

    def _pads(self, node: onnx.NodeProto) -> list[int] | None:
        """What a Pad puts around its input; None where the model computes that."""
        given = attributes(self.model.path, node)
        pads = given.get("pads", self.array(node.input[1]) if node.input[1:] else None)
        return None if pads is None else [int(n) for n in np.ravel(np.asarray(pads))]

    def _moved(self, name: str) -> str:
        """The value that another one is, but for its shape.

        PyTorch writes a squeeze as an If whose one branch squeezes.
        """
        for _ in range(MOST_PASSED):
            node = self.maker(name, "Reshape", "Squeeze", "Unsqueeze", "If")
            if node is not None and node.op_type == "If":
                branches = [n for a in node.attribute for n in a.g.node]
                node = next((n for n in branches if n.op_type == "Squeeze" and n.input), None)
            if node is None:
                break
            name = node.input[0]
        return self.source(name)

    def _terms(self, name: str) -> list[tuple[str, str]]:
        node = self.maker(name, "Add")
        return both(node) if node is not None else []
