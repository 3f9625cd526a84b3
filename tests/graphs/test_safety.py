import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.files import read_model
from cnndsl.graphs.safety import check_model, check_sizes, external_locations
from cnndsl.importing import import_model
from cnndsl.lower.external import read_external
from cnndsl.runtime.session import open_session, run_session
from cnndsl.surgery.models import cut_file
from tests.support.graphs import Graph, integers, numbers
from tests.support.small_models import channel_means, difference, saved, with_external_weights

SECRET = np.arange(4, dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder, with a file beside it that is none of the model's business."""
    inside = tmp_path / "inside"
    inside.mkdir()
    SECRET.tofile(tmp_path / "secret.bin")
    return inside


@pytest.mark.parametrize("location", ["w.bin", "below/w.bin", "./w.bin"])
def test_weights_beside_the_model_are_read(folder: Path, location: str) -> None:
    (folder / "below").mkdir()
    SECRET.tofile(folder / location)
    path = saved(folder, with_external_weights(location))
    feeds = {"x": np.ones((1, 4), np.float32)}
    np.testing.assert_array_equal(
        run_session(open_session(path, threads=1), ["y"], feeds)["y"], [SECRET + 1]
    )


@pytest.mark.parametrize(
    "location",
    ["../secret.bin", "below/../../secret.bin", "/etc/passwd", "link.bin", "..\\secret.bin", "C:x"],
)
def test_files_elsewhere_are_not(folder: Path, location: str) -> None:
    (folder / "below").mkdir()
    (folder / "link.bin").symlink_to(folder.parent / "secret.bin")
    path = saved(folder, with_external_weights(location))
    with pytest.raises(UsageError) as error:
        open_session(path)
    assert str(error.value) == (
        f"`{path}` wants to read `{location}`, which lies outside its folder; "
        f"a model's weights belong beside it"
    )


def test_a_link_to_a_model_finds_weights_beside_its_target(folder: Path) -> None:
    SECRET.tofile(folder / "w.bin")
    target = saved(folder, with_external_weights("w.bin"))
    links = folder.parent / "links"
    links.mkdir()
    (links / "w.bin").symlink_to(folder / "w.bin")
    (links / "model.onnx").symlink_to(target)
    check_model(links / "model.onnx")


@pytest.mark.parametrize("location", ["missing.bin", "*/_ORT_MEM_ADDR_/*", ""])
def test_missing_weights_are_said(folder: Path, location: str) -> None:
    path = saved(folder, with_external_weights(location))
    with pytest.raises(UsageError, match=r"keeps its weights in `.*`, which isn't beside it"):
        check_model(path)


def test_a_model_in_memory_has_no_folder() -> None:
    with pytest.raises(UsageError, match=r"the model keeps its weights in a file `w.bin`"):
        check_model(with_external_weights("w.bin"))


def test_locations_are_found(tmp_path: Path) -> None:
    assert external_locations(saved(tmp_path, with_external_weights("a/b.bin"))) == {"a/b.bin"}
    assert external_locations(difference()) == set()


@pytest.mark.parametrize(
    "content",
    [b"", b"hello, I am a text", b"\x89PNG\r\n\x1a\n", channel_means()[:-9], b"\x3a\x02\x0b\x0b"],
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = saved(tmp_path, content)
    with pytest.raises(UsageError) as error:
        open_session(path)
    assert str(error.value) == f"`{path}` is no ONNX model, or a damaged one"


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read: No such file"):
        check_model(tmp_path / "missing.onnx")


def test_graphs_nested_without_end_are_refused() -> None:
    content = b""
    for _ in range(300):  # a graph in an attribute of a node of a graph …
        for tag in (0x32, 0x2A, 0x0A):  # Attribute.g, Node.attribute, Graph.node
            content = bytes([tag]) + _varint(len(content)) + content
    with pytest.raises(UsageError, match="damaged"):
        check_model(b"\x3a" + _varint(len(content)) + content)


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(content: bytes) -> None:
    try:
        check_model(content)
    except UsageError:
        return


@given(st.data())
def test_any_damage_is_met(data: st.DataObject) -> None:
    content = bytearray(with_external_weights("w.bin"))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        check_model(bytes(content))
    except UsageError:
        return


def _varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80]) + _varint(value >> 7) if value > 0x7F else bytes([value])


