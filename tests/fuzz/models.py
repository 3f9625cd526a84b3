"""ONNX models after accidents: imported, cut, run, trained, reported on, taken for weights.

Where import and ONNX Runtime both take a model, what both compute is compared once more, on other
random numbers than import's own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from cnndsl.diagnostics import UsageError
from cnndsl.importing import import_model
from cnndsl.runtime.comparing import difference
from cnndsl.shape import Shape
from tests.fuzz.cases import Case, Kind
from tests.fuzz.commands import command
from tests.fuzz.mutations import bytes_changed
from tests.support.graphs import Graph, f32, integers, numbers
from tests.support.imported import compiled
from tests.support.toy_data import write_toy

OPERATORS = (
    *("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "Pow", "Relu", "Sigmoid", "Tanh"),
    *("Exp", "Log", "Sqrt", "Abs", "Neg", "Erf", "Softplus", "HardSwish", "Elu", "Selu", "Celu"),
    *("LeakyRelu", "PRelu", "Clip", "Softmax", "LogSoftmax", "Hardmax", "Identity", "Dropout"),
    *("Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "MaxPool", "AveragePool", "LpPool"),
    *("GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceSum", "ReduceL2"),
    *("BatchNormalization", "InstanceNormalization", "LayerNormalization", "LRN", "Flatten"),
    *("GroupNormalization", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Concat", "Split"),
    *("Slice", "Gather", "Pad", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth", "Expand"),
    *("Tile", "Shape", "Size", "Cast", "CastLike", "Where", "Less", "Constant", "ArgMax", "TopK"),
    *("ConstantOfShape", "MaxUnpool", "QuantizeLinear", "If", "Loop", "LSTM", "Nothing", ""),
)
ATTRIBUTES = (
    *("axis", "axes", "kernel_shape", "strides", "pads", "dilations", "group", "auto_pad", "mode"),
    *("epsilon", "momentum", "alpha", "beta", "gamma", "perm", "to", "keepdims", "ceil_mode"),
    *("count_include_pad", "storage_order", "training_mode", "transA", "transB", "ratio", "size"),
    *("blocksize", "output_padding", "output_shape", "num_groups", "spatial", "is_test", "value"),
    *("coordinate_transformation_mode", "nearest_mode", "antialias", "noop_with_empty_axes"),
)
INTEGERS = (0, 1, -1, 2, 3, 4, -2, 5, 7, 8, 16, 63, 64, 1 << 20, 1 << 31, -(1 << 31), (1 << 63) - 1)
FLOATS = (0.0, 1.0, -1.0, 0.5, 1e-5, 1e-12, 1e9, -0.1, float("nan"), float("inf"), 3.4e38)
TEXTS = ("SAME_UPPER", "SAME_LOWER", "VALID", "nearest", "linear", "cubic", "align_corners",
         "asymmetric", "reflect", "edge", "CRD", "floor", "tanh", "", "x" * 300, "é")  # fmt: skip
SIZES = (*INTEGERS[:12], "N", "", None)
TYPES = (1, 1, 10, 11, 16, 6, 7, 9, 2, 3, 8, 0, 99)
OPSETS = (1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 0, -1, 99)
SHORT = ("--data", "quarters.npz", "--threads", "1", "--epochs", "1", "-q")


def _classifier(g: Graph) -> str:
    x = g.op("Conv", "x", numbers(8, 1, 3, 3), numbers(8), kernel_shape=[3, 3], pads=[1] * 4)
    norm = [np.abs(numbers(8)) + 0.5 for _ in range(4)]
    x = g.op("Relu", g.op("BatchNormalization", x, *norm, epsilon=1e-3))
    x = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    x = g.op("Dropout", g.op("Flatten", x, axis=1))
    return g.op("Softmax", g.op("Gemm", x, numbers(4, 128), numbers(4), transB=1), axis=1)


def _residual(g: Graph) -> str:
    x = g.op("Conv", "x", numbers(8, 1, 3, 3), strides=[2, 2], pads=[1] * 4)
    y = g.op("Conv", x, numbers(8, 1, 3, 3), group=8, auto_pad="SAME_UPPER")
    y = g.op("Mul", y, g.op("Sigmoid", y))
    z = g.op("Add", x, g.op("Conv", y, numbers(8, 8, 1, 1), numbers(8)))
    gate = g.op("Sigmoid", g.op("Conv", g.op("GlobalAveragePool", z), numbers(8, 8, 1, 1)))
    return g.op("ReduceMean", g.op("Mul", z, gate), axes=[2, 3], keepdims=0)


def _unet(g: Graph) -> str:
    x = g.op("Conv", "x", numbers(4, 1, 3, 3), pads=[1] * 4)
    y = g.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2], count_include_pad=1)
    y = g.op("LeakyRelu", g.op("Conv", y, numbers(8, 4, 3, 3), pads=[1] * 4), alpha=0.1)
    z = g.op("Resize", y, "", np.asarray([1, 1, 2, 2], np.float32), mode="linear")
    y = g.op("ConvTranspose", y, numbers(8, 4, 2, 2), strides=[2, 2])
    y = g.op("Concat", x, y, z, axis=1)
    return g.op("Slice", y, integers(0, 0), integers(8, 8), integers(2, 3))


def _rearranged(g: Graph) -> str:
    x = g.op("Transpose", g.op("Conv", "x", numbers(8, 1, 3, 3)), perm=[0, 2, 3, 1])
    mean = g.op("ReduceMean", x, axes=[-1])
    off = g.op("Sub", x, mean)
    variance = g.op("ReduceMean", g.op("Mul", off, off), axes=[-1])
    x = g.op("Div", off, g.op("Sqrt", g.op("Add", variance, f32(1e-5))))
    x = g.op("Add", g.op("Mul", x, numbers(8)), numbers(8))
    x = g.op("Transpose", x, perm=[0, 3, 1, 2])
    x = g.op("Reshape", g.op("DepthToSpace", x, blocksize=2, mode="CRD"), integers(0, -1))
    return g.op("Tanh", g.op("MatMul", x, numbers(288, 4)))


def _shuffled(g: Graph) -> str:
    x = g.op("Clip", g.op("Conv", "x", numbers(8, 1, 3, 3), pads=[1] * 4), f32(0), f32(6))
    g.op("Split", x, integers(4, 4), outputs=2, axis=1)
    first, second = (f"t{len(g.nodes) - 1}{end}" for end in ("", "_1"))
    y = g.op("Pad", second, integers(0, 0, 1, 1, 0, 0, 1, 1))
    y = g.op("Conv", y, numbers(4, 4, 3, 3))
    y = g.op("Reshape", g.op("Concat", first, y, axis=1), integers(0, 2, 4, 8, 8))
    y = g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3, 4]), integers(0, 8, 8, 8))
    y = g.op("LRN", g.op("PRelu", y, numbers(8, 1, 1)), size=3)
    return g.op("Gather", g.op("InstanceNormalization", y, numbers(8), numbers(8)),
                integers(3, 1, 2), axis=1)  # fmt: skip


SEEDS: dict[str, tuple[Callable[[Graph], str], int, Sequence[int | str]]] = {
    "classifier": (_classifier, 12, ("N", 1, 8, 8)),
    "residual": (_residual, 17, ("N", 1, "H", "W")),
    "unet": (_unet, 13, (1, 1, 8, 8)),
    "rearranged": (_rearranged, 17, ("N", 1, 8, 8)),
    "shuffled": (_shuffled, 16, (2, 1, 8, 8)),
}


class Models(Kind):
    """Small models of one file each, that other tools might have written."""

    name = "models"
    per_worker = 300

    def prepare(self) -> None:
        sound = self.folder / "sound"
        shutil.rmtree(sound, ignore_errors=True)
        sound.mkdir(parents=True)
        write_toy(sound, 48)
        np.save(sound / "a.npy", np.ones((2, 1, 8, 8), np.float32))
        for name, (build, opset, sizes) in SEEDS.items():
            g = Graph(*sizes, opset=opset)
            g.save(sound, build(g)).rename(sound / f"{name}.onnx")
            import_model(sound / f"{name}.onnx")

    @cached_property
    def sound(self) -> dict[str, bytes]:
        """All files by their names."""
        paths = sorted((self.folder / "sound").iterdir())
        return {path.name: path.read_bytes() for path in paths}

    def draw(self, random: Random) -> Case:
        model = self.sound[f"{random.choice(list(SEEDS))}.onnx"]
        files = {n.encode(): data for n, data in self.sound.items() if not n.endswith(".onnx")}
        origin = {**files, b"m.onnx": model}
        for _ in range(random.choice([1, 1, 1, 2, 4])):
            model = model_changed(model, random)
        return Case({**files, b"m.onnx": model}, _arguments(random), origin)

    def attempt(self, case: Case) -> str:
        return _agreement() if case.arguments == AGREES else command(*case.arguments)


AGREES = ("import", "m.onnx")


def _arguments(random: Random) -> tuple[str, ...]:
    if random.random() < 0.5:
        return AGREES
    place = f"t{random.randrange(12)}"
    return random.choice([
        ("import", "m.onnx", "-o", "net.cnn", "--input", random.choice(["1@8x8", "3@9x7", "5"])),
        ("cut", "m.onnx", "--at", place, "-o", "cut.onnx"),
        ("cut", "m.onnx", "--with", _heat(random, place), "--class", "1", "-o", "cut.onnx"),
        ("run", "m.onnx", "a.npy", "--threads", "1"),
        ("train", "m.onnx", *SHORT, "--name", "one", "--batch", "16"),
        ("transfer", "m.onnx", *SHORT, "--name", "two", "--strategy", "last"),
        ("features", "m.onnx", "--data", "quarters.npz", "--threads", "1", "-o", "f.npz"),
        ("report", "m.onnx"),
        ("weights", "inspect", "m.onnx"),
        ("weights", "map", "tiny.cnn", "m.onnx"),
    ])  # fmt: skip


def _heat(random: Random, place: str) -> str:
    return random.choice(["cam", f"cam={place}", "saliency", "guided"])


def _agreement() -> str:
    """Import the model, and compare both beyond what import compares itself."""
    path = Path("m.onnx")
    try:
        imported = import_model(path)
        again = compiled(imported, Path())
    except UsageError as e:
        assert "fault of cnndsl" not in str(e), "import computes something else, as it says itself"
        return "import: refused"
    if any("would have" in note for note in imported.notes):
        return "import: done, not compared"  # sums of millions depend on their order
    try:
        theirs, ours = _session(path), _session(again)
        feeds = [
            _given(port, own.shape)
            for port, own in zip(theirs.get_inputs(), imported.network.inputs, strict=True)
        ]
        names = [port.name for port in theirs.get_inputs()]
        wanted = theirs.run(None, {n: x for n, (x, _) in zip(names, feeds, strict=True)})
    except Exception:  # ONNX Runtime's own have no common base
        return "import: done, not compared"
    names = [port.name for port in ours.get_inputs()]
    made = ours.run(None, {n: x for n, (_, x) in zip(names, feeds, strict=True)})
    halves = any(t.data_type in (10, 16) for t in onnx.load(path).graph.initializer)
    for their, own in zip(wanted, made, strict=True):
        if their.ndim == own.ndim > 2 and their.shape != own.shape:
            own = np.moveaxis(own, 1, -1)
        assert not difference(their, own, halves), "import computes something else"
    return "import: done, and the same"


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _given(port: Any, shape: Shape) -> tuple[Any, Any]:
    """Random numbers for an input, as the model wants them and as the import does."""
    kinds = {"tensor(float)": "f4", "tensor(double)": "f8", "tensor(float16)": "f2"}
    space = [n if isinstance(n, int) else 12 for n in shape.space]
    batch = port.shape[0] if port.shape and isinstance(port.shape[0], int) else 2
    size = [batch if len(port.shape) > 1 else 1, shape.channels, *space]
    x = np.random.default_rng(5).standard_normal(size).astype(np.float32)
    if len(port.shape) < 2:
        return x.reshape(port.shape).astype(kinds[port.type]), x
    first = isinstance(port.shape[1], int) and port.shape[1] == shape.channels
    theirs = x if first or x.ndim < 3 else np.ascontiguousarray(np.moveaxis(x, 1, -1))
    return theirs.astype(kinds[port.type]), x


# What happens to a model


def model_changed(data: bytes, random: Random) -> bytes:
    """An accident to a model's bytes, or one to what it says that leaves it a message."""
    if random.random() < 0.2:
        return bytes_changed(data, random)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
        random.choice(CHANGES)(model, random)
        return model.SerializeToString()
    except Exception:  # protobuf's own; what is no message any more is changed as bytes
        return bytes_changed(data, random)


