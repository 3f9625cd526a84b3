"""`cnndsl check`: limits, several specs at once, and JSON for editors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cnndsl.cli import main

WRONG = "cnndsl 1\nnet W\ninput x 3@8x8\ncnov 3x3 8\nconv 3x3 8 s0\n"


def cnndsl(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_without_limits_it_says_what_it_saw() -> None:
    result = cnndsl("check", "lenet5", "vgg16")
    assert result.exit_code == 0
    assert result.stdout == (
        "lenet5: fine, 11 layers, 61,706 parameters\n"
        "vgg16: fine, 38 layers, 138,357,544 parameters\n"
    )


def test_within_limits() -> None:
    result = cnndsl(
        *("check", "lenet5", "--max-params", "62k", "--max-macs", "0.5M", "--max-memory", "1MB")
    )
    assert result.exit_code == 0
    assert result.stdout == (
        "lenet5: fine, 61,706 parameters ≤ 62k, 416,520 multiply-adds ≤ 0.5M, "
        "270,344 bytes at inference of batch 1 ≤ 1MB\n"
    )


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("--max-params", "61705", "61,706 parameters are more than the 61,705 allowed"),
        ("--max-macs", "400k", "416,520 multiply-adds are more than the 400,000 allowed"),
        (
            "--max-memory",
            "100KiB",
            "270,344 bytes at inference of batch 1 are more than the 102,400",
        ),
    ],
)
def test_beyond_a_limit(option: str, value: str, message: str) -> None:
    result = cnndsl("check", "lenet5", option, value)
    assert result.exit_code == 1
    assert f"error[over-limit]: {message}" in result.stderr
    assert "zoo/lenet5.cnn:6:1" in result.stderr
    assert "lenet5: 1 error" in result.stderr
    assert result.stdout == ""


def test_exactly_the_limit_is_fine() -> None:
    assert cnndsl("check", "lenet5", "--max-params", "61706").exit_code == 0


def test_an_unknown_figure_is_not_within_any_limit() -> None:
    result = cnndsl("check", "unet", "--max-macs", "1T")
    assert result.exit_code == 1
    assert "error[unknown-figure]: the number of multiply-adds can't be checked" in result.stderr
    fixed = cnndsl("check", "unet", "--max-macs", "1T", "--input", "1@572x572")
    assert fixed.exit_code == 0, fixed.output


def test_one_wrong_spec_does_not_stop_the_others(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.cnn"
    wrong.write_text(WRONG)
    result = cnndsl("check", wrong, "nosuch", "lenet5")
    assert result.exit_code == 1
    assert "error[unknown-layer]" in result.stderr
    assert "error[unreadable-file]: there is no file `nosuch`" in result.stderr
    assert f"{wrong}: 2 errors" in result.stderr
    assert result.stdout == "lenet5: fine, 11 layers, 61,706 parameters\n"


def test_json_for_editors(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.cnn"
    wrong.write_text(WRONG)
    result = cnndsl("check", wrong, "lenet5", "--max-params", "1M", "--format", "json")
    assert result.exit_code == 1
    assert result.stderr == ""
    data = json.loads(result.stdout)
    assert (data["version"], data["fine"]) == (1, False)
    first, second = data["specs"]
    assert [d["code"] for d in first["diagnostics"]] == ["unknown-layer", "invalid-argument"]
    assert first["diagnostics"][0]["line"] == 4
    assert first["checked"] == []
    assert second == {
        "spec": "lenet5",
        "fine": True,
        "diagnostics": [],
        "checked": [{"figure": "params", "value": 61_706, "limit": 1_000_000}],
    }


def test_warnings_are_shown_and_allowed(tmp_path: Path) -> None:
    spec = tmp_path / "net.cnn"
    spec.write_text("cnndsl 1\nnet W\ninput x 3@7x7\nconv 3x3 8\npool 2x2\n")
    result = cnndsl("check", spec)
    assert result.exit_code == 0
    assert "warning[pool-discards]" in result.stderr
    data = json.loads(cnndsl("check", spec, "--format", "json").stdout)
    assert data["fine"] is True
    assert data["specs"][0]["diagnostics"][0]["severity"] == "warning"


@pytest.mark.parametrize("value", ["", "5X", "-5", "five", "1e3", "0", "9" * 30])
def test_amounts_that_are_none(value: str) -> None:
    result = cnndsl("check", "lenet5", "--max-params", value)
    assert result.exit_code == 1
    assert "is no amount; write it as 5M, 300k or 1234567" in result.stderr


def test_a_net_without_a_net_line_is_shown_at_its_first_line(tmp_path: Path) -> None:
    spec = tmp_path / "net.cnn"
    spec.write_text("input x @8\nfc 8\n")
    assert f"{spec}:1:1" in cnndsl("check", spec, "--max-params", "1").stderr