def calling(folder: Path, calls: dict[str, list[str]]) -> Path:
    """A model of functions that call each other; the graph calls `f0`."""

    def nodes(called: list[str], first: str, last: str) -> list[onnx.NodeProto]:
        names = [first, *(f"t{i}" for i in range(1, len(called))), last]
        return [
            helper.make_node(
                kind, [names[i]], [names[i + 1]], domain="" if kind == "Relu" else "own"
            )
            for i, kind in enumerate(called)
        ]

    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    functions = [
        helper.make_function("own", name, ["x"], ["y"], nodes(called, "x", "y"), opsets)
        for name, called in calls.items()
    ]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 4, 4]) for n in ("x", "y")]
    graph = helper.make_graph(nodes(["f0"], "x", "y"), "g", ports[:1], ports[1:])
    path = folder / "functions.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, functions=functions), path)
    return path


def test_functions_may_call_each_other(folder: Path) -> None:
    check_model(calling(folder, {"f0": ["f1", "Relu"], "f1": ["Relu", "Relu"]}))


@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        ({"f0": ["f1"], "f1": ["f0"]}, "functions that call themselves"),
        (
            {f"f{i}": [f"f{i + 1}"] * 2 for i in range(40)} | {"f40": ["Relu"]},
            "it has 1,099,511,627,776 nodes",
        ),
    ],
)
def test_functions_without_end_are_refused_before_they_are_written_out(
    folder: Path, calls: dict[str, list[str]], reason: str
) -> None:
    path = calling(folder, calls)
    for use in (check_model, import_model, lambda p: cut_file(p, ["x"], folder / "cut.onnx")):
        with pytest.raises(UsageError, match=reason):
            use(path)


BEHIND: dict[str, dict[str, list[int]]] = {
    "Conv": {},
    "MaxPool": {"kernel_shape": [9, 9]},
    "AveragePool": {"kernel_shape": [9, 9]},
    "ConvTranspose": {"pads": [9, 9, 9, 9]},
}


@pytest.mark.parametrize("kind", BEHIND)
@pytest.mark.parametrize("again", [False, True])
def test_a_slice_of_less_than_nothing_is_refused(kind: str, again: bool, tmp_path: Path) -> None:
    """ONNX and ONNX Runtime would end the process."""
    g = Graph(1, 1, 5, 5)
    bounds = (integers(0, 0), integers(8, 8), integers(2, 3))
    x = g.op("Slice", "x", *bounds) if again else "x"
    weight = [numbers(1, 1, *([3, 3] if "Trans" in kind else [9, 9]))] if "Conv" in kind else []
    x = g.op("Relu", g.op(kind, x, *weight, **BEHIND[kind]))
    path = g.save(tmp_path, g.op("Slice", x, *bounds))
    for opening in (open_session, import_model, read_external):
        with pytest.raises(UsageError, match=r"its value `t\d` would be 1x1x-\d+x-\d+"):
            opening(path)


def test_a_negative_size_is_an_open_one(tmp_path: Path) -> None:
    g = Graph(-1, 1, 8, 8)
    x = g.op("Slice", "x", integers(0), integers(1), integers(0))
    path = g.save(tmp_path, g.op("Conv", x, numbers(1, 1, 3, 3)))
    open_session(path)
    cut_file(path, ["t0"], tmp_path / "cut.onnx")


def test_slices_of_any_depth_are_followed_fast(tmp_path: Path) -> None:
    g, x = Graph(1, 1, 8, 8), "x"
    for _ in range(2000):
        x = g.op("Relu", g.op("Slice", x, integers(0), integers(8), integers(2)))
    path, begun = g.save(tmp_path, x), time.process_time()
    check_sizes(path)
    assert time.process_time() - begun < 5


def test_bounds_said_to_be_endless_are_not_gone_through(tmp_path: Path) -> None:
    g = Graph(1, 1, 8, 8)
    y = g.op("Slice", "x", integers(0), integers(1), integers(2))
    g.constants[0].dims[0] = (1 << 63) - 1
    path = g.save(tmp_path, y)
    for opening in (open_session, import_model):
        with pytest.raises(UsageError):
            opening(path)


@pytest.mark.parametrize("kind", ["Relu", "Transpose", "Pad"])
def test_a_node_that_gives_nothing_is_named(tmp_path: Path, kind: str) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    nodes = [
        helper.make_node(kind, ["x"], [], name="none"),
        helper.make_node("Relu", ["x"], ["y"]),
    ]
    path = tmp_path / "made.onnx"
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], [y])), path)
    for use in (import_model, read_external, read_model):
        with pytest.raises(UsageError, match=rf"damaged: its {kind} `none` gives nothing"):
            use(path)


def test_a_slice_in_a_graph_whose_name_is_no_text(tmp_path: Path) -> None:
    g = Graph(1, 1, 8, 8)
    path = g.save(tmp_path, g.op("Slice", "x", integers(0), integers(4), integers(2)))
    path.write_bytes(path.read_bytes().replace(b"made", b"mad\x8f"))
    for opening in (open_session, import_model, read_external):
        with pytest.raises(UsageError, match="names that are no text"):
            opening(path)
