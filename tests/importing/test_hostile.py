"""No bytes end in a traceback, and nothing that a model asks for takes the machine's memory."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import cnndsl
from cnndsl.diagnostics import UsageError
from cnndsl.importing import import_model
from tests.support.graphs import Graph, numbers


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "net.onnx"
    text = """cnndsl 1
net Small(classes=4)
input image 3@16x16
conv 3x3 4 p1 bn relu
residual relu:
    conv 3x3 4 p1 bn
pool 2x2 s2
fc classes
"""
    cnndsl.compile(text, path)
    return path


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_changed_bytes(data: st.DataObject, model: Path) -> None:
    content = bytearray(model.read_bytes())
    places = st.integers(0, len(content) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        content[place] = byte
    end = data.draw(st.one_of(st.just(len(content)), places))
    changed = model.with_name("changed.onnx")
    changed.write_bytes(bytes(content[:end]))
    with contextlib.suppress(UsageError):
        import_model(changed)


def made(folder: Path, nodes: list[onnx.NodeProto], **constants: np.ndarray) -> Path:
    """A model of nodes from `x` (1x3x8x8) to `y`."""
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(a, name) for name, a in constants.items()],
    )
    path = folder / "made.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_a_small_file_asks_for_a_large_constant(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("Add", ["x", "huge"], ["y"]),
    ]
    path = made(tmp_path, nodes, shape=np.array([1 << 20, 1 << 20], np.int64))
    with pytest.raises(UsageError, match="too large"):
        import_model(path)


def test_what_is_all_rounding_is_said_to_be(tmp_path: Path) -> None:
    g = Graph(2, 1, 8, 8)
    x = g.op("Transpose", g.op("Conv", "x", numbers(8, 1, 3, 3)), perm=[0, 2, 3, 1])
    off = g.op("Sub", x, g.op("ReduceMean", x, axes=[-1]))
    nothing = g.op("ReduceMean", g.op("Add", off, off), axes=[-1])
    y = g.op("Div", off, g.op("Sqrt", g.op("Add", nothing, np.float32(1e-5))))
    path = g.save(tmp_path, g.op("Transpose", y, perm=[0, 3, 1, 2]))
    with pytest.raises(UsageError, match="depends on how numbers are rounded"):
        import_model(path)


def test_what_would_take_gigabytes_isnt_run_to_be_compared(tmp_path: Path) -> None:
    g = Graph("N", 1, "H", "W")
    x = g.op("Conv", "x", numbers(8, 1, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1 << 20])
    path = g.save(tmp_path, g.op("GlobalAveragePool", g.op("Relu", x)))
    begun = time.process_time()
    (note,) = import_model(path).notes
    assert "was not compared" in note and "would have 469,8" in note
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("kind", "inputs", "message"),
    [
        ("GridSample", ["x", "a"], "GridSample `y` is an operator that no layer"),
        ("Nothing", ["x"], "Nothing `y` is an operator that no layer"),
        ("Conv", ["x"], "lacks its input number 2"),
        ("Conv", ["x", "x"], "computes its weights"),
        ("Relu", ["z"], "takes `z`, which nothing before it makes"),
        ("QuantizeLinear", ["x", "a", "a"], "is quantised"),
    ],
)
def test_what_cannot_be_imported_is_named(
    kind: str, inputs: list[str], message: str, tmp_path: Path
) -> None:
    path = made(tmp_path, [helper.make_node(kind, inputs, ["y"])], a=np.ones(1, np.float32))
    with pytest.raises(UsageError, match=message):
        import_model(path)


@pytest.mark.parametrize("end", [-8, -(1 << 31), -(1 << 63)])
def test_a_slice_leaves_nothing(end: int, tmp_path: Path) -> None:
    bounds = {"start": [0], "end": [end], "axes": [2]}
    slicing = helper.make_node("Slice", ["x", *bounds], ["y"])
    path = made(tmp_path, [slicing], **{n: np.array(v) for n, v in bounds.items()})
    with pytest.raises(UsageError, match="Slice `y` leaves nothing of its input"):
        import_model(path)


_KINDS = onnx.AttributeProto.AttributeType.values()


@pytest.mark.parametrize("kind", [k for k in _KINDS if k != onnx.AttributeProto.INTS])
@pytest.mark.parametrize("operator", ["ReduceMean", "AveragePool"])
def test_attributes_of_another_kind(operator: str, kind: int, tmp_path: Path) -> None:
    """Where norms are looked for, too."""
    axes = {"axes": [1]}
    norm = [
        helper.make_node("ReduceMean", ["x"], ["mean"], **axes),
        helper.make_node("Sub", ["x", "mean"], ["off"]),
        helper.make_node("Mul", ["off", "off"], ["square"]),
        helper.make_node("ReduceMean", ["square"], ["variance"], **axes),
        helper.make_node("Add", ["variance", "little"], ["sum"]),
        helper.make_node("Sqrt", ["sum"], ["root"]),
        helper.make_node("Div", ["off", "root"], ["y"]),
    ]
    response = [
        helper.make_node("Mul", ["x", "x"], ["square"]),
        helper.make_node("Pad", ["square", "pads"], ["padded"]),
        helper.make_node("AveragePool", ["padded"], ["mean"], kernel_shape=[3, 1]),
        helper.make_node("Mul", ["mean", "little"], ["scaled"]),
        helper.make_node("Add", ["scaled", "little"], ["sum"]),
        helper.make_node("Pow", ["sum", "little"], ["power"]),
        helper.make_node("Div", ["x", "power"], ["y"]),
    ]
    nodes = norm if operator == "ReduceMean" else response
    for node in nodes:
        if node.op_type == operator:
            node.attribute[0].type = kind
    little, pads = np.asarray(1e-3, np.float32), np.asarray([0, 1, 0, 0, 0, 1, 0, 0])
    path = made(tmp_path, nodes, little=little, pads=pads)
    with pytest.raises(UsageError, match=f"its {operator} `.*` is of another kind than ONNX has"):
        import_model(path)


@pytest.mark.parametrize("name", [b"Relu", b"there"])
def test_names_that_are_no_text(name: bytes, tmp_path: Path) -> None:
    path = made(tmp_path, [helper.make_node("Relu", ["x"], ["y"], name="there")])
    path.write_bytes(path.read_bytes().replace(name, b"\xff" + name[1:]))
    with pytest.raises(UsageError, match="no text"):
        import_model(path)


@pytest.mark.parametrize("content", [b"", b"\x08\x07", b"no model at all", b"\xff" * 100])
def test_what_is_no_model(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(UsageError):
        import_model(path)


def test_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        import_model(tmp_path / "none.onnx")


@pytest.mark.parametrize("kind", ["LeakyRelu", "Add", "Conv"])
def test_time_grows_with_the_nodes(kind: str, tmp_path: Path) -> None:
    weight = np.eye(3, dtype=np.float32)[..., None, None]

    def seconds(count: int) -> float:
        path = made(tmp_path, [*_chain(kind, count)], w=weight)
        begun = time.process_time()
        import_model(path)
        return time.process_time() - begun

    seconds(10)  # whatever is done once
    assert seconds(1200) < 8 * seconds(300) + 0.5


def _chain(kind: str, count: int) -> Iterator[onnx.NodeProto]:
    for i in range(count):
        x, y = f"v{i}" if i else "x", f"v{i + 1}" if i < count - 1 else "y"
        inputs = {"Add": [x, x], "Conv": [x, "w"]}.get(kind, [x])
        yield helper.make_node(kind, inputs, [y])