def _node(model: onnx.ModelProto, random: Random) -> None:
    """A node more or less, elsewhere, or of another operator."""
    nodes = model.graph.node
    place = random.randrange(len(nodes))
    match random.randrange(6):
        case 0:
            del nodes[place]
        case 1:
            nodes.insert(place, nodes[random.randrange(len(nodes))])
        case 2:
            other = onnx.NodeProto()
            other.CopyFrom(nodes[place])
            del nodes[place]
            nodes.insert(random.randrange(len(nodes) + 1), other)
        case 3:
            nodes[place].domain = random.choice(["", "ai.onnx", "ai.onnx.ml", "com.microsoft", "x"])
        case _:
            nodes[place].op_type = random.choice(OPERATORS)


def _edge(model: onnx.ModelProto, random: Random) -> None:
    """A node takes other values, more or fewer, or its results have other names."""
    node = random.choice(model.graph.node)
    names = node.output if random.random() < 0.2 else node.input
    known = [*(n for other in model.graph.node for n in other.output), "x", "", "nothing"]
    known += [tensor.name for tensor in model.graph.initializer]
    match random.randrange(4):
        case 0 if names:
            del names[random.randrange(len(names))]
        case 1:
            names.append(random.choice(known))
        case 2 if len(names) > 1:
            names[0], names[1] = names[1], names[0]
        case _ if names:
            names[random.randrange(len(names))] = random.choice(known)


