"""Whatever a text says, the linter answers: with advice, or with the errors of `check`."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnndsl.diagnostics import SpecError
from cnndsl.layers import LAYERS
from cnndsl.linting import lint
from cnndsl.linting.fixing import fix
from cnndsl.linting.meaning import meaning
from cnndsl.source import Source
from cnndsl.specs import find, load
from tests.support.faulty_specs import FAULTY, FINE
from tests.support.specs import NAME, with_input

EXAMPLES = [example.text for layer in LAYERS.values() for example in layer.examples]
LINES = [
    *EXAMPLES,
    *(line for text in (*FAULTY, *FINE) for line in text.split("\n") if not line.startswith(" ")),
    "residual project relu:",
    "    conv 3x3 8 p1 relu relu",
    "    relu relu from image",
    "concat:",
    "    | skip",
    "    | relu -> relu",
    "a: relu relu if 1",
    "output a",
    "reuse a",
    "relu  # noqa: redundant-layer, no-such",
    'use "other.cnn"',
    "let relu2 = C",
]
INPUTS = ["3@32x32", "1@8x8", "@16", "2@HxW", "4@4x6x6", "1@100", "3@1x1"]


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=8), st.sampled_from(INPUTS))
def test_lint_never_raises(lines: list[str], shape: str) -> None:
    source = Source(NAME, with_input("\n".join(lines), shape))
    try:
        before, _ = load(source)
    except SpecError as e:
        assert lint(source) == list(e.diagnostics)
        assert fix(source).source is source
        return
    assert all(d.severity != "error" for d in lint(source))
    assert meaning(load(fix(source).source)[0]) == meaning(before)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='net input x3@8 relu->conv|:#\n*=()"{}', max_size=60))
def test_any_text_is_answered(text: str) -> None:
    source = Source(NAME, text)
    found = lint(source)
    try:
        load(source)
    except SpecError as e:
        assert found == list(e.diagnostics)
        assert fix(source).left == e.diagnostics


def test_a_deep_net_takes_little_time() -> None:
    source = find("resnet152")
    lint(source)
    start = time.process_time()
    lint(source)
    assert time.process_time() - start < 0.3


@pytest.mark.parametrize(
    "line",
    [
        "conv 3x3 4 p1 relu relu *{n}",
        "add image *{n}",
        "relu *{n}",
        "pool 1x1 -> relu *{n}",
        "conv 1x1 4\nbn *{n}\nconv 1x1 4",
        "dropout 0.5 *{n}\nbn *{n}",
        "a: relu\nb: relu from image\nadd a *{n}",
    ],
)
def test_time_grows_as_the_net_does(line: str) -> None:
    def taken(count: int) -> float:
        source = Source(NAME, with_input(line.format(n=count)))
        start = time.process_time()
        lint(source)
        return time.process_time() - start

    taken(10)
    small, large = max(min(taken(300), taken(300)), 0.02), taken(3000)
    assert large < 25 * small
