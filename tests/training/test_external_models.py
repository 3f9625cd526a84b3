"""ONNX models made by hand: channels last, group norms, another batch, no model at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.lower.external import read_external
from cnndsl.preprocessing import Preprocessing
from cnndsl.training.adapters import model_adapter
from cnndsl.training.graphs import build_external_training
from tests.support.external_models import close, feeds_for
from tests.support.gradients import Arrays, run_graph
from tests.support.graphs import Graph, numbers
from tests.support.peers import torch

BATCH = 4


@pytest.mark.torch
def test_group_norms_of_opset_21() -> None:
    """As torch's, with an open batch and a fixed one."""
    random = np.random.default_rng(0)
    make = onnx.helper
    norm = make.make_node(
        "GroupNormalization", ["h", "n.weight", "n.bias"], ["n"], num_groups=3, epsilon=1e-3
    )
    nodes = [
        make.make_node("Conv", ["x", "w"], ["h"]),
        norm,
        make.make_node("GlobalAveragePool", ["n"], ["p"]),
        make.make_node("Flatten", ["p"], ["y"]),
    ]
    values: Arrays = {
        "w": random.standard_normal((6, 3, 2, 2)).astype(np.float32),
        "n.weight": random.standard_normal(6).astype(np.float32),
        "n.bias": random.standard_normal(6).astype(np.float32),
    }
    graph = make.make_graph(
        nodes,
        "g",
        [make.make_tensor_value_info("x", 1, ["n", 3, 5, 4])],
        [make.make_tensor_value_info("y", 1, ["n", 6])],
        [onnx.numpy_helper.from_array(a, n) for n, a in values.items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 21)], ir_version=10)
    external = read_external(model.SerializeToString())
    graphs = build_external_training(external, BATCH)
    feeds = feeds_for(graphs, external.values)
    t = {n: torch().from_numpy(a.copy()).requires_grad_() for n, a in external.values.items()}
    f = torch().nn.functional
    normal = f.group_norm(
        f.conv2d(torch().from_numpy(feeds["x"]), t["w"]), 3, t["n.weight"], t["n.bias"], 1e-3
    )
    loss = f.cross_entropy(normal.mean((2, 3)), torch().from_numpy(feeds["target"]))
    loss.backward()
    results = run_graph(graphs, feeds)
    close(results["loss"], loss)
    for name in values:
        close(results[f"grad/{name}"], t[name].grad)


@pytest.mark.torch
def test_a_model_as_keras_exports_it() -> None:
    """Channels last, dense layers as MatMul and Add, preprocessing in front, softmax at the end."""
    random = np.random.default_rng(0)
    make = onnx.helper
    values: Arrays = {
        "kernel": random.standard_normal((4, 3, 3, 3)).astype(np.float32),
        "bias": random.standard_normal(4).astype(np.float32),
        "dense": random.standard_normal((100, 5)).astype(np.float32),
        "dense_bias": random.standard_normal(5).astype(np.float32),
    }
    constants: Arrays = {
        "mean": np.array([0.5, 0.4, 0.3], np.float32),
        "deviation": np.array([0.2, 0.3, 0.4], np.float32),
        "shape": np.array([-1, 100]),
    }
    nodes = [
        make.make_node("Sub", ["x", "mean"], ["centred"]),
        make.make_node("Div", ["centred", "deviation"], ["scaled"]),
        make.make_node("Transpose", ["scaled"], ["first"], perm=[0, 3, 1, 2]),
        make.make_node("Conv", ["first", "kernel", "bias"], ["c"], auto_pad="SAME_UPPER"),
        make.make_node("Relu", ["c"], ["r"]),
        make.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        make.make_node("Transpose", ["p"], ["last"], perm=[0, 2, 3, 1]),
        make.make_node("Reshape", ["last", "shape"], ["flat"]),
        make.make_node("MatMul", ["flat", "dense"], ["m"]),
        make.make_node("Add", ["m", "dense_bias"], ["logits"]),
        make.make_node("Softmax", ["logits"], ["y"]),
    ]
    graph = make.make_graph(
        nodes,
        "g",
        [make.make_tensor_value_info("x", 1, ["n", 10, 10, 3])],
        [make.make_tensor_value_info("y", 1, ["n", 5])],
        [onnx.numpy_helper.from_array(a, n) for n, a in (values | constants).items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 15)], ir_version=8)
    external = read_external(model.SerializeToString())
    assert {n: p.role for n, p in external.parameters.items()} == {
        "kernel": "weight",
        "bias": "bias",
        "dense": "weight",
        "dense_bias": "bias",
    }
    graphs = build_external_training(external, BATCH)
    feeds = feeds_for(graphs, external.values)
    t = {n: torch().from_numpy(a.copy()).requires_grad_() for n, a in values.items()}
    x = (torch().from_numpy(feeds["x"]) - constants["mean"]) / constants["deviation"]
    f = torch().nn.functional
    pooled = f.max_pool2d(
        f.conv2d(x.permute(0, 3, 1, 2), t["kernel"], t["bias"], padding=1).relu(), 2
    )
    logits = pooled.permute(0, 2, 3, 1).flatten(1) @ t["dense"] + t["dense_bias"]
    loss = f.cross_entropy(logits, torch().from_numpy(feeds["target"]))
    loss.backward()
    results = run_graph(graphs, feeds)
    close(results["loss"], loss)
    for name in values:
        close(results[f"grad/{name}"], t[name].grad)


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        read_external(tmp_path / "missing.onnx")
    with pytest.raises(UsageError):
        read_external(b"no model")