def _attribute(model: onnx.ModelProto, random: Random) -> None:
    """A node's attribute has another value or type, or is gone, or there is one more."""
    node = random.choice(model.graph.node)
    value: Any = random.choice([
        random.choice(INTEGERS), random.choice(FLOATS), random.choice(TEXTS),
        [random.choice(INTEGERS) for _ in range(random.choice([1, 2, 2, 4, 4, 5]))],
        [random.choice(FLOATS) for _ in range(4)], numpy_helper.from_array(numbers(2, 3)),
    ])  # fmt: skip
    if not node.attribute or random.random() < 0.3:
        node.attribute.append(helper.make_attribute(random.choice(ATTRIBUTES), value))
        return
    attribute = random.choice(node.attribute)
    match random.randrange(6):
        case 0:
            node.attribute.remove(attribute)
        case 1:
            attribute.type = random.randrange(15)
        case 2 if attribute.ints:
            attribute.ints[random.randrange(len(attribute.ints))] = random.choice(INTEGERS)
        case 3 if attribute.type == onnx.AttributeProto.INT:
            attribute.i = random.choice(INTEGERS)
        case _:
            attribute.CopyFrom(helper.make_attribute(attribute.name, value))


def _constant(model: onnx.ModelProto, random: Random) -> None:
    """A constant of another shape, type or with other numbers; or it lies in another file."""
    if not model.graph.initializer:
        return
    tensor = random.choice(model.graph.initializer)
    match random.randrange(8):
        case 0 if tensor.dims:
            tensor.dims[random.randrange(len(tensor.dims))] = random.choice(INTEGERS)
        case 1:
            tensor.data_type = random.choice(TYPES)
        case 2:
            tensor.raw_data = bytes_changed(tensor.raw_data, random)
        case 3:
            tensor.data_location = TensorProto.EXTERNAL
            where = random.choice(["w.bin", "../w", "/dev/zero", "m.onnx", ""])
            tensor.external_data.add(key="location", value=where)
        case 4:
            model.graph.initializer.remove(tensor)
        case 5:
            array = numpy_helper.to_array(tensor)
            shape = random.choice([(-1,), (1, *array.shape), array.shape[::-1]])
            tensor.CopyFrom(numpy_helper.from_array(array.reshape(shape), tensor.name))
        case 6:
            array = numpy_helper.to_array(tensor).astype(random.choice(["f2", "f8", "i8", "f4"]))
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
        case _:
            array = numpy_helper.to_array(tensor).copy()
            array.reshape(-1)[random.randrange(max(array.size, 1))] = random.choice(FLOATS[:8])
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _port(model: onnx.ModelProto, random: Random) -> None:
    """An input or output of another shape or type, more or less of them, or another name."""
    ports = random.choice([model.graph.input, model.graph.input, model.graph.output])
    port = random.choice(ports)
    shape = port.type.tensor_type.shape
    match random.randrange(8):
        case 0:
            port.type.tensor_type.elem_type = random.choice(TYPES)
        case 1:
            port.type.tensor_type.ClearField("shape")
        case 2:
            name = random.choice(["x", *(n for node in model.graph.node for n in node.output)])
            ports.append(helper.make_tensor_value_info(name, 1, [1, 1, 8, 8]))
        case 3:
            port.name = random.choice(["x", "y", "", "t1", "target", "loss"])
        case 4:
            del ports[random.randrange(len(ports))]
        case _:
            sizes = [d.dim_value or d.dim_param for d in shape.dim] or [1]
            sizes[random.randrange(len(sizes))] = random.choice(SIZES)
            if random.random() < 0.2:
                sizes.append(random.choice([1, 2, 3, 8]))
            elem = port.type.tensor_type.elem_type
            port.CopyFrom(helper.make_tensor_value_info(port.name, elem, sizes))


def _rest(model: onnx.ModelProto, random: Random) -> None:
    """Other versions, metadata, or functions."""
    match random.randrange(5):
        case 0:
            model.ir_version = random.choice([0, 1, 3, 4, 8, 10, 99])
        case 1:
            model.metadata_props.add(key=random.choice(["cnndsl.preprocessing", "labels", "x"]),
                                     value=random.choice(["", "{}", "[1]", "x" * 999]))  # fmt: skip
        case 2:
            inner = helper.make_node(random.choice(["F", "Relu"]), ["a"], ["b"], domain="f")
            model.functions.append(
                helper.make_function("f", "F", ["a"], ["b"], [inner], model.opset_import)
            )
            node = random.choice(model.graph.node)
            node.op_type, node.domain = "F", "f"
            model.opset_import.add(domain="f", version=1)
        case _:
            model.opset_import[0].version = random.choice(OPSETS)


CHANGES = (_node, _node, _edge, _edge, _attribute, _attribute, _constant, _port, _rest)
