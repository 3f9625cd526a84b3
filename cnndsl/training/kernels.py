"""Small graphs over flat vectors of any length: the arithmetic between gradient and next weight.

They are the same for every net, in standard operators, and elementwise, so that the new values may
take the old ones' memory (`Kernel.check_in_place` proves it for each).
"""

from __future__ import annotations

import onnx_ir as ir

from cnndsl.graphs.writer import FLOAT, IR_VERSION, OPSET, Writer


class Kernel(Writer):
    """A graph under construction: vectors of `n` values, scalars, and what becomes of them."""

    def __init__(self, name: str):
        super().__init__()
        self._name = name
        self._inputs: dict[str, ir.Value] = {}
        self._outputs: dict[str, ir.Value] = {}

    @property
    def scalars(self) -> tuple[str, ...]:
        """The names of its scalar inputs."""
        return tuple(name for name, v in self._inputs.items() if v.shape == ir.Shape([]))

    @property
    def vectors(self) -> tuple[str, ...]:
        """The names of its vector inputs."""
        return tuple(name for name in self._inputs if name not in self.scalars)

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the vectors that have a next value."""
        return tuple(self._outputs)

    def vector(self, name: str) -> ir.Value:
        """An input of n values."""
        return self._input(name, ir.Shape(["n"]))

    def scalar(self, name: str) -> ir.Value:
        """An input of one value."""
        return self._input(name, ir.Shape([]))

    def _input(self, name: str, shape: ir.Shape) -> ir.Value:
        if name not in self._inputs:
            self._inputs[name] = ir.Value(name=name, shape=shape, type=FLOAT)
        return self._inputs[name]

    def becomes(self, name: str, value: ir.Value) -> None:
        """Let `next/NAME` be that value."""
        value.name = f"next/{name}"
        value.type = FLOAT
        value.shape = self._inputs[name].shape if name in self._inputs else ir.Shape([])
        self._outputs[name] = value

    def check_in_place(self) -> None:
        """Raise ValueError where an output that takes its input's memory would spoil a reader.

        Every node that reads the old value must come before the one that writes the new.
        """
        order = {node: i for i, node in enumerate(self.nodes)}
        for name, output in self._outputs.items():
            writer = output.producer()
            old = self._inputs.get(name)
            for use in old.uses() if old else ():
                if writer is None or order[use.node] > order[writer]:
                    raise ValueError(f"`{name}` is read after `next/{name}` is written")

    def model(self, documentation: str = "") -> bytes:
        """The graph as an ONNX model."""
        graph = ir.Graph(
            list(self._inputs.values()),
            list(self._outputs.values()),
            nodes=self.nodes,
            initializers=list(self.constants.values()),
            opset_imports={"": OPSET},
            name=self._name,
            doc_string=documentation or None,
        )
        model = ir.Model(graph, ir_version=IR_VERSION, producer_name="cnndsl")
        return ir.to_proto(model).SerializeToString()
