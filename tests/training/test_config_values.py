"""Whatever is written into a run's config.toml, `resume` goes on or says what must stand there."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.training.config import Config, read_config
from cnndsl.training.fields import checked, described
from cnndsl.training.options import TrainingChoice
from tests.support.command_line import run as call
from tests.support.mutations import mutations
from tests.support.toy_data import write_toy

SOME = 60
"""So many of the mutations that are a configuration are gone on with."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that uses most of what there is."""
    place = tmp_path_factory.mktemp("run")
    spec, data = write_toy(place)
    arguments = ("--batch", "32", "--threads", "1", "--epochs", "2", "-q", "--freeze", "conv1.*")
    arguments += ("--unfreeze", "1:conv1", "--lr-of", "bn1*=0.5", "--ema", "0.9", "--clip", "1")
    arguments += ("--patience", "3", "--schedule", "step every=2", "--runs", str(place))
    assert not call("train", str(spec), "--data", str(data), *arguments).exit_code
    return place / "tiny-001"


def test_any_value_in_any_line_is_read_or_ends_in_a_sentence(run: Path) -> None:
    valid = 0
    for line, text in mutations((run / "config.toml").read_text()):
        try:
            config = Config.from_toml(text)
        except UsageError as e:
            assert "\n" not in str(e) and len(str(e)) < 400, line
        else:
            assert Config.from_toml(config.to_toml()) == config, line
            valid += 1
    assert valid > 100


@pytest.mark.slow
def test_what_is_read_goes_on_or_ends_in_a_sentence(run: Path, tmp_path: Path) -> None:
    texts: dict[str, str] = {}
    for _, text in mutations((run / "config.toml").read_text()):
        try:
            texts.setdefault(repr(Config.from_toml(text)), text)
        except UsageError:
            continue
    chosen = random.Random(4).sample(sorted(texts.values()), SOME)
    lacking = "\n".join(
        t for t in (run / "config.toml").read_text().split("\n") if "_rate =" not in t
    )
    for number, text in enumerate([lacking, *chosen]):
        folder = tmp_path / str(number)
        shutil.copytree(run, folder)
        (folder / "config.toml").write_text(text)
        result = call("resume", str(folder), "--time-limit", "0.05s", "-q")
        assert result.exit_code in (0, 1), text
        assert (result.exit_code == 1) == result.stderr.startswith("error: "), text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 2", 'epochs = "ten"', 'epochs must be a whole number of at least 1, not "ten"'),
        ("epochs = 2", "epochs = true", "epochs must be a whole number of at least 1, not true"),
        ("threads = 1", "threads = 0", "threads must be a whole number from 1 to 1,024, not 0"),
        ("clip = 1.0", "clip = nan", "clip must be a number above 0, not NaN"),
        ('device = "cpu"', 'device = "tpu"', 'device must be `cpu` or `cuda`, not "tpu"'),
        (
            "average = 0.9",
            "average = 1.0",
            "average must be a number of at least 0 and below 1, not",
        ),
    ],
)
def test_what_must_stand_there_is_said(run: Path, old: str, new: str, message: str) -> None:
    path = run.parent / "config.toml"
    path.write_text((run / "config.toml").read_text().replace(old, new))
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert f"`{path}`: [training] {message}" in str(caught.value)


def test_a_batch_is_no_larger_than_the_data(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run/config.toml"
    path.write_text(path.read_text().replace("batch = 32", "batch = 1000000000"))
    result = call("resume", str(tmp_path / "run"), "-q")
    assert "batch is 1,000,000,000, and there are 192 training examples" in result.stderr


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\0" * 100, b"[" * 100_000, b"#" * (2 << 20)])
def test_no_configuration_at_all(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "config.toml").write_bytes(data)
    with pytest.raises(UsageError, match=r"TOML|UTF-8|larger"):
        read_config(tmp_path / "config.toml")


def test_keywords_are_checked_as_files_are() -> None:
    with pytest.raises(UsageError, match="epochs must be a whole number of at least 1, not 0"):
        checked(TrainingChoice, {"epochs": 0})
    with pytest.raises(UsageError, match="`epoch` is not known here; did you mean `epochs`"):
        checked(TrainingChoice, {"epoch": 1})


def test_types_in_words() -> None:
    assert described(tuple[str, ...]) == "a list of texts"
    assert described(dict[str, int | str]) == "a table of whole numbers or texts"
    assert described(bool | None) == "true or false"
