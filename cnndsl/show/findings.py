"""Diagnostics for other programs: SARIF, which editors and code scanning read, and annotations of
GitHub's workflows.

SARIF is version 2.1.0 (OASIS 2020, Static Analysis Results Interchange Format). Lines and columns
count from 1, columns in Unicode characters, and ends are exclusive, in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from cnndsl.diagnostics import Diagnostic, Edit, Severity
from cnndsl.explanations import Explanation
from cnndsl.linting import pages
from cnndsl.printing import encodable, json_text, printable
from cnndsl.source import Span

Findings = Sequence[tuple[str, Sequence[Diagnostic]]]
"""Specs as they were called, and what was found in each."""

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "advice": "note"}
COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "advice": "notice"}


def sarif(findings: Findings) -> str:
    """A log of one run, with a page for each code that was found."""
    found = {d.code: d for _, diagnostics in findings for d in diagnostics}
    codes = sorted(found)
    known = pages()
    rules = [_rule(code, found[code].severity, known.get(code)) for code in codes]
    driver = {"name": "cnndsl", "version": version("cnndsl"), "rules": rules}
    results = [
        _result(spec, diagnostic, codes.index(diagnostic.code))
        for spec, diagnostics in findings
        for diagnostic in diagnostics
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def github(findings: Findings) -> str:
    """A workflow command for each diagnostic, a line each: it shows them at their lines in a pull
    request.
    """
    return "\n".join(
        _annotation(spec, diagnostic)
        for spec, diagnostics in findings
        for diagnostic in diagnostics
    )


def _rule(code: str, severity: Severity, page: Explanation | None) -> dict[str, object]:
    text = " ".join(page.text.split()) if page else code
    rule: dict[str, object] = {
        "id": code,
        "shortDescription": {"text": text.partition(". ")[0].rstrip(".") + "."},
        "fullDescription": {"text": text},
        "defaultConfiguration": {"level": LEVELS[severity]},
    }
    if page:
        rule["help"] = {"text": f"{text}\n\nWrong:\n\n{page.wrong}\nRight:\n\n{page.right}"}
    return rule


def _result(spec: str, diagnostic: Diagnostic, index: int) -> dict[str, object]:
    text = ". ".join(part for part in (diagnostic.message, diagnostic.help) if part)
    result: dict[str, object] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": LEVELS[diagnostic.severity],
        "message": {"text": text},
        "locations": [_location(spec, diagnostic.span)],
    }
    if diagnostic.frames:
        frames = (_location(spec, frame) for frame in diagnostic.frames)
        result["relatedLocations"] = [{**f, "message": {"text": "from here"}} for f in frames]
    if diagnostic.edits:
        result["fixes"] = [_fix(diagnostic)]
    return result


def _location(spec: str, span: Span | None) -> dict[str, object]:
    """A place; of what can't be read, the file."""
    if span is None:
        return {"physicalLocation": {"artifactLocation": {"uri": _uri(spec)}}}
    file = {"uri": _uri(span.source.name)}
    return {"physicalLocation": {"artifactLocation": file, "region": _region(span)}}


def _fix(diagnostic: Diagnostic) -> dict[str, object]:
    """The edits, which are of one file."""
    file = {"uri": _uri(diagnostic.edits[0].span.source.name)}
    change = {"artifactLocation": file, "replacements": [_replacement(e) for e in diagnostic.edits]}
    return {"description": {"text": diagnostic.help}, "artifactChanges": [change]}


def _replacement(edit: Edit) -> dict[str, object]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}


def _region(span: Span) -> dict[str, int]:
    region = span.region
    return {
        "startLine": region["line"],
        "startColumn": region["column"],
        "endLine": region["end_line"],
        "endColumn": region["end_column"],
    }


def _uri(name: str) -> str:
    """A file's name as a URI, relative to where the command runs where the name is."""
    path = Path(encodable(name))
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _annotation(spec: str, diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    properties = {"title": f"cnndsl ({diagnostic.code})"}
    properties["file"] = spec if span is None else span.source.name
    if span is not None:
        place = span.region
        properties |= {"line": str(place["line"]), "endLine": str(place["end_line"])}
        if place["line"] == place["end_line"]:  # columns are for a single line alone
            properties |= {"col": str(place["column"]), "endColumn": str(place["end_column"])}
    listed = ",".join(f"{key}={_escaped(text, ':,')}" for key, text in properties.items())
    text = "\n".join(part for part in (diagnostic.message, diagnostic.help) if part)
    return f"::{COMMANDS[diagnostic.severity]} {listed}::{_escaped(text)}"


def _escaped(text: str, also: Iterable[str] = ()) -> str:
    """Text as workflow commands hold it: in one line, and where a sign would end it, by number."""
    for sign in ("%", "\r", "\n", *also):
        text = text.replace(sign, f"%{ord(sign):02X}")
    return printable(text)
