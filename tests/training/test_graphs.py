from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from cnndsl.autodiff import RULES
from cnndsl.diagnostics import UsageError
from cnndsl.specs import load
from cnndsl.training.graphs import TrainingGraphs, build_training

BATCH = 4


def run(graphs: TrainingGraphs) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    session = onnxruntime.InferenceSession(graphs.grad_bytes(), providers=["CPUExecutionProvider"])
    feeds = {
        i.name: random.integers(0, 10, i.shape)
        if i.type == "tensor(int64)"
        else random.random(i.shape, np.float32)
        for i in session.get_inputs()
    }
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def test_outputs_are_named() -> None:
    graphs = build_training(load("fashion_cnn")[0], BATCH)
    results = run(graphs)
    assert results.keys() == {
        *graphs.losses,
        *graphs.counts,
        *(f"grad/{name}" for name in graphs.trained),
        *(f"next/{name}" for name in graphs.statistics),
    }
    for name in graphs.trained:
        assert results[f"grad/{name}"].shape == graphs.parameters[name].shape
    for model in (graphs.grad_bytes(), graphs.evaluation_bytes()):
        onnx.checker.check_model(onnx.load_from_string(model), full_check=True)


def test_frozen_layers_leave_their_batch_norms_alone() -> None:
    graphs = build_training(load("fashion_cnn")[0], BATCH, trainable=lambda n: "logits" in n)
    assert graphs.trained == ("logits.weight", "logits.bias")
    assert graphs.statistics == ()
    kinds = {node.op_type for node in graphs.grad.graph}
    assert "ScatterElements" not in kinds  # nothing goes back through the pooling


@pytest.mark.parametrize("batch", [1, 3])
def test_evaluation_takes_any_batch(batch: int) -> None:
    graphs = build_training(load("fashion_cnn")[0], BATCH)
    session = onnxruntime.InferenceSession(
        graphs.evaluation_bytes(), providers=["CPUExecutionProvider"]
    )
    random = np.random.default_rng(0)
    feeds = {n: random.random(p.shape, np.float32) for n, p in graphs.parameters.items()}
    feeds["image"] = random.random((batch, 1, 28, 28), np.float32)
    feeds["target"] = random.integers(0, 10, batch)
    logits, loss, correct = session.run(["logits", "loss", "correct"], feeds)
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    expected = -log_p[np.arange(batch), feeds["target"]].mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert correct == (logits.argmax(1) == feeds["target"]).sum()


def test_a_missing_rule_names_operator_node_and_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RULES, "Erf")
    spec = "cnndsl 1\nnet N\ninput x 3@6x6\nconv 3x3 4 -> gelu\nfc 5\n"
    with pytest.raises(UsageError) as error:
        build_training(load(spec)[0], BATCH)
    where = "node `gelu1/Erf2`, <text>:4: conv 3x3 4 -> gelu"
    assert str(error.value) == f"the operator Erf ({where}) has no gradient rule yet"
