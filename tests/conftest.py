"""Options, fixtures and profiles for all tests."""

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, settings

from cnndsl.cli import guard
from tests.support.data import DATA
from tests.support.golden import Golden

# The same examples in every run, so that a red test is red for everybody. To search further:
# HYPOTHESIS_PROFILE=explore pytest tests/…
_SLOW_IS_FINE = [HealthCheck.too_slow]
settings.register_profile(
    "ci", deadline=None, derandomize=True, print_blob=True, suppress_health_check=_SLOW_IS_FINE
)
settings.register_profile(
    "explore", deadline=None, max_examples=2000, suppress_health_check=_SLOW_IS_FINE
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the golden files anew instead of comparing with them",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a peer or data that this machine lacks, and say why."""
    missing = {}
    if importlib.util.find_spec("torch") is None:
        missing["torch"] = pytest.mark.skip(reason="torch is not installed: `make peers` does it")
    if not DATA.is_dir():
        missing["data"] = pytest.mark.skip(
            reason=f"no real data at {DATA} (set CNNDSL_TEST_DATA to its folder)"
        )
    for item in items:
        for marker, skip in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def no_bug(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command that ends at the last guard fails its test, whatever exit status that expects."""
    found: list[Exception] = []
    say = guard.unforeseen

    def unforeseen(error: Exception, arguments: Sequence[str]) -> int:
        found.append(error)
        return say(error, arguments)

    monkeypatch.setattr(guard, "unforeseen", unforeseen)
    yield
    if found:
        raise AssertionError("a command ended at the last guard") from found[0]


@pytest.fixture
def untraced() -> Iterator[None]:
    """What is timed is not traced: coverage would take more time than what is measured.

    pytest-cov's own marker stops one of the two tracers that a process of xdist has.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare with a golden file; see tests/support/golden.py.

    `golden("diagnostics/unknown-word", source, render)` compares `render(source)` with the result
    that tests/golden/diagnostics/unknown-word.txt holds below the same source; `source=None` takes
    the source from the file.
    """
    return Golden(update=request.config.getoption("--update-golden"))


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home folder, as in some containers."""

    def unknown(number: int) -> object:
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
