"""`cnndsl import`, as it is called."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cnndsl
from cnndsl.cli import main
from cnndsl.preprocessing import Preprocessing
from cnndsl.weights.opening import open_tensors


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    cnndsl.compile("lenet5", "lenet.onnx", labels=[f"digit {i}" for i in range(10)])
    return Path("lenet.onnx")


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["import", *words])


def test_a_spec_and_its_weights_lie_beside_each_other(model: Path) -> None:
    result = call(str(model), "--scale", "127.5", "--mean", "1")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("lenet.cnn: 9 lines for ")
    weights = open_tensors(Path("lenet.safetensors"))
    assert weights.preprocessing == Preprocessing(scale=127.5, mean=(1.0,))
    assert weights.labels is not None and weights.labels[3] == "digit 3"
    compiled = CliRunner().invoke(
        main, ["compile", "lenet.cnn", "--weights", "lenet.safetensors", "-o", "again.onnx"]
    )
    assert compiled.exit_code == 0, compiled.output


def test_a_spec_is_printed(model: Path) -> None:
    result = call(str(model), "-o", "-", "-q")
    assert result.exit_code == 0
    assert result.output.startswith("cnndsl 1\nnet Lenet(classes=10)\n")
    assert not Path("lenet.safetensors").exists()


def test_nothing_is_written_over_unasked(model: Path) -> None:
    Path("lenet.cnn").write_text("mine")
    result = call(str(model))
    assert result.exit_code == 1
    assert "there is a file `lenet.cnn` already" in result.output
    assert Path("lenet.cnn").read_text() == "mine"
    assert call(str(model), "-o", "lenet.cnn").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.onnx",), "there is no file `none.onnx`"),
        (("lenet.onnx", "-o", "no/net.cnn"), "there is no folder `no`"),
        (("lenet.onnx", "-o", "lenet.onnx"), "would take the model's place"),
        (("lenet.onnx", "-o", "a", "--weights-out", "a"), "can't both be `a`"),
    ],
)
def test_what_is_wrong_is_said(words: tuple[str, ...], message: str, model: Path) -> None:
    result = call(*words)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
