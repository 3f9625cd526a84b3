"""Findings for other programs: SARIF as its schema wants it, and GitHub's annotations."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.diagnostics import Diagnostic
from cnndsl.linting import RULES, lint
from cnndsl.show.findings import github, sarif
from cnndsl.source import Source, Span
from tests.support.specs import NAME, with_input


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    """An object's schema: SARIF's objects have no properties beyond those of the standard."""
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


# What SARIF 2.1.0's schema says about the parts that are written here (OASIS 2020, section 3).
TEXT = closed(["text"], text={"type": "string", "minLength": 1})
NUMBER = {"type": "integer", "minimum": 1}
REGION = closed(
    ["startLine"], startLine=NUMBER, startColumn=NUMBER, endLine=NUMBER, endColumn=NUMBER
)
FILE = closed([], uri={"type": "string", "pattern": r"^[A-Za-z0-9._~/%:+-]+$"})
LOCATION = closed(
    [],
    physicalLocation=closed(["artifactLocation"], artifactLocation=FILE, region=REGION),
    message=TEXT,
)
REPLACEMENT = closed(
    ["deletedRegion"],
    deletedRegion=REGION,
    insertedContent=closed([], text={"type": "string"}),
)
CHANGE = closed(
    ["artifactLocation", "replacements"],
    artifactLocation=FILE,
    replacements={"type": "array", "minItems": 1, "items": REPLACEMENT},
)
FIX = closed(
    ["artifactChanges"],
    description=TEXT,
    artifactChanges={"type": "array", "minItems": 1, "items": CHANGE},
)
LEVEL = {"enum": ["none", "note", "warning", "error"]}
RESULT = closed(
    ["message"],
    ruleId={"type": "string"},
    ruleIndex={"type": "integer", "minimum": -1},
    level=LEVEL,
    message=TEXT,
    locations={"type": "array", "items": LOCATION},
    relatedLocations={"type": "array", "uniqueItems": True, "items": LOCATION},
    fixes={"type": "array", "uniqueItems": True, "items": FIX},
)
RULE = closed(
    ["id"],
    id={"type": "string"},
    shortDescription=TEXT,
    fullDescription=TEXT,
    help=TEXT,
    defaultConfiguration=closed([], level=LEVEL),
)
DRIVER = closed(
    ["name"],
    name={"type": "string"},
    version={"type": "string"},
    rules={"type": "array", "uniqueItems": True, "items": RULE},
)
RUN = closed(
    ["tool"],
    tool=closed(["driver"], driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results={"type": "array", "items": RESULT},
)
LOG = closed(
    ["version", "runs"],
    **{"$schema": {"type": "string"}},
    version={"enum": ["2.1.0"]},
    runs={"type": "array", "minItems": 1, "items": RUN},
)


def found(text: str, name: str = NAME) -> list[tuple[str, list[Diagnostic]]]:
    return [(name, lint(Source(name, text)))]


def logged(findings: list[tuple[str, list[Diagnostic]]]) -> dict[str, Any]:
    """The one run of a log that fits the schema."""
    log = json.loads(sarif(findings))
    jsonschema.validate(log, LOG)
    return log["runs"][0]


@pytest.mark.parametrize("code", RULES)
def test_the_log_of_every_advice(code: str) -> None:
    run = logged(found(RULES[code].explanation().wrong))
    (rule,), (result,) = run["tool"]["driver"]["rules"], run["results"]
    assert rule["id"] == result["ruleId"] == code
    assert (result["ruleIndex"], result["level"]) == (0, "note")
    assert rule["help"]["text"].startswith(rule["fullDescription"]["text"])


def test_places_calls_and_fixes() -> None:
    body = "def f(n): conv 3x3 n s2\nf 8\nrelu relu\nfc 3\noutput fc1"
    run = logged(found(with_input(body), "nets/a b.cnn"))
    first, second = run["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "nets/a%20b.cnn"
    assert place["region"] == {"startLine": 3, "startColumn": 11, "endLine": 3, "endColumn": 15}
    (call,) = first["relatedLocations"]
    assert call["physicalLocation"]["region"]["startLine"] == 4
    ((replacement,),) = [c["replacements"] for c in second["fixes"][0]["artifactChanges"]]
    assert replacement["insertedContent"]["text"] == ""
    assert replacement["deletedRegion"]["startColumn"] == 5


def test_errors_and_warnings_and_files_that_cannot_be_read() -> None:
    warned = found(with_input("pool 3x3\noutput pool1"))
    findings = [
        *warned,
        *found("input x 3@8x8\ncnov 3x3\n", "/tmp/b.cnn"),
        ("no such", [Diagnostic("unreadable-file", "there is no file `no such`")]),
        ("fine.cnn", []),
    ]
    results = logged(findings)["results"]
    assert [r["level"] for r in results] == ["warning", "note", "error", "error"]
    files = [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results]
    assert files == [NAME, NAME, "file:///tmp/b.cnn", "no%20such"]
    assert logged([("fine.cnn", [])])["results"] == []


def test_annotations() -> None:
    findings = [
        *found("input x 3@8x8\ncnov 3x3\n", "a,b.cnn"),
        ("no", [Diagnostic("unreadable-file", "100 %\nwrong")]),
    ]
    assert github(findings) == (
        "::error title=cnndsl (unknown-layer),file=a%2Cb.cnn,line=2,endLine=2,col=1,endColumn=5"
        "::there is no layer `cnov`%0Adid you mean `conv`?\n"
        "::error title=cnndsl (unreadable-file),file=no::100 %25%0Awrong"
    )
    assert github([("fine.cnn", [])]) == ""


@given(st.text(max_size=20), st.text(min_size=1, max_size=20), st.text(max_size=9))
def test_any_name_and_text_stays_in_its_place(text: str, name: str, help: str) -> None:
    span = Span(Source(name, text), 0, len(text))
    diagnostic = Diagnostic("some-code", f"said {text}", span, help, "warning")
    logged([(name, [diagnostic])])
    lines = github([(name, [diagnostic])])
    assert len(lines.splitlines()) == 1 and lines.startswith("::warning title=cnndsl (some-code),")
