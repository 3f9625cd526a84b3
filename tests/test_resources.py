"""Grammar, prelude and zoo are found in a repository and in an installed wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cnndsl import resources

REPOSITORY = Path(__file__).resolve().parents[1]


def test_a_repository_reads_its_own_files() -> None:
    assert resources.grammar_text() == (REPOSITORY / "grammars/cnn.lark").read_text()
    assert resources.prelude_path() == REPOSITORY / "grammars/prelude.cnn"
    assert resources.prelude_text() == resources.prelude_path().read_text()
    assert resources.zoo_path("vgg16") == REPOSITORY / "zoo/vgg16.cnn"


def test_zoo_names_come_in_a_readers_order() -> None:
    names = resources.zoo_names()
    assert names.index("resnet50") < names.index("resnet101") < names.index("vgg11")
    assert set(names) == {path.stem for path in (REPOSITORY / "zoo").glob("*.cnn")}


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(LookupError, match=r"did you mean .*vgg16"):
        resources.zoo_path("vgg61")
    with pytest.raises(LookupError, match=r"no net called '\.\./secret'$"):
        resources.zoo_path("../secret")


@pytest.mark.slow
def test_a_wheel_carries_grammars_and_zoo(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = "from cnndsl import resources as r; print(r.zoo_path('vgg16'), len(r.prelude_text()))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "site",
        env={"PYTHONPATH": str(tmp_path / "site")},
        check=True,
        capture_output=True,
        text=True,
    )
    path, length = result.stdout.split()
    assert Path(path) == tmp_path / "site/cnndsl/zoo/vgg16.cnn"
    assert int(length) == len(resources.prelude_text())
