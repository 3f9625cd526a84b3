"""The suite's models with their inputs and outputs, and which of them a CNN may hold."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

Array = np.ndarray[Any, Any]
KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator", "real")
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"

LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "has loops, conditions or sequences": ("If", "Loop", "Scan", "Sequence", "Split.*ToSequence"),
    "is random": ("Random", "Bernoulli", "Multinomial"),
    "is quantised": ("QLinear", "QuantizeLinear", "DequantizeLinear", "DynamicQuantize",
                     "ConvInteger", "MatMulInteger"),
    "is made for language": (".*Attention", "RotaryEmbedding", "CausalConvWithState",
                             "TensorScatter"),
    "is recurrent": ("LSTM", "GRU", "RNN"),
    "transforms signals": ("DFT", "STFT"),
    "is a loss, which a net is trained by": ("SoftmaxCrossEntropy", "NegativeLogLikelihood"),
}  # fmt: skip
"""Families of operators, by how their names begin, that no CNN holds."""

EXPANDED = re.compile(r"_expanded(_ver\d+)?$")
"""A model's name ends so where its operator is written out in others."""


@dataclass(frozen=True, slots=True)
class Case:
    """A model of the suite. `inputs` and `outputs` are those of its first data set, in the model's
    order, and `rtol` and `atol` the tolerances that the suite gives.
    """

    name: str
    kind: str
    model: onnx.ModelProto
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    rtol: float
    atol: float

    @property
    def operators(self) -> set[str]:
        """Those of its nodes, and of the functions that it holds."""
        nodes = [*self.model.graph.node, *(n for f in self.model.functions for n in f.node)]
        return {node.op_type for node in nodes}

    def with_constants(self) -> onnx.ModelProto | None:
        """The model with all inputs but the first as constants, as nets hold weights and sizes;
        None where it has one input only.
        """
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        given = list(ports(model))
        if len(given) < 2:
            return None
        for port, array in zip(given[1:], self.inputs[1:], strict=True):
            model.graph.initializer.append(numpy_helper.from_array(array, port.name))
            model.graph.input.remove(port)
        return model


def suite(kinds: Sequence[str] = KINDS) -> Iterator[tuple[Case | None, str]]:
    """Every model of the suite that a CNN may hold, and for the others None with the reason."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_model_tests

        for kind in kinds:
            tests = sorted(load_model_tests(kind=kind), key=lambda test: test.name)
            models = {t.name: t.model or onnx.load(_path(t, kind)) for t in tests}
            for test in tests:
                model = models[test.name]
                reason = left_out(models.get(EXPANDED.sub("", test.name), model), model)
                if reason:
                    yield None, reason
                    continue
                inputs, outputs = _data(test, kind, model)
                yield Case(test.name, kind, model, inputs, outputs, test.rtol, test.atol), ""


def left_out(written: onnx.ModelProto, model: onnx.ModelProto) -> str:
    """Why no CNN may hold the model; empty where one may.

    What a net has flow through it is float32, so its first input and its outputs are that: other
    inputs may be sizes, axes and the like. `written` is the model before its operator is expanded.
    """
    values = [*ports(model), *model.graph.output]
    if any(port.type.WhichOneof("value") != "tensor_type" for port in values):
        return "has sequences or optional values"
    dims = [dim for port in values for dim in port.type.tensor_type.shape.dim]
    if any(dim.HasField("dim_value") and dim.dim_value == 0 for dim in dims):
        return "has tensors without values"
    types = [port.type.tensor_type.elem_type for port in values]
    if onnx.TensorProto.STRING in types:
        return "has strings"
    outputs = types[-len(model.graph.output) :]
    if len(values) == len(outputs) or {types[0], *outputs} != {onnx.TensorProto.FLOAT}:
        return "has a first input or an output that isn't float32"
    nodes = [*written.graph.node, *model.graph.node, *(n for f in model.functions for n in f.node)]
    if any(node.domain not in ("", "ai.onnx") for node in nodes):
        return "has operators of ONNX's domains for other machine learning or training"
    if any(node.op_type == "Dropout" and len(node.input) > 2 for node in nodes) or any(
        a.name == "training_mode" and a.i for node in nodes for a in node.attribute
    ):
        return "computes as in training"
    for reason, families in LEFT_OUT.items():
        if any(re.match("|".join(families), node.op_type) for node in nodes):
            return reason
    return ""


def ports(model: onnx.ModelProto) -> Iterator[onnx.ValueInfoProto]:
    """Inputs that are no constants."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return (port for port in model.graph.input if port.name not in constants)


def _path(test: Any, kind: str) -> Path:
    if kind == "real":
        return LIGHT / f"light_{test.model_name}.onnx"
    return Path(test.model_dir) / "model.onnx"


def _data(test: Any, kind: str, model: onnx.ModelProto) -> tuple[tuple[Array, ...], ...]:
    if test.data_sets is not None:
        return tuple(tuple(_array(item) for item in part) for part in test.data_sets[0])
    if kind == "real":
        (port,) = ports(model)
        shape = [dim.dim_value for dim in port.type.tensor_type.shape.dim]
        ramp = np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)
        path = _path(test, kind)
        return (ramp.astype(np.float32),), (_read(path.with_name(f"{path.stem}_output_0.pb")),)
    folder = Path(test.model_dir) / "test_data_set_0"
    return tuple(_numbered(folder, "input")), tuple(_numbered(folder, "output"))


def _numbered(folder: Path, stem: str) -> Iterator[Array]:
    for number in count():
        path = folder / f"{stem}_{number}.pb"
        if not path.exists():
            return
        yield _read(path)


def _read(path: Path) -> Array:
    return numpy_helper.to_array(onnx.load_tensor(path))


def _array(item: Any) -> Array:
    return numpy_helper.to_array(item) if isinstance(item, onnx.TensorProto) else np.asarray(item)