def test_a_model_without_outputs_is_refused(tmp_path: Path) -> None:
    g = Graph("N", 3, 6, 6)
    path = g.save(tmp_path, g.op("Conv", "x", numbers(4, 3, 3, 3)))
    model = onnx.load(path)
    del model.graph.output[:]
    with pytest.raises(UsageError, match="has no output that could be trained for"):
        read_external(model.SerializeToString())


def test_a_model_of_another_batch() -> None:
    x = onnx.helper.make_tensor_value_info("x", 1, [1, 3, 2])
    y = onnx.helper.make_tensor_value_info("y", 1, [1, 6])
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["h"]),
        onnx.helper.make_node("Reshape", ["h", "shape"], ["y"]),
    ]
    tensors = [
        onnx.numpy_helper.from_array(np.ones((2, 2), np.float32), "w"),
        onnx.numpy_helper.from_array(np.array([1, 6]), "shape"),
    ]
    graph = onnx.helper.make_graph(nodes, "g", [x], [y], tensors)
    opsets = [onnx.helper.make_opsetid("", 18)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    external = read_external(model.SerializeToString())
    assert build_external_training(external, 1).trained == ("w",)
    with pytest.raises(UsageError, match="another batch"):
        build_external_training(external, 2)


def standardised(g: Graph) -> tuple[str, Callable[[Any], Any]]:
    """A weight less its mean over its deviation, filter by filter, times a factor a filter, as
    weight-standardised nets are exported: by a batch norm of the weight; and the same in torch.
    """
    row = g.op("Reshape", numbers(6, 3, 3, 3), np.array([1, 6, -1]))
    zero, one = (
        g.op("Constant", value=onnx.numpy_helper.from_array(np.full(6, n, np.float32)))
        for n in (0, 1)
    )
    norm = g.op(
        "BatchNormalization", row, numbers(6) ** 2, zero, zero, one, training_mode=1, outputs=3
    )
    weight = g.op("Reshape", norm, np.array([6, 3, 3, 3]))

    def same(t: Any) -> Any:
        row, factor = t["c0"].reshape(1, 6, -1), t["c2"]
        norm = torch().nn.functional.batch_norm(row, None, None, factor, training=True)
        return norm.reshape(6, 3, 3, 3)

    return weight, same


def split_into_length(g: Graph) -> tuple[str, Callable[[Any], Any]]:
    """A weight's direction and length, as weight norm keeps them; and the same in torch."""
    v, length = g.constant(numbers(6, 3, 3, 3)), numbers(6, 1, 1, 1) ** 2
    norm = {"axes": [1, 2, 3], "keepdims": 1}
    weight = g.op("Mul", g.op("Div", v, g.op("ReduceL2", v, **norm)), length)

    def same(t: Any) -> Any:
        v = t["c0"]
        return t["c1"] * v / v.flatten(1).norm(dim=1).reshape(6, 1, 1, 1)

    return weight, same


@pytest.mark.torch
@pytest.mark.parametrize("computed", [standardised, split_into_length])
def test_what_weights_are_computed_from_is_trained(
    computed: Callable[[Graph], tuple[str, Callable[[Any], Any]]], tmp_path: Path
) -> None:
    g = Graph("N", 3, 6, 6)
    weight, same = computed(g)
    y = g.op("Flatten", g.op("GlobalAveragePool", g.op("Conv", "x", weight)))
    external = model_adapter(g.save(tmp_path, y), {}).external
    graphs = build_external_training(external, BATCH)
    assert graphs.trained == tuple(external.values) and len(external.values) == 2
    feeds = feeds_for(graphs, external.values)
    t = {n: torch().from_numpy(a.copy()).requires_grad_() for n, a in external.values.items()}
    f = torch().nn.functional
    maps = f.conv2d(torch().from_numpy(feeds["x"]), same(t))
    loss = f.cross_entropy(maps.mean((2, 3)), torch().from_numpy(feeds["target"]))
    loss.backward()
    results = run_graph(graphs, feeds)
    close(results["loss"], loss)
    for name in external.values:
        close(results[f"grad/{name}"], t[name].grad)


def test_sizes_that_are_computed_as_floats_are_known(tmp_path: Path) -> None:
    """Exporters compute an enlargement's factors from sizes, some by a division of floats."""
    g = Graph(BATCH, 3, 6, 6)
    y = g.op("Conv", "x", numbers(4, 3, 3, 3))
    sizes = g.op("Cast", g.op("Shape", y), to=1)
    factors = g.op("Div", g.op("Mul", sizes, np.asarray([1, 1, 2, 2], np.float32)), sizes)
    y = g.op("Resize", y, np.zeros(0, np.float32), factors, mode="nearest")
    path = g.save(tmp_path, g.op("Flatten", g.op("GlobalAveragePool", y)))
    external = model_adapter(path, {}).external
    assert build_external_training(external, BATCH).trained == tuple(external.values)


def enlarging(folder: Path, opset: int, kind: str, mode: str) -> Path:
    """Conv, then twice the size by an operator of that version, then Conv."""
    g = Graph(1, 3, 6, 6, opset=opset)
    scales = np.asarray([1, 1, 2, 2], np.float32)
    y = g.op("Conv", "x", numbers(4, 3, 3, 3))
    if kind == "Upsample" or opset < 11:
        y = g.op(kind, y, scales, mode=mode)
    else:
        y = g.op(kind, y, np.zeros(0, np.float32), scales, mode=mode)
    return g.save(folder, g.op("Conv", y, numbers(2, 4, 3, 3)))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize(
    ("opset", "kind"), [(9, "Upsample"), (10, "Resize"), (11, "Resize"), (17, "Resize")]
)
def test_training_begins_as_the_function_of_the_file(
    opset: int, kind: str, mode: str, tmp_path: Path
) -> None:
    """Positions were mapped otherwise before opset 11."""
    model_adapter(enlarging(tmp_path, opset, kind, mode), {})


def test_a_model_that_another_opset_would_change_is_not_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnndsl.lower.external.model._keep_coordinates", lambda proto: None)
    path = enlarging(tmp_path, 9, "Upsample", "linear")
    with pytest.raises(UsageError, match=r"brought to opset 18, its output `t2` differs by"):
        model_adapter(path, {})


@pytest.mark.parametrize(
    ("operator", "shape", "attributes", "message"),
    [
        ("Conv", (4,), {"kernel_shape": [3, 3]}, "has 2 axes of space, but its window 0"),
        ("Conv", (4, 3, 3), {"kernel_shape": [3, 3]}, "has 2 axes of space, but its window 1"),
        ("Conv", (4, 2, 3, 3), {}, "4x2x3x3 in 1 groups .* 3 channels"),
        ("Conv", (4, 1, 3, 3), {"group": 3}, "in 3 groups"),
        ("Conv", (4, 3, 3, 3), {"group": 0}, "in 0 groups"),
        ("ConvTranspose", (3, 4, 3), {"kernel_shape": [3, 3]}, "of space, but its window 1"),
        ("ConvTranspose", (2, 4, 3, 3), {}, "in 1 groups .* 3 channels"),
    ],
)
def test_convolutions_that_do_not_fit_are_named(
    operator: str, shape: tuple[int, ...], attributes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    g = Graph("N", 3, 8, 8)
    y = g.op(operator, "x", numbers(*shape), **attributes)
    y = g.op("Flatten", g.op("GlobalAveragePool", y))
    g.op("Gemm", y, numbers(4, 4))
    external = read_external(g.save(tmp_path, "t3"))
    with pytest.raises(UsageError, match=rf"{operator} \(node `t0`\): .*{message}"):
        build_external_training(external, BATCH)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("size", [2, 7, 4096])
def test_bytes_that_do_not_fit_are_refused(number: int, size: int, tmp_path: Path) -> None:
    g = Graph("N", 3, 8, 8)
    x = g.op("Mul", g.op("Conv", "x", numbers(4, 3, 3, 3)), numbers(4, 1, 1))
    y = g.op("Flatten", g.op("GlobalAveragePool", x))
    y = g.op("Gemm", y, numbers(4, 4))
    g.constants[number].raw_data = bytes(size)
    with pytest.raises(UsageError, match=f"tensor `c{number}` whose type, shape and bytes"):
        read_external(g.save(tmp_path, y))


def test_operators_that_no_rule_expects_are_named(tmp_path: Path) -> None:
    g = Graph("N", 3, 8, 8)
    scales = np.asarray([[1, 1, 2, 2]], np.float32)
    y = g.op("Resize", g.op("Conv", "x", numbers(4, 3, 3, 3)), "", scales, mode="linear")
    y = g.op("Flatten", g.op("GlobalAveragePool", y))
    external = read_external(g.save(tmp_path, g.op("Gemm", y, numbers(4, 4))))
    with pytest.raises(UsageError, match=r"the operator Resize \(node `t1`\) has inputs and attr"):
        build_external_training(external, BATCH)


def test_channels_last_are_refused_with_a_way_out(tmp_path: Path) -> None:
    g = Graph("N", 16, 16, 3)
    y = g.op("Conv", g.op("Transpose", "x", perm=[0, 3, 1, 2]), numbers(4, 3, 3, 3))
    adapter = model_adapter(g.save(tmp_path, y), {})
    with pytest.raises(UsageError, match=r"channels last \(16x16x3\).*`cnndsl import` makes"):
        adapter.picture(Preprocessing())
