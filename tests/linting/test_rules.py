"""Every rule has a page, and two examples that are what they say; fixes leave the net as it is."""

from __future__ import annotations

import re

import pytest

from cnndsl.explanations import explanations
from cnndsl.linting import RULES, lint, pages
from cnndsl.linting.fixing import fix
from cnndsl.linting.rule import Rule
from cnndsl.source import Source
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write
from docs.build_lint import PAGE, page
from tests.support.specs import NAME


def by_code(value: object) -> str | None:
    return value.code if isinstance(value, Rule) else None


every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=by_code)


@every_rule
def test_the_wrong_spec_has_this_finding_alone(rule: Rule) -> None:
    (found,) = lint(Source(NAME, rule.explanation().wrong))
    assert (found.code, found.severity) == (rule.code, "advice")
    assert found.message[-1] not in ".!" and found.help and found.span
    assert len(found.message) <= 120 and len(found.help) <= 120


@every_rule
def test_nothing_is_said_about_the_right_spec(rule: Rule) -> None:
    assert lint(Source(NAME, rule.explanation().right)) == []


@every_rule
def test_a_fix_makes_the_right_spec_of_the_wrong_one(rule: Rule) -> None:
    page = rule.explanation()
    source = Source(NAME, page.wrong)
    fixed = fix(source)
    if lint(source)[0].edits:
        assert (fixed.source.text, fixed.left) == (page.right, ())
    else:
        assert (fixed.source.text, fixed.mended) == (page.wrong, ())


@every_rule
def test_examples_are_in_canonical_form(rule: Rule) -> None:
    page = rule.explanation()
    for text in (page.wrong, page.right):
        assert write(parse(Source(NAME, text))) == text


@every_rule
def test_a_comment_silences_it(rule: Rule) -> None:
    if rule.code == "unused-noqa":
        return  # `unused-noqa` on the same line would be found unused itself
    source = Source(NAME, rule.explanation().wrong)
    (found,) = lint(source)
    assert found.span is not None
    lines = source.text.split("\n")
    lines[found.span.line - 1] += f"  # noqa: {rule.code} (it is meant)"
    assert lint(Source(NAME, "\n".join(lines))) == []


def test_pages_are_sentences_under_codes_of_their_own() -> None:
    assert not set(RULES) & set(explanations())
    assert set(pages()) == set(RULES) | set(explanations())
    for code in RULES:
        explained = pages()[code]
        assert re.fullmatch("[a-z]+(-[a-z]+)+", code)
        text = " ".join(explained.text.split())
        assert re.fullmatch(r"[A-Z`].*[.]", text) and len(text) > 60


def test_the_page_of_advice_is_up_to_date() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "`make docs` writes it anew"
