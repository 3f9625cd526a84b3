"""`cnndsl lint`: what it prints, its exit status, `--fix` on files and on standard input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cnndsl as package
from cnndsl.cli import main

UNTIDY = "cnndsl 1\nnet N\ninput x 3@32x32\nconv 3x3 100 relu relu\nlogits: fc 10\noutput logits\n"
MENDED = UNTIDY.replace("relu relu", "relu")
FINE = MENDED.replace("100", "96")
WRONG = "cnndsl 1\nnet W\ninput x 3@8x8\ncnov 3x3 8\nconv 3x3 8 s0\n"


def cnndsl(*arguments: object, text: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], input=text)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.cnn"
    path.write_text(UNTIDY)
    return path


def test_findings_have_places_and_help(spec: Path) -> None:
    result = cnndsl("lint", spec)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "advice[odd-channels]: " in result.stderr and f"--> {spec}:4:1" in result.stderr
    assert "help: leave it out" in result.stderr
    assert result.stderr.endswith(f"{spec}: 2 pieces of advice\n")
    assert spec.read_text() == UNTIDY


def test_nothing_to_say(spec: Path) -> None:
    spec.write_text(FINE)
    result = cnndsl("lint", spec, "resnet18")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{spec}: nothing to say\nresnet18: nothing to say\n"


def test_errors_and_warnings_are_those_of_check(spec: Path) -> None:
    spec.write_text(WRONG)
    result = cnndsl("lint", spec, "nosuch", "lenet5")
    assert result.exit_code == 1
    assert f"{spec}: 2 errors" in result.stderr
    assert "error[unreadable-file]: there is no file `nosuch`" in result.stderr
    assert result.stdout == "lenet5: nothing to say\n"
    spec.write_text("cnndsl 1\nnet W\ninput x 3@7x7\nconv 3x3 8\npool 2x2\noutput pool1\n")
    result = cnndsl("lint", spec)
    assert "warning[pool-discards]" in result.stderr
    assert result.stderr.endswith(f"{spec}: 1 warning\n")


def test_a_silenced_warning_is_silent_in_check_too(spec: Path) -> None:
    spec.write_text("cnndsl 1\nnet W\ninput x 3@7x7\npool 2x2  # noqa: pool-discards (meant)\n")
    assert cnndsl("check", spec).stderr == ""


def test_fix_writes_the_file(spec: Path) -> None:
    result = cnndsl("lint", "--fix", spec)
    assert result.exit_code == 1
    assert result.stderr.endswith(f"{spec}: 1 mended, 1 piece of advice\n")
    assert spec.read_text() == MENDED
    assert list(spec.parent.iterdir()) == [spec]
    spec.write_text(FINE.replace("relu", "relu relu"))
    result = cnndsl("lint", "--fix", spec)
    assert (result.exit_code, result.stdout) == (0, f"{spec}: 1 mended\n")
    assert spec.read_text() == FINE


def test_standard_input(tmp_path: Path) -> None:
    assert cnndsl("lint", "-", text=FINE).exit_code == 0
    result = cnndsl("lint", "--fix", "-", text=UNTIDY)
    assert (result.exit_code, result.stdout) == (1, MENDED)
    assert "<stdin>:4:1" in result.stderr


def test_diff_changes_nothing(spec: Path) -> None:
    result = cnndsl("lint", "--diff", spec)
    assert result.exit_code == 1
    assert "-conv 3x3 100 relu relu\n+conv 3x3 100 relu\n" in result.stdout
    assert result.stderr.endswith(f"{spec}: 2 pieces of advice\n")
    assert spec.read_text() == UNTIDY
    assert cnndsl("lint", "--diff", "vgg16").stdout == "vgg16: nothing to say\n"


def test_nets_of_the_zoo_are_not_mended() -> None:
    result = cnndsl("lint", "--fix", "vgg16")
    assert result.exit_code == 1
    assert "there is no file `vgg16` to mend" in result.stderr


def test_settings_and_shapes_are_those_given(spec: Path) -> None:
    spec.write_text("net N(width=96)\ninput x 3@33x33\nconv 3x3 width s2 relu\nfc 10\noutput fc1\n")
    assert cnndsl("lint", spec).exit_code == 0
    assert "odd-channels" in cnndsl("lint", spec, "--set", "width=100").stderr
    assert "conv-discards" in cnndsl("lint", spec, "--input", "3@32x32").stderr


def test_codes_are_explained() -> None:
    for word in ("odd-channels", "advice[odd-channels]"):
        result = cnndsl("explain", word)
        assert result.exit_code == 0
        assert "    advice[odd-channels]: " in result.stdout
    assert "\nodd-channels " in cnndsl("explain", "codes").stdout


def test_the_verb_gives_diagnostics(spec: Path) -> None:
    found = package.lint(spec)
    assert [(d.code, d.severity) for d in found] == [
        ("odd-channels", "advice"),
        ("redundant-layer", "advice"),
    ]
    assert found[1].edits and found[1].as_json()["edits"]
    assert [d.severity for d in package.lint(WRONG)] == ["error", "error"]
    assert package.lint("resnet50") == []
    assert not package.lint("net N(w=8)\ninput x @8\nfc w\noutput fc1\n", settings={"w": 4})


def test_forms_for_other_programs(spec: Path) -> None:
    data = json.loads(cnndsl("lint", spec, "lenet5", "--format", "json").stdout)
    assert (data["version"], data["fine"]) == (1, False)
    first, second = data["specs"]
    assert [d["code"] for d in first["diagnostics"]] == ["odd-channels", "redundant-layer"]
    (edit,) = first["diagnostics"][1]["edits"]
    assert (edit["line"], edit["column"], edit["end_column"], edit["text"]) == (4, 18, 23, "")
    assert second == {"spec": "lenet5", "fine": True, "mended": 0, "diagnostics": []}
    for command in ("lint", "check"):
        spec.write_text(WRONG)
        result = cnndsl(command, spec, "--format", "sarif")
        assert result.exit_code == 1
        assert len(json.loads(result.stdout)["runs"][0]["results"]) == 2
        result = cnndsl(command, spec, "--format", "github")
        assert (result.exit_code, result.stderr) == (1, "")
        assert result.stdout.count("::error title=cnndsl") == 2
        result = cnndsl(command, "lenet5", "--format", "github")
        assert (result.exit_code, result.output) == (0, "")


def test_standard_input_is_not_mended_into_json() -> None:
    result = cnndsl("lint", "--fix", "-", "--format", "json", text=UNTIDY)
    assert result.exit_code == 1 and "leave out --format" in result.stderr
