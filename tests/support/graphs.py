"""Small ONNX models, node by node, and what they are imported as."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cnndsl.importing import Imported, import_model
from tests.support.imported import assert_same, compiled

RANDOM = np.random.default_rng(7)
_START = RANDOM.bit_generator.state


def numbers(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def f32(number: float) -> np.ndarray:
    return np.asarray(number, np.float32)


def integers(*values: int) -> np.ndarray:
    return np.asarray(values, np.int64)


class Graph:
    """A model under construction: `x` comes in, the last value goes out."""

    def __init__(self, *sizes: int | str, opset: int = 17):
        RANDOM.bit_generator.state = _START  # whatever tests ran before, in whatever order
        self.sizes, self.opset = sizes or (1, 8, 10, 10), opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, array: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def op(self, kind: str, *inputs: object, outputs: int = 1, **attributes: object) -> str:
        name = f"t{len(self.nodes)}"
        given = [i if isinstance(i, str) else self.constant(np.asarray(i)) for i in inputs]
        names = [name, *(f"{name}_{n}" for n in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, given, names, **attributes))
        return name

    def imported(self, folder: Path, y: str) -> Imported:
        """The model as a spec, compared with what it was made of."""
        path = self.save(folder, y)
        imported = import_model(path)
        assert_same(path, compiled(imported, folder), 1e-4)
        return imported

    def save(self, folder: Path, y: str) -> Path:
        """The model's file."""
        graph = helper.make_graph(
            self.nodes,
            "made",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.sizes)],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)],
            self.constants,
        )
        opsets = [helper.make_opsetid("", self.opset)]
        path = folder / "made.onnx"
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
        return path

    def words(self, folder: Path, y: str) -> list[str]:
        return [step.layer.word for step in self.imported(folder, y).network.steps]
