"""Models as files: valid, complete, streamed, never half written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import cnndsl
from cnndsl import emit as emit_module
from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced
from cnndsl.lower import lower
from cnndsl.preprocessing import Preprocessing
from cnndsl.resources import zoo_names

TEXT = (
    "net Small(classes=3)\ninput image 1@8x8\nconv 3x3 4 bn relu\ngap\nlogits: fc classes softmax\n"
)


def arrays(path: Path) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    model = onnx.load(path)
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def run(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    image = np.linspace(-1, 1, 128, dtype=np.float32).reshape(2, 1, 8, 8)
    (result,) = session.run(["logits"], {"image": image})
    return np.asarray(result)


def test_the_model_is_readable(tmp_path: Path) -> None:
    preprocessing = Preprocessing(mean=(0.5,), std=(0.25,))
    emitted = cnndsl.compile(
        TEXT, tmp_path / "m.onnx", labels=["a", "b", "ü"], preprocessing=preprocessing
    )
    assert emitted.bytes == emitted.path.stat().st_size
    model = onnx.load(emitted.path)
    onnx.checker.check_model(model, full_check=True)
    assert [o.version for o in model.opset_import] == [17]
    assert [n.name for n in model.graph.node][:3] == ["conv1", "bn1", "relu1"]
    assert model.graph.node[0].doc_string == "<text>:3: conv 3x3 4 bn relu"
    metadata = {p.key: p.value for p in model.metadata_props}
    assert json.loads(metadata["cnndsl.labels"]) == ["a", "b", "ü"]
    assert Preprocessing.from_json(metadata["cnndsl.preprocessing"]) == preprocessing
    assert json.loads(metadata["cnndsl.settings"]) == {"classes": 3}
    assert len(metadata["cnndsl.spec_sha256"]) == 64
    (image,) = model.graph.input
    dims = image.type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["N", 1, 8, 8]
    assert [o.name for o in model.graph.output] == ["logits"]


def test_weights_inside_and_beside_are_the_same(tmp_path: Path) -> None:
    inside = cnndsl.compile(TEXT, tmp_path / "inside.onnx")
    beside = cnndsl.compile(TEXT, tmp_path / "beside.onnx", external=True)
    assert beside.data == tmp_path / "beside.onnx.data"
    assert beside.bytes == beside.path.stat().st_size + beside.data.stat().st_size
    first, second = arrays(inside.path), arrays(beside.path)
    assert first.keys() == second.keys() >= {"conv1.weight", "bn1.running_var", "logits.bias"}
    assert all((first[name] == second[name]).all() for name in first)
    np.testing.assert_array_equal(run(inside.path), run(beside.path))


def test_beyond_what_one_message_holds_weights_lie_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emit_module, "LARGEST_MESSAGE", 1_200)
    assert cnndsl.compile(TEXT, tmp_path / "m.onnx").data is not None
    assert run(tmp_path / "m.onnx").shape == (2, 3)


def test_seeds_and_rules_decide_the_weights(tmp_path: Path) -> None:
    def weight(**options: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return arrays(cnndsl.compile(TEXT, tmp_path / "m.onnx", **options).path)["conv1.weight"]  # type: ignore[arg-type]

    assert (weight() == weight()).all()
    assert (weight() != weight(seed=1)).any()
    assert (weight(init="zeros") == 0).all()


def test_given_weights_are_used(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    drawn = arrays(cnndsl.compile(TEXT, tmp_path / "a.onnx", seed=5).path)
    library.save_file(drawn, tmp_path / "w.safetensors")
    path = cnndsl.compile(TEXT, tmp_path / "b.onnx", weights=tmp_path / "w.safetensors").path
    np.testing.assert_array_equal(run(tmp_path / "a.onnx"), run(path))
    del drawn["bn1.bias"]
    library.save_file(drawn, tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match="`bn1` in the file has no bias"):
        cnndsl.compile(TEXT, tmp_path / "c.onnx", weights=tmp_path / "w.safetensors")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.onnx", "b.onnx", "w.safetensors"]


def test_weights_in_any_memory_order_are_written_in_theirs(tmp_path: Path) -> None:
    network = cnndsl.parse(TEXT)
    values = np.arange(36, dtype=np.float32).reshape(3, 3, 1, 4).transpose(3, 2, 0, 1)
    path = tmp_path / "net.onnx"
    given = {"conv1.weight": values}
    emit_module.emit(
        lower(network),
        path,
        weights=lambda name, p: iter([given.get(name, np.zeros(p.shape, np.float32))]),
        metadata={},
    )
    np.testing.assert_array_equal(arrays(path)["conv1.weight"], values)


def test_the_graph_alone_takes_its_parameters_as_inputs(tmp_path: Path) -> None:
    path = cnndsl.compile(TEXT, tmp_path / "m.onnx", weights="none", batch=4).path
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [i.name for i in model.graph.input][:2] == ["image", "conv1.weight"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 4


def test_a_failed_write_leaves_the_old_file_and_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replaced(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_a_replaced_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "m.onnx", tmp_path / "link.onnx"
    path.write_text("old")
    path.chmod(0o600)
    link.symlink_to(path)
    with replaced(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_a_device_or_pipe_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no ordinary file"), replaced(pipe) as file:
        file.write(b"new")
    assert pipe.is_fifo()


def test_an_input_keeps_its_name_where_a_dropout_passes_it_on(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    cnndsl.compile("net N\ninput image 3@4x4\nresult: dropout 0.5 relu\noutput result\n", path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    image = np.linspace(-1, 1, 48, dtype=np.float32).reshape(1, 3, 4, 4)
    (result,) = session.run(["result"], {"image": image})
    np.testing.assert_array_equal(result, np.maximum(image, 0))


def test_outputs_are_called_as_in_the_spec(tmp_path: Path) -> None:
    text = """
input image 3@8x8
def tower():
    inner: conv 3x3 4
    gap
a: tower
b: fc 3 softmax from a.inner
output a.inner a b
"""
    path = cnndsl.compile(text, tmp_path / "m.onnx", weights="none").path
    assert [o.name for o in onnx.load(path).graph.output] == ["a.inner", "a", "b"]


@pytest.mark.parametrize("name", zoo_names())
def test_every_zoo_net_compiles_to_a_valid_graph(name: str, tmp_path: Path) -> None:
    path = cnndsl.compile(name, tmp_path / "m.onnx", weights="none").path
    onnx.checker.check_model(onnx.load(path), full_check=True)
