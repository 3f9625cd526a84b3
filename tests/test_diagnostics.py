"""Every diagnostic is explained, by a spec that is wrong in this way and one that is right."""

import ast
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cnndsl import specs
from cnndsl.cli import main
from cnndsl.cli.explain import blocks, printed
from cnndsl.explanations import Explanation, Word, expanded, explanations, options, words
from cnndsl.layers import LAYERS
from cnndsl.source import Source
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write
from docs.build_diagnostics import PAGE, page
from tests.support.golden import Golden, golden_names

PACKAGE = Path(specs.__file__).parent
CODE = re.compile(r"[a-z]+(-[a-z]+)+")
MAKERS = {"Diagnostic", "ShapeError"}
ALL_KEBAB_CASE_IS_CODES = ("syntax", "elaborate", "layers")
"""Packages that pass codes on through functions of their own."""

EXPLANATIONS = list(explanations().values())
WORDS = list(words().values())


def by_name(value: object) -> str | None:
    if isinstance(value, Explanation):
        return value.code
    return value.name if isinstance(value, Word) else None


def codes_in(path: Path) -> set[str]:
    """The codes that a module gives to diagnostics."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes: list[ast.AST] = [tree]
    if path.relative_to(PACKAGE).parts[0] not in ALL_KEBAB_CASE_IS_CODES:
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
        nodes = [a for c in calls if called(c) in MAKERS for a in c.args[:1]]
    constants = [n for root in nodes for n in ast.walk(root) if isinstance(n, ast.Constant)]
    texts = [c.value for c in constants if isinstance(c.value, str)]
    return {text for text in texts if CODE.fullmatch(text)}


def called(call: ast.Call) -> str | None:
    return getattr(call.func, "id", None) or getattr(call.func, "attr", None)


def test_every_code_is_explained_and_none_too_many() -> None:
    used = set().union(*(codes_in(path) for path in PACKAGE.rglob("*.py")))
    assert set(explanations()) == used


def test_every_explanation_has_its_golden_file() -> None:
    assert golden_names("diagnostics") == sorted(f"diagnostics/{code}" for code in explanations())


@pytest.mark.parametrize("explanation", EXPLANATIONS, ids=by_name)
def test_what_the_wrong_spec_prints(explanation: Explanation, golden: Golden) -> None:
    golden(f"diagnostics/{explanation.code}", explanation.wrong, printed)
    found = re.findall(r"^(error|warning)\[([a-z-]+)\]", printed(explanation.wrong), re.MULTILINE)
    assert [code for _, code in found] == [explanation.code]


@pytest.mark.parametrize("explanation", EXPLANATIONS, ids=by_name)
def test_the_right_spec_is_right(
    explanation: Explanation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(explanation.right, tmp_path, monkeypatch)


@pytest.mark.parametrize("word", WORDS, ids=by_name)
def test_examples_of_words_are_right(
    word: Word, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(word.example, tmp_path, monkeypatch)


def check(spec: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The spec has no error and no warning, and is in canonical form but for its version."""
    monkeypatch.chdir(folder)
    (folder / "blocks.cnn").write_text("def block(): relu\n")
    (folder / "net.cnn").write_text(spec)
    result = CliRunner().invoke(main, ["check", "net.cnn", *options(spec).split()])
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    written = write(parse(Source("net.cnn", spec)))
    assert written.removeprefix("cnndsl 1\n") == spec.removeprefix("cnndsl 1\n")


@pytest.mark.parametrize("explanation", EXPLANATIONS, ids=by_name)
def test_explanations_are_sentences(explanation: Explanation) -> None:
    text = " ".join(explanation.text.split())
    assert re.fullmatch(r"[A-Z`].*[.]", text) and len(text) > 60


@pytest.mark.parametrize("name", golden_names("diagnostics"))
def test_messages_read_well(name: str) -> None:
    """A clause without a full stop, then where, then what to do."""
    text = (Path(__file__).parent / "golden" / f"{name}.txt").read_text(encoding="utf-8")
    message, *rest = text.partition("=== result\n")[2].rstrip("\n").split("\n")
    head, _, said = message.partition(": ")
    assert head.endswith("]") and said and said[-1] not in ".!"
    assert re.fullmatch(r"  --> net\.cnn:\d+:\d+", rest[0])
    assert re.fullmatch(r" +\| *\t*\^+", rest[2])
    assert any(line.startswith("  help: ") for line in rest), "it says what to do"


def explain(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["explain", *arguments])
    return result.exit_code, result.output


def test_a_codes_explanation_shows_both_specs_and_what_is_printed() -> None:
    status, text = explain("residual-shape-mismatch")
    assert status == 0
    assert "must have the same shape" in text
    assert "    residual relu:\n" in text and "    residual project relu:\n" in text
    assert "      help: write `residual project relu:` to project the skip" in text


@pytest.mark.parametrize("code", ["error[unknown-word]", "[unknown-word]:", "`unknown-word`"])
def test_a_code_may_be_copied_with_its_marks(code: str) -> None:
    assert explain(code) == explain("unknown-word")
    assert explain(code)[0] == 0


@pytest.mark.parametrize("word", sorted(LAYERS))
def test_a_layers_page_tells_its_arguments_and_examples(word: str) -> None:
    status, text = explain(word)
    assert status == 0
    layer = LAYERS[word]
    for name in layer.arguments():
        assert re.search(rf"^  {name} ", text, re.MULTILINE)
    for example in layer.examples:
        assert re.search(rf"^  {re.escape(example.text)}  ", text, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(blocks()))
def test_a_block_of_the_prelude_is_shown_as_it_is_written(name: str) -> None:
    status, text = explain(name)
    assert status == 0 and f"\ndef {name}(" in text


def test_the_lists_are_complete() -> None:
    assert all(f"\n  {name} " in explain("layers")[1] for name in (*LAYERS, *words(), *blocks()))
    assert all(f"\n{code} " in f"\n{explain('codes')[1]}" for code in explanations())
    assert explain() == explain("layers")


def test_an_unknown_word_has_a_suggestion() -> None:
    status, text = explain("residual-shape-missmatch")
    assert (status, text) == (
        1,
        "error: `residual-shape-missmatch` is no code, no layer and no word of the language; "
        "did you mean `residual-shape-mismatch`?\n",
    )


def test_long_specs_are_written_out_only_when_read() -> None:
    assert len(expanded("relu … (and 10,000 characters more)\n")) > 10_000
    assert expanded("relu\n") == "relu\n"


def test_the_page_of_diagnostics_is_up_to_date() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "`make docs` writes it anew"
