"""The documentation is true: its specs, shapes, messages, code, commands and links."""

import re
import shlex
from pathlib import Path

import click
import pytest

from cnndsl.cli import COMMANDS, main
from cnndsl.diagnostics import Diagnostic, SpecError
from cnndsl.elaborate import files, program, scope, steps
from cnndsl.network import Network, Step
from cnndsl.resources import zoo_names
from cnndsl.source import Source
from cnndsl.specs import load
from cnndsl.syntax import limits
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write
from docs.build_layers import REFERENCE, reference
from docs.build_outputs import message
from docs.pages import (
    PAGES,
    ROOT,
    Block,
    anchors,
    announced,
    blocks,
    commands,
    links,
    prose,
    same_output,
    spec,
)
from docs.play import play
from tests.support import peers

SPECS = [b for page in PAGES for b in blocks(page, "cnn") if "prelude" not in b.words]
VALID = [block for block in SPECS if block.option("error") is None]
WRONG = [block for block in SPECS if block.option("error") is not None]
MESSAGES = [
    block
    for page in PAGES
    for block in blocks(page, "text")
    if block.preceding and block.preceding.option("error")
]
CONSOLES = [block for page in PAGES for block in blocks(page, "console")]
GENERATED = {ROOT / "docs" / "benchmarks.md"}  # by `make bench`, which takes its time
PLAYED = [page for page in PAGES if any(block.runs for block in blocks(page))]


def by_name(value: object) -> str | None:
    if isinstance(value, Path):
        return str(value.relative_to(ROOT))
    return value.name if isinstance(value, Block) else None


def loaded(block: Block) -> tuple[Network, list[Diagnostic]]:
    return load(Source("net.cnn", spec(block)))


# Specs


@pytest.mark.parametrize("block", VALID, ids=by_name)
def test_specs_are_valid(block: Block) -> None:
    _, warnings = loaded(block)
    expected = block.option("warning")
    assert [w.code for w in warnings] == ([expected] if expected else [])


@pytest.mark.parametrize("block", VALID, ids=by_name)
def test_specs_are_in_canonical_form(block: Block) -> None:
    text = spec(block)
    assert write(parse(Source("net.cnn", text))) == text


@pytest.mark.parametrize("block", VALID, ids=by_name)
def test_shapes_in_comments_are_right(block: Block) -> None:
    network, _ = loaded(block)
    for number, line in enumerate(spec(block).split("\n"), 1):
        shown = re.findall(r"(?<=[ ,])\d*@\S+", line.partition("#")[2])
        if shown:
            made = [str(step.output) for step in network.steps if number in lines_of(step)]
            assert made, f"{line}: no layer comes from here"
            assert made[-1] == shown[-1], f"{line}: it makes {made[-1]}"


def lines_of(step: Step) -> set[int]:
    """The lines of the block that a step comes from: its own, and the calls that led to it."""
    spans = (step.origin.span, *step.origin.frames)
    return {span.line for span in spans if span.source.name == "net.cnn"}


@pytest.mark.parametrize("block", WRONG, ids=by_name)
def test_wrong_specs_give_the_errors_announced(block: Block) -> None:
    with pytest.raises(SpecError) as caught:
        loaded(block)
    codes = [diagnostic.code for diagnostic in caught.value.diagnostics]
    assert ",".join(codes) == block.option("error")


@pytest.mark.parametrize("block", MESSAGES, ids=by_name)
def test_messages_shown_are_those_of_today(block: Block) -> None:
    assert block.preceding is not None
    assert block.text == message(block.preceding), "`make docs` writes it anew"


# Code and commands


@pytest.mark.parametrize("page", PLAYED, ids=by_name)
def test_code_runs_and_prints_what_the_page_says(page: Path, tmp_path: Path) -> None:
    if page.name == "search.md":
        peers.optuna()
    played = play(page, tmp_path)
    assert played.lines == announced(page)
    for block in blocks(page, "console"):
        for number, command in enumerate(commands(block)):
            text = played.outputs.get((block.line, number))
            if text is not None and command.output:
                shown = same_output(command.output, text)
                assert shown, f"{block.name}: {command.words} (`make docs` writes it anew)\n{text}"


@pytest.mark.parametrize("block", CONSOLES, ids=by_name)
def test_commands_and_options_exist(block: Block) -> None:
    for command in commands(block):
        if command.arguments is None:
            check_program(command.words)
            continue
        with click.Context(main) as context:
            name, found, arguments = main.resolve_command(context, command.arguments)
            assert found is not None, f"there is no {name}"
            found.make_context(name, arguments, parent=context, resilient_parsing=False)


def check_program(words: str) -> None:
    """`make demo` and the like: the Makefile has the target."""
    program, *arguments = shlex.split(words, comments=True)
    if program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = [a for a in arguments if "=" not in a]
        assert all(re.search(f"^{t}:", makefile, re.M) for t in targets), words
    else:
        assert program in ("pip", "source", "python", "git", "cd"), words


def options(command: str) -> list[set[str]]:
    """The options of a command, and of the commands within it, each by all its names."""
    context = click.Context(main)
    found = main.get_command(context, command)
    assert found is not None
    group = found if isinstance(found, click.Group) else click.Group()
    within = [c for name in group.list_commands(context) if (c := group.get_command(context, name))]
    parameters = [p for c in (found, *within) for p in c.params if isinstance(p, click.Option)]
    return [{*p.opts, *p.secondary_opts} for p in parameters]


@pytest.mark.parametrize("command", ["report", "compile", "run", "explain"])
def test_a_commands_page_tells_all_its_options(command: str) -> None:
    page = (ROOT / "docs" / f"{command}.md").read_text(encoding="utf-8")
    told = set(re.findall(r"(?<=[ `])--?[a-z-]+", page))
    assert not [names for names in options(command) if not names & told]


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_options_named_in_a_page_exist(page: Path) -> None:
    named = set(re.findall(r"(?<=[ `])--[a-z-]+", re.sub(r"`(pip|python) [^`]*`", "", prose(page))))
    known = {name for command in COMMANDS for names in options(command) for name in names}
    assert named <= known | {"--help", "--version"}


# Pages


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        if file in GENERATED:
            continue
        assert file.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(file), f"{link}: {file.name} has no such heading"


def test_index_links_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link).resolve() for link in links(index)}
    missing = {page for page in (ROOT / "docs").glob("*.md") if page not in linked | {index}}
    assert not missing


def test_the_limits_told_are_those_in_force() -> None:
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    told = re.findall(r"[\d,]*\d", page.partition("## Limits")[2])
    numbers = (
        *(limits.MAX_CHARACTERS, limits.MAX_LINE, limits.MAX_DEPTH, limits.MAX_PARENTHESES),
        *(limits.MAX_OPERATORS, limits.MAX_DIGITS, files.MOST_FILES, scope.MOST_BODIES),
        *(steps.MOST_STEPS, scope.MOST_WORK, scope.LONGEST_NAME),
        *(scope.MOST_FINDINGS, program.MOST_AXES),
    )
    assert {f"{number:,}" for number in numbers} <= set(told)


def test_readme_lists_the_whole_zoo() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("| family | nets |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z]\w*)`", table)) == set(zoo_names())


def test_the_reference_of_layers_is_up_to_date() -> None:
    assert reference() == REFERENCE.read_text(encoding="utf-8"), "`make docs` writes it anew"
