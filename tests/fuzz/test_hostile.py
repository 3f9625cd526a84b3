"""Specs that are meant to keep the computer busy: each soon meets a limit that says its number."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from cnndsl.analyse import analyse
from cnndsl.diagnostics import SpecError
from cnndsl.elaborate.scope import MOST_BODIES
from cnndsl.source import Source
from cnndsl.specs import load
from tests.fuzz.hostile import HEAD, HOSTILE, LARGE, nested
from tests.fuzz.judge import MOST_SECONDS, judge
from tests.support.specs import network

MOST_BYTES = 80_000_000


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("text, code, said", HOSTILE.values(), ids=HOSTILE)
def test_a_limit_is_met_soon(text: str, code: str, said: str) -> None:
    found = judge(text)
    assert isinstance(found, tuple)
    assert found[0].code == code and said in found[0].message, found[0].render()


def test_what_is_quoted_is_cut() -> None:
    """A word may be as long as its line."""
    nines, letters = "9" * 3000, "a" * 3000
    (_, version) = judge(f"cnndsl {nines}\ninput x 3@8x8\nrelu\n")
    assert version.message == f"version {'9' * 60}… of the language isn't known"
    (name,) = judge(f"{HEAD}let {letters}.9 = 3\nrelu\n")
    assert name.message == f"`{'a' * 60}…` isn't a name"


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("text, layers", LARGE.values(), ids=LARGE)
def test_what_stays_within_the_limits_is_read_soon(text: str, layers: int) -> None:
    start = time.process_time()
    net = network(text)
    assert len(net.steps) == layers
    assert time.process_time() - start < MOST_SECONDS
    analyse(net)
    assert time.process_time() - start < 2 * MOST_SECONDS


HUNGRY = (
    *("a repeated line", "reuse of a long line", "many arguments, repeated", "conditions"),
    *("variables in bodies", "a long file", "a large input", "suggestions among many labels"),
    *("layers", "branches", "heads", "values to merge"),
)


@pytest.mark.slow
@pytest.mark.parametrize("case", HUNGRY)
def test_it_takes_little_memory(case: str) -> None:
    text = (HOSTILE | LARGE)[case][0]
    tracemalloc.start()
    try:
        load(Source("net.cnn", text))
    except SpecError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < MOST_BYTES


def test_no_depth_of_stack_is_needed_for_what_is_read() -> None:
    """Bodies, parentheses and operators at their limits, all at once."""
    value = "(" + "min(1,1+" * 49 + "1" + ")" * 49 + "+1" * 50 + ")"
    tower = "(" + "1**" * 100 + "1)"
    for inner in (f"conv 1x1 {value}", f"conv 1x1 {tower}"):
        judge(HEAD + nested(["residual:"] * (MOST_BODIES - 1), inner))
        branches = "".join(f"{' ' * i}| concat:\n" for i in range(1, MOST_BODIES - 1))
        last = " " * (MOST_BODIES - 1)
        rest = "".join(f"{' ' * i}| skip\n" for i in range(MOST_BODIES - 2, 0, -1))
        judge(f"{HEAD}concat:\n{branches}{last}| {inner}\n{last}| skip\n{rest}")
