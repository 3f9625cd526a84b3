"""`cnndsl report`: options, formats, errors, and that it is quick and light."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cnndsl.cli import main

NET = "cnndsl 1\nnet N(n=8)\ninput x 3@HxW\nconv 3x3 n same relu\npool 2x2\ngap\nfc 3\n"


def cnndsl(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=text)


@pytest.mark.parametrize(
    "form, start",
    [
        ("table", "LeNet5(classes=10)   zoo/lenet5.cnn\n"),
        ("md", "# LeNet5(classes=10)\n"),
        ("csv", "name,op,text,line,"),
        ("json", '{\n  "version": 1,'),
        ("html", "<!doctype html>\n"),
    ],
)
def test_formats(form: str, start: str) -> None:
    result = cnndsl("report", "lenet5", "--format", form)
    assert result.exit_code == 0
    assert result.stdout.startswith(start)
    assert not result.stdout.endswith("\n\n")


def test_settings_and_inputs_from_standard_input() -> None:
    result = cnndsl(
        *("report", "-", "--set", "n=16", "--input", "3@32x32", "--format", "json"), text=NET
    )
    data = json.loads(result.stdout)
    assert data["spec"] == "<stdin>"
    assert data["settings"] == {"n": 16}
    assert data["inputs"] == [{"name": "x", "shape": [3, 32, 32]}]
    assert data["totals"]["macs"] == 27 * 16 * 32 * 32 + 48


@pytest.mark.parametrize("form", ["table", "md", "html"])
@pytest.mark.parametrize("spec", ["-", "unet", "unet_same"])
def test_people_are_shown_a_usual_size_where_the_spec_leaves_it_open(spec: str, form: str) -> None:
    taken = "3@224x224" if spec == "-" else "1@224x224"
    shown = cnndsl("report", spec, "--format", form, text=NET).stdout
    assert f"leaves the size open: taken is {taken} for {taken[0]}@HxW" in shown
    figures = shown.partition("<script>")[0]
    assert not re.search(r"(^|[\s>|])\?([\s<|]|$)", figures)
    same = cnndsl("report", spec, "--input", taken, "--format", "json", text=NET).stdout
    assert f"{json.loads(same)['totals']['macs']:,}" in shown
    left = cnndsl("report", spec, "--format", "json", text=NET).stdout
    assert json.loads(left)["totals"]["macs"] is None


def test_open_sizes_are_explained() -> None:
    result = cnndsl("report", "-", "--open", text=NET)
    assert "? depends on H and W, which aren't fixed: give them by `--input 3@224x224`" in (
        result.stdout
    )


def test_batch_and_memory() -> None:
    printed = cnndsl("report", "vgg16", "--batch", "32", "--memory", "16GB").stdout
    assert "batch 32: weights" in printed
    assert "in training within 16GB; 601 at inference" in printed
    data = json.loads(cnndsl("report", "vgg16", "--memory", "16GiB", "--format", "json").stdout)
    largest = data["memory"]["largest_batch"]
    assert largest["bytes"] == 16 << 30
    assert largest["inference"] > 600


def test_depth() -> None:
    printed = cnndsl("report", "resnet50", "--depth", "1").stdout
    assert "stage3  stage 256 6 " in printed
    assert "bottleneck" not in printed.split("parameters ")[0]


def test_explain() -> None:
    printed = cnndsl("report", "alexnet", "--explain", "conv1").stdout
    assert "(227 − 11 + 2·0)/4 + 1 = 55" in printed
    assert "(11·11·3 + 1)·96 = 34,944" in printed


def test_warnings_go_to_stderr() -> None:
    text = "cnndsl 1\nnet N\ninput x 3@7x7\nconv 3x3 same\npool 2x2\n"
    result = cnndsl("report", "-", "--format", "json", text=text)
    json.loads(result.stdout)
    assert "warning[first-layer-filters]" in result.stderr
    assert "warning[pool-discards]" in result.stderr


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nosuch"], "there is no file `nosuch`"),
        (["vgg16", "--memory", "much"], "`--memory much` is no amount; write it as 16GB"),
        (["vgg16", "--memory", "-1GB"], "`--memory -1GB` is no amount"),
        (["vgg16", "--memory", "0"], "`--memory 0` is no amount"),
        (["vgg16", "--set", "classes"], "`--set classes` isn't written `--set name=value`"),
        (["vgg16", "--set", "clases=3"], "did you mean `classes`?"),
        (["vgg16", "--input", "3x224x224"], "`3x224x224` is no input shape"),
        (["vgg16", "--explain", "conv99"], "there is no layer `conv99`"),
    ],
)
def test_errors_are_one_clear_sentence(arguments: list[str], message: str) -> None:
    result = cnndsl("report", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("option", ["--depth", "--batch"])
def test_numbers_have_bounds(option: str) -> None:
    assert cnndsl("report", "vgg16", option, "0").exit_code == 2


def test_a_terminal_gets_colour_and_its_width(tmp_path: Path) -> None:
    """Under a pseudo-terminal of 140 columns."""
    pty = pytest.importorskip("pty")
    program = (
        "import os, sys, struct, fcntl, termios\n"
        "fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 140, 0, 0))\n"
        "from cnndsl.cli import main\n"
        "main(['report', 'lenet5'])\n"
    )
    script = tmp_path / "program.py"
    script.write_text(program)
    printed = tmp_path / "printed"
    with printed.open("wb") as file:

        def keep(descriptor: int) -> bytes:
            data = os.read(descriptor, 1 << 16)
            file.write(data)
            return data

        read, write = os.pipe()
        saved = os.dup(1)
        os.dup2(write, 1)
        try:
            pty.spawn([sys.executable, str(script)], keep)
        finally:
            os.dup2(saved, 1)
            for descriptor in (saved, read, write):
                os.close(descriptor)
    text = printed.read_text(encoding="utf-8")
    assert "\033[1m" in text
    assert "\033[36m" in text
    assert "other ops" in text


def test_it_is_quick_and_light() -> None:
    """The whole process; the time's bound is far off, so that a busy machine is no failure."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = (
        "import pathlib, sys\n"
        "from cnndsl.cli import main\n"
        "main(['report', 'resnet152'], standalone_mode=False)\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "print(status.read_text() if status.exists() else '', file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "60,192,808" in result.stdout
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds < 2
    peak = re.search(r"^VmHWM:\s*(\d+) kB", result.stderr, re.M)
    assert peak is None or int(peak[1]) < 60 * 1024


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_what_goes_into_a_file_is_unicode_everywhere(encoding: str) -> None:
    command = [sys.executable, "-c", "from cnndsl.cli import main; main(['report', 'lenet5'])"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    printed = subprocess.run(command, capture_output=True, check=True, env=environment).stdout
    assert "───" in printed.decode("utf-8")
