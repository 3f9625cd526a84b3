"""`cnndsl show`: every stage of a net."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from cnndsl.cli import main
from cnndsl.source import Source
from cnndsl.specs import load


def cnndsl(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize(
    "stage, start, inside",
    [
        ("tree", "    1:1  File\n    1:1    Version number=1\n", "Operation name=pool"),
        ("network", "cnndsl 1\nnet LeNet5(classes=10)\n", "C1.relu1: relu\n"),
        ("analysis", "LeNet5(classes=10)   zoo/lenet5.cnn\n", "trained numbers"),
        (
            "graph",
            "graph LeNet5, opset 18\n",
            "C1 [N, 6, 28, 28] = Conv(image, C1.weight, C1.bias)",
        ),
        ("onnx", "<\n   ir_version:", "[C1] C1 = Conv"),
    ],
)
def test_stages(stage: str, start: str, inside: str) -> None:
    result = cnndsl("show", "lenet5", "--stage", stage)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(start)
    assert inside in result.stdout


def test_the_network_is_a_spec_with_the_settings_in_force() -> None:
    printed = cnndsl("show", "resnet18", "--set", "classes=7").stdout
    assert load(Source("x", printed))[0] == load("resnet18", {"classes": 7})[0]


def test_the_model_has_no_weights() -> None:
    printed = cnndsl("show", "vgg16", "--stage", "onnx").stdout
    assert len(printed) < 30_000
    assert 'float[4096,25088] "fc6.weight"' in printed


def test_a_tree_needs_no_right_layers() -> None:
    text = "cnndsl 1\nnet W\ninput x @8\ncnov 3x3\n"
    shown = CliRunner().invoke(main, ["show", "-", "--stage", "tree"], input=text)
    assert "Operation name=cnov" in shown.stdout
    wrong = CliRunner().invoke(main, ["show", "-"], input=text)
    assert wrong.exit_code == 1
    assert "error[unknown-layer]" in wrong.stderr
