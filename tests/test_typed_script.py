"""The public signatures: a user's script is clean by pyright and mypy at their strictest."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPT = REPOSITORY / "tests" / "support" / "user_script.py"
WRONG = """import cnndsl
cnndsl.train("lenet5", "digits", epochs="ten")
cnndsl.train("lenet5", "digits", learnrate=0.1)
cnndsl.transfer("net.onnx", "photos", strategy="fast")
cnndsl.resume("runs/lenet5-001", callbacks=[print])
cnndsl.run("net.onnx", 3)
cnndsl.analyse("lenet5").macs
def strictly_wrong(x): return x
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "script.py").write_text(SCRIPT.read_text())
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    return tmp_path


CHECKERS = {
    "pyright": ("--pythonpath", sys.executable),
    "mypy": ("--strict", "--cache-dir", "cache", "script.py", "wrong.py"),
}


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_a_checker_of_types_finds_mistakes_and_nothing_else(checker: str, folder: Path) -> None:
    pytest.importorskip(checker)
    command = [sys.executable, "-m", checker, *CHECKERS[checker]]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    found = re.findall(r"(\w+)\.py:(\d+)\D", done.stdout)
    assert {name for name, _ in found} == {"wrong"}, done.stdout + done.stderr
    lines = {int(line) for _, line in found}
    assert lines == set(range(2, 1 + len(WRONG.splitlines()))), done.stdout


def test_the_script_runs(folder: Path) -> None:
    pandas = ["pandas"] if importlib.util.find_spec("pandas") else []
    picture = REPOSITORY / "examples" / "harbour.png"
    command = [sys.executable, "script.py", str(picture), *pandas]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "runs/small-001-001" in done.stdout
