"""No text whatever ends in a traceback, or takes long."""

from hypothesis import given, settings

from cnndsl.network import Network
from tests.fuzz.judge import comes_back, judge
from tests.fuzz.strategies import mostly_right, soups, spoilt, texts


@given(texts)
def test_characters(text: str) -> None:
    judge(text)


@given(soups)
def test_soups_of_tokens(text: str) -> None:
    judge(text)


@given(soups)
def test_soups_below_an_input(text: str) -> None:
    judge(f"net A(n=2, k=3)\ninput image 3@16x16\n{text}")


@settings(max_examples=200)
@given(mostly_right())
def test_specs_that_are_mostly_right(text: str) -> None:
    outcome = judge(text)
    if isinstance(outcome, Network):
        comes_back(outcome)


@given(spoilt())
def test_spoilt_nets_of_the_zoo(text: str) -> None:
    judge(text)
