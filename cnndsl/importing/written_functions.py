"""Functions that a model writes as arithmetic because ONNX has no operator for them.

In the model's nodes the whole becomes one node by the layer's word:

    (x − min)/(max − min)                        minmax, as cnndsl writes it too
    atan(y/x), a half turn further where x < 0   atan2, as PyTorch exports it
    2·atan(y/(√(x² + y²) + |x|)), likewise       atan2, as cnndsl writes it

Where the range is 0, and where x is, the first two give no number, and the layers one. Where y is 0
and x less, PyTorch itself gives π, and what it exports −π; the layer does as PyTorch.
"""

from __future__ import annotations

from dataclasses import replace

import onnx
from onnx import helper

from cnndsl.importing.makers import Makers, needed
from cnndsl.importing.reading import Model


def with_functions(model: Model) -> Model:
    """The model with a node for every such function, less what only that needed."""
    reader = _Reader(model)
    nodes = [reader.replacement(node) or node for node in model.nodes]
    return replace(model, nodes=needed(model, nodes)) if reader.found else model


class _Reader(Makers):
    """Finds functions, and counts them."""

    def replacement(self, node: onnx.NodeProto) -> onnx.NodeProto | None:
        """What stands for a node that ends a function; None where it ends none."""
        match node.op_type, len(node.input):
            case "Div", 2:
                found = self._minmax(*node.input)
            case "Where", 3:
                found = self._atan2(*node.input)
            case _:
                return None
        if found is None:
            return None
        self.found += 1
        word, inputs, axes = found
        made = helper.make_node(word, inputs, [node.output[0]], name=node.name)
        if axes:
            made.attribute.append(helper.make_attribute("axes", axes))
        return made

    def _minmax(self, above: str, below: str) -> Found | None:
        """(x − min)/(max − min), the range perhaps 1 where it is 0."""
        extent = self._not_zero(below) or below
        less, range_ = self.maker(above, "Sub"), self.maker(extent, "Sub")
        if less is None or range_ is None:
            return None
        x, low = self.source(less.input[0]), self.maker(less.input[1], "ReduceMin")
        high = self.maker(range_.input[0], "ReduceMax")
        if low is None or high is None or self.source(range_.input[1]) != low.output[0]:
            return None
        axes = self.axes(low)
        if axes is None or axes != self.axes(high):
            return None
        same = self.source(low.input[0]) == self.source(high.input[0]) == x
        return ("minmax", [x], axes) if same else None

    def _atan2(self, left: str, turned: str, plain: str) -> Found | None:
        """An angle of the right half, a half turn further where x is less than 0."""
        angle = self.source(plain)
        twice = self.maker(angle, "Mul")
        arc = self.maker(twice.input[0] if twice is not None else angle, "Atan")
        quotient = self.maker(arc.input[0], "Div") if arc is not None else None
        x = self._below_zero(left)
        if quotient is None or x is None:
            return None
        y, divisor = map(self.source, quotient.input)
        if twice is None:
            further = self.maker(turned, "Where")
            ends = [self.maker(name, "Add", "Sub") for name in further.input[1:]] if further else []
            turns = all(end is not None and self.source(end.input[0]) == angle for end in ends)
            return ("atan2", [y, x], ()) if divisor == x and ends and turns else None
        rest, sum_ = self.maker(turned, "Sub"), self.maker(divisor, "Add")
        if self.number(twice.input[1]) != 2 or rest is None or sum_ is None:
            return None
        length = self.maker(sum_.input[0], "Sqrt")
        squares = self._not_zero(length.input[0]) if length is not None else None
        if squares is None or self.source(rest.input[1]) != angle:
            return None
        terms = self.maker(squares, "Add")
        products = [self.maker(name, "Mul") for name in terms.input] if terms is not None else []
        squared = [[self.source(name) for name in p.input] for p in products if p is not None]
        return ("atan2", [y, x], ()) if squared == [[x, x], [y, y]] else None

    def _not_zero(self, name: str) -> str | None:
        """What a value is but where that is 0, where it is 1."""
        node = self.maker(name, "Where")
        test = self.maker(node.input[0], "Equal") if node is not None else None
        if node is None or test is None or self.number(node.input[1]) != 1:
            return None
        value = self.source(node.input[2])
        same = self.source(test.input[0]) == value and self.number(test.input[1]) == 0
        return value if same else None

    def _below_zero(self, name: str) -> str | None:
        """What is less than 0 where a condition holds."""
        node = self.maker(name, "Less")
        zero = node is not None and self.number(node.input[1]) == 0
        return self.source(node.input[0]) if node is not None and zero else None


Found = tuple[str, list[str], tuple[int, ...]]
"""A layer's word, its inputs, and the axes that it goes over."""
