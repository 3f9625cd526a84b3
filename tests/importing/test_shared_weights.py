"""Weights that a model's nodes share are `reuse`d, and count once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import cnndsl
from cnndsl.importing import Imported, import_model
from tests.support.imported import assert_same, compiled

RANDOM = np.random.default_rng(1)
TENSORS = {
    "w": RANDOM.standard_normal((3, 3, 3, 3)),
    "b": RANDOM.standard_normal(3),
    "c": RANDOM.standard_normal(3),
    "w2": RANDOM.standard_normal((3, 3, 3, 3)),
    "w4": RANDOM.standard_normal((4, 3, 3, 3)),
    "b4": RANDOM.standard_normal(4),
    "fc": RANDOM.standard_normal((7, 48)),
    "b7": RANDOM.standard_normal(7),
    "ones": np.ones(3),
    "zeros": np.zeros(3),
    "mask": np.asarray([0, 1, 1]).reshape(3, 1, 1),
    "scales": np.asarray([0, 1, 2]).reshape(3, 1, 1),
}
PADS = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
X = {"x": (3, 8, 8)}


def node(kind: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), [output], **attributes)


def conv(inputs: str, output: str) -> onnx.NodeProto:
    return node("Conv", inputs, output, **PADS)


def tower(x: str, out: str) -> list[onnx.NodeProto]:
    """A residual, a strided convolution and a dense layer, with the same weights every time."""
    return [
        conv(f"{x} w b", f"{out}1"),
        node("Relu", f"{out}1", f"{out}2"),
        conv(f"{out}2 w2 b", f"{out}3"),
        node("Add", f"{x} {out}3", f"{out}4"),
        node("Relu", f"{out}4", f"{out}5"),
        node("Conv", f"{out}5 w4 b4", f"{out}6", strides=[2, 2]),
        node("MaxPool", f"{out}6", f"{out}7", kernel_shape=[3, 3], strides=[3, 3]),
        node("Relu", f"{out}7", out),
    ]


def model(
    path: Path, nodes: Sequence[onnx.NodeProto], inputs: dict[str, tuple[int, ...]] = X
) -> Path:
    """A model of nodes that gives `y`."""
    used = {name for n in nodes for name in n.input}
    graph = helper.make_graph(
        nodes,
        "shared",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, *s]) for n, s in inputs.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(a.astype(np.float32), name)
            for name, a in TENSORS.items()
            if name in used
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def imported(folder: Path, nodes: Sequence[onnx.NodeProto], **inputs: tuple[int, ...]) -> Imported:
    """What the model is imported as; it computes the same."""
    path = model(folder / "model.onnx", nodes, inputs or X)
    found = import_model(path)
    assert_same(path, compiled(found, folder))
    return found


def parameters(found: Imported) -> int:
    return cnndsl.analyse(found.network).totals.params


def size(*names: str) -> int:
    return sum(TENSORS[name].size for name in names)


def lines(found: Imported) -> list[str]:
    return found.text.splitlines()[2:]


def test_a_convolution_applied_twice(tmp_path: Path) -> None:
    found = imported(tmp_path, [conv("x w", "a"), node("Relu", "a", "r"), conv("r w", "y")])
    assert parameters(found) == 81
    assert "y: relu -> reuse a\n" in found.text
    assert found.notes == ()


def test_siamese_towers(tmp_path: Path) -> None:
    nodes = [*tower("left", "l"), *tower("right", "r"), node("Concat", "l r", "y", axis=1)]
    found = imported(tmp_path, nodes, left=(3, 11, 11), right=(3, 11, 11))
    assert parameters(found) == size("w", "b", "w2", "b", "w4", "b4")
    assert lines(found)[2:] == [
        "def tower():",
        "    residual relu:",
        "        conv 3x3 3 p1 relu",
        "        conv 3x3 3 p1",
        "    conv 3x3 4 s2 -> pool 3x3 s3 relu",
        "l: tower from left",
        "r: reuse l from right",
        "y: concat r from l",
        "output y",
    ]


def test_three_uses_at_several_sizes(tmp_path: Path) -> None:
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        node("MaxPool", "x", "x2", **pool),
        node("MaxPool", "x2", "x4", **pool),
        *(
            made
            for x in ("x", "x2", "x4")
            for made in (
                conv(f"{x} w b", f"{x}c"),
                node("Relu", f"{x}c", f"{x}r"),
                conv(f"{x}r w2 c", f"{x}d"),
                node("GlobalAveragePool", f"{x}d", f"{x}g"),
            )
        ),
        node("Sum", "xg x2g x4g", "y"),
    ]
    found = imported(tmp_path, nodes)
    assert parameters(found) == size("w", "b", "w2", "c")
    assert found.text.count("reuse") == 2


def test_twice_within_a_residual(tmp_path: Path) -> None:
    nodes = [
        conv("x w b", "a"),
        node("Relu", "a", "r"),
        conv("r w b", "c1"),
        node("Add", "x c1", "y"),
    ]
    found = imported(tmp_path, nodes)
    assert parameters(found) == size("w", "b")


def test_a_norm_of_its_own_behind_shared_weights(tmp_path: Path) -> None:
    nodes = [
        conv("x w", "a"),
        node("BatchNormalization", "a b b c ones", "r"),
        conv("r w", "d"),
        node("BatchNormalization", "d c b c ones", "y"),
    ]
    found = imported(tmp_path, nodes)
    assert parameters(found) == size("w", "b", "b", "c", "b")


def test_what_differs_in_the_bias_says_so(tmp_path: Path) -> None:
    nodes = [conv("x w b", "a"), node("Relu", "a", "r"), conv("r w c", "y")]
    found = imported(tmp_path, nodes)
    assert parameters(found) == size("w", "b", "w", "c")
    (note,) = found.notes
    assert "share `w`" in note and "weights of its own" in note


@pytest.mark.parametrize("second", ["w b", "w2 b"])
def test_untrained_norms_are_no_shared_ones(second: str, tmp_path: Path) -> None:
    """Exporters keep ones and zeros once for all norms."""
    norm = "ones zeros zeros ones"
    nodes = [
        conv("x w b", "a"),
        node("BatchNormalization", f"a {norm}", "n"),
        conv(f"n {second}", "d"),
        node("BatchNormalization", f"d {norm}", "y"),
    ]
    found = imported(tmp_path, nodes)
    times = 1 if second == "w b" else 2
    assert found.text.count("reuse") == 2 - times
    assert parameters(found) == times * size("w", "b", "ones", "zeros")


@pytest.mark.parametrize(("factors", "times"), [("mask", 2), ("scales", 1)])
def test_masks_are_no_shared_weights(factors: str, times: int, tmp_path: Path) -> None:
    nodes = [
        node("Mul", f"x {factors}", "a"),
        conv("a w b", "r"),
        node("Mul", f"r {factors}", "y"),
    ]
    found = imported(tmp_path, nodes)
    assert found.text.count("reuse") == 2 - times
    assert parameters(found) == size("w", "b") + times * size(factors)
