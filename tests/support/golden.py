"""Golden files: source and expected result in one text file under tests/golden/, so that a reader
sees both, and a change of either shows in the diff.

    cnndsl 1
    net Tiny
    …
    === result
    what the tested stage makes of it

`pytest --update-golden` writes the files anew; read their diff as prose before accepting it.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
SEPARATOR = "=== result\n"


def golden_names(stage: str) -> list[str]:
    """The names, such as `diagnostics/unknown-word`, of all golden files of a stage."""
    return sorted(f"{stage}/{path.stem}" for path in (GOLDEN / stage).glob("*.txt"))


def golden_source(name: str) -> str:
    """The source that a golden file holds above its separator."""
    return (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").partition(SEPARATOR)[0]


class Golden:
    """Compares `render(source)` with the file `name`; see the fixture `golden`."""

    def __init__(self, update: bool) -> None:
        self.update = update

    def __call__(self, name: str, source: str | None, render: Callable[[str], str]) -> None:
        """With `source=None`, the source is the one in the file."""
        path = GOLDEN / f"{name}.txt"
        if source is None:
            source = golden_source(name)
        elif not source.endswith("\n"):
            source += "\n"
        found = f"{source}{SEPARATOR}{render(source).rstrip()}\n"
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found, encoding="utf-8")
        elif not path.exists():
            pytest.fail(f"no golden file {path}; `pytest --update-golden` writes it")
        assert found == path.read_text(encoding="utf-8"), f"{path} says otherwise"
