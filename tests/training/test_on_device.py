"""What ONNX Runtime's on-device training gets: the net with its loss in front, dropout in place.

The package itself has stock ONNX Runtime's import name and lives in an environment of its own:
where $CNNDSL_ORT_TRAINING names its Python, the artifacts are made there, loaded and trained.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
from click.testing import CliRunner

from cnndsl.cli import main
from cnndsl.diagnostics import UsageError
from cnndsl.specs import load
from cnndsl.training.on_device import ARTIFACTS, forward_model
from cnndsl.weights import initial_weights

SPEC = """cnndsl 1
net Small
input x 2@6x6
conv 3x3 4 bn relu
head aux train:
    fc 3
dropout 0.25
fc 3
"""
TRAIN = """
import sys
import numpy as np
from onnxruntime.training.api import CheckpointState, Module, Optimizer
folder = sys.argv[1]
state = CheckpointState.load_checkpoint(f"{folder}/checkpoint")
module = Module(f"{folder}/training_model.onnx", state, f"{folder}/eval_model.onnx")
optimizer = Optimizer(f"{folder}/optimizer_model.onnx", module)
random = np.random.default_rng(0)
x, target = random.random((8, 2, 6, 6), np.float32), np.arange(8) % 3
module.train()
for _ in range(100):
    print(float(module(x, target)[0]))
    optimizer.step()
    module.lazy_reset_grad()
print(float(np.abs(state.parameters["bn1.running_mean"].data).max()))
"""


def test_the_loss_comes_first_and_dropout_drops() -> None:
    network = load(SPEC)[0]
    model, trained, frozen = forward_model(network, initial_weights(network))
    assert model.graph.outputs[0].name == "loss"
    assert set(frozen) == {"bn1.running_mean", "bn1.running_var"}
    assert set(trained) == set(model.graph.initializers) & {
        f"{name}.{part}" for name in ("conv1", "bn1", "fc1") for part in ("weight", "bias")
    }
    (dropout,) = [node for node in model.graph if node.op_type == "Dropout"]
    _, ratio, training = [
        v.const_value.numpy() if v and v.const_value else None for v in dropout.inputs
    ]
    assert (ratio, training, len(dropout.outputs)) == (0.25, True, 2)
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString())
    feeds = {"x": np.ones((4, 2, 6, 6), np.float32), "target": np.zeros(4, np.int64)}
    assert np.isfinite(session.run(["loss"], feeds)[0])


def test_average_pooling_needs_a_batch() -> None:
    network = load("net A\ninput x 2@6x6\nconv 3x3 2\navgpool 2x2 s2\nfc 3\n")[0]
    with pytest.raises(UsageError, match="`--batch 32`"):
        forward_model(network, initial_weights(network))
    forward_model(network, initial_weights(network), batch=4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "`pip install onnxruntime-training-cpu==1.19.2 torch cnndsl`"),
        (["--weights", "none"], "ort-training needs the weights inside"),
        (["-o", "small.cnn"], "`small.cnn` is a file"),
    ],
)
def test_mistakes_end_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.cnn").write_text("net Small\ninput x 2@6x6\nfc 3\n")
    command = ["compile", "small.cnn", "--for", "ort-training", *arguments]
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, sentence in result.output) == (1, True), result.output
    assert [path.name for path in tmp_path.iterdir()] == ["small.cnn"]


@pytest.mark.skipif(
    "CNNDSL_ORT_TRAINING" not in os.environ,
    reason="$CNNDSL_ORT_TRAINING names no Python with onnxruntime-training",
)
def test_the_artifacts_train(tmp_path: Path) -> None:
    python = os.environ["CNNDSL_ORT_TRAINING"]
    (tmp_path / "small.cnn").write_text(SPEC)
    write = "from cnndsl.cli import main; main()"
    options = ["compile", "small.cnn", "--for", "ort-training", "-o", "here"]
    for command in ([write, *options], [TRAIN, "here"]):
        done = subprocess.run(
            [python, "-c", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        sys.stdout.write(done.stdout)
    assert {path.name for path in (tmp_path / "here").iterdir()} == set(ARTIFACTS)
    *losses, moved = map(float, done.stdout.split())
    assert losses[-1] < 0.8 * losses[0]
    assert moved > 0
