"""Which layers stand on one line."""

from pathlib import Path

import pytest

import cnndsl
from cnndsl.importing import import_model

WITHOUT_WEIGHTS = """
a: conv 3x3 8 p1 relu -> pool 2x2 s2 -> upsample 2x2
b: conv 1x1 8
conv 3x3 8 p1 -> add b from a
c: conv 3x3 classes p1
d: scale 2
output a b c d
"""

MOVING = """
a: conv 3x3 8 p1
take first=4 -> conv 3x3 16 p1
b: conv 1x1 8
relu -> conv 1x1 8 -> add b from a
c: conv 3x3 classes p1
d: scale 2
output a b c d
"""

LONG = """
a: conv 3x3 classes p1
avgpool 3x3 s1 p1 -> pad p0x1 edge -> lrn 5 k=1.5 alpha=5e-5 beta=0.5 -> scale 0.125 -> gap
b: upsample 4x4
output a b
"""

REPEATED = """
a: conv 3x3 4 p1
b: conv 1x1 4
c: conv 3x3 4 p1 relu from a *3
d: conv 3x3 classes
e: scale 2
output a b c d e
"""

BODIES = {"light": WITHOUT_WEIGHTS, "moving": MOVING, "long": LONG, "repeated": REPEATED}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_lines_come_back_as_they_are(body: str, tmp_path: Path) -> None:
    spec = f"cnndsl 1\nnet Net(classes=8)\ninput image 4@16x16\n{body.strip()}\n"
    cnndsl.compile(spec, tmp_path / "net.onnx")
    assert import_model(tmp_path / "net.onnx").text == spec


def test_a_value_added_to_itself(tmp_path: Path) -> None:
    cnndsl.compile("input image 3@8x8\na: conv 3x3 4\nadd a\n", tmp_path / "net.onnx")
    assert "conv 3x3 4 -> scale 2\n" in import_model(tmp_path / "net.onnx").text


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("times", [3, 60, 100])
def test_factors_that_no_line_can_give(times: int, tmp_path: Path) -> None:
    spec = f"input image 3@8x8\nscale 0.5 *{times}\nabs\nscale 2 *{times}\n"
    cnndsl.compile(spec, tmp_path / "net.onnx")
    found = import_model(tmp_path / "net.onnx")
    assert found.text.count("scale") == 2
    assert (" shared" in found.text) == (times > 53)
