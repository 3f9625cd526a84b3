"""Specs: texts of all degrees of wrongness through reading, counting, reports, `lint` and `fmt`."""

from __future__ import annotations

import codecs
import re
import sys
from functools import cached_property
from io import BytesIO, TextIOWrapper
from random import Random

from cnndsl.analyse import analyse
from cnndsl.cli.options import read_inputs, read_settings
from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.linting import lint
from cnndsl.linting.fixing import fix
from cnndsl.linting.meaning import meaning
from cnndsl.network import Network
from cnndsl.resources import prelude_text, zoo_names, zoo_path
from cnndsl.show.columns import as_csv, as_markdown
from cnndsl.show.data import as_json
from cnndsl.show.explain import explain
from cnndsl.show.flat import flat
from cnndsl.show.page import as_page
from cnndsl.show.report import report
from cnndsl.show.terminal import render
from cnndsl.source import Source
from cnndsl.specs import find, load
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write
from docs.pages import PAGES, ROOT, blocks, spec
from tests.fuzz.cases import Case, Kind
from tests.fuzz.grammar import TOKENS, mostly_right, soup
from tests.fuzz.hostile import HOSTILE, LARGE
from tests.fuzz.judge import check_diagnostics, check_network
from tests.fuzz.mutations import ODD, text_changed
from tests.support.golden import golden_names, golden_source

FILE = b"fuzz.cnn"
LONG = 4000
"""Characters above which a spec is one of the large ones."""

MANY = 5000
"""Layers from which on reading, reporting and formatting, one command each, are no single case."""

_UNROLLS = re.compile(r"\*\d{3}|1 2 3 4 5 6 7")
"""What makes a short text a long net."""

SETTINGS = ("n=3", "classes=5", "classes=0", "classes=1e9", "width=64", "k=relu", "x=é", "n=-1")
INPUTS = ("3@64x64", "1@1x1", "image=3@HxW", "x=1@8x8", "@16", "3@1048576x1048576", "q=3@8x8")


class Specs(Kind):
    """Specs of the zoo, of examples, documentation and tests after accidents; specs that a grammar
    draws; soups of tokens; texts that are none; hostile ones.
    """

    name = "specs"
    per_worker = 20_000
    in_files = False

    @cached_property
    def small(self) -> list[str]:
        """The short ones among the specs that people wrote."""
        return [t for t in self._written if len(t) <= LONG and not _UNROLLS.search(t)]

    @cached_property
    def large(self) -> list[str]:
        """The long ones, and all blocks of the prelude beside a net."""
        zoo = [zoo_path(name).read_text(encoding="utf-8") for name in zoo_names()]
        return [
            *(text for text in self._written if len(text) > LONG),
            *zoo,
            *(f"{text}\n{prelude_text()}" for text in zoo),
        ]

    @cached_property
    def _written(self) -> list[str]:
        stages = ("diagnostics", "warnings", "syntax", "fmt")
        names = [name for stage in stages for name in golden_names(stage)]
        found = [
            *(spec(block) for page in PAGES for block in blocks(page, "cnn")),
            *(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("examples/**/*.cnn"))),
            *map(golden_source, names),
        ]
        return sorted({text for text in found if "\n" in text})

    @cached_property
    def hostile(self) -> list[str]:
        """Texts that are meant to keep the computer busy."""
        limits = [text for text in self._written if _UNROLLS.search(text)]
        return limits + [text for text, *_ in (HOSTILE | LARGE).values()]

    def draw(self, random: Random) -> Case:
        chance = random.random()
        if chance < 0.0005:
            text = random.choice(self.hostile)
        elif chance < 0.005:
            text = random.choice(self.large)
        elif chance < 0.65:
            text = random.choice(self.small)
        elif chance < 0.75:
            text = mostly_right(random)
        elif chance < 0.95:
            text = soup(random)
        else:
            text = "".join(
                random.choices([*ODD, *"conv 3x\n->:|@*(){}=\t#"], k=random.randint(0, 200))
            )
        drawn = 0.65 <= chance < 0.75
        for _ in range(random.choice([0, 0, 0, 1, 2] if drawn else [1, 1, 1, 2, 3, 8])):
            text = self._accident(text, random)
        data = text.encode("utf-8", "surrogatepass" if random.random() < 0.01 else "replace")
        if random.random() < 0.01:
            place = random.randrange(len(data) + 1)
            odd = random.choice([b"\xff", b"\0", b"\xc3", codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
            data = data[:place] + odd + data[place:]
        arguments: list[str] = []
        if random.random() < 0.05:
            arguments.append(f"--set={random.choice(SETTINGS)}")
        if random.random() < 0.05:
            arguments.append(f"--input={random.choice(INPUTS)}")
        if random.random() < 0.02:
            arguments.append(f"--format={random.choice(['md', 'csv', 'json', 'html'])}")
        elif random.random() < 0.02:
            arguments.append("--explain")
        elif random.random() < 0.02:
            arguments.append(random.choice(["--lower", "--flat"]))
        return Case({FILE: data}, tuple(arguments))

    def _accident(self, text: str, random: Random) -> str:
        match random.randrange(16):
            case 0:
                other = random.choice(self.small).split("\n")
                lines, row = text.split("\n"), random.randrange(len(other))
                place = random.randrange(len(lines) + 1)
                lines[place:place] = other[row : row + random.choice([1, 2, 5])]
                return "\n".join(lines)
            case 1:
                return _wrapped(text, random)
            case _:
                return text_changed(text, random, TOKENS)

    def attempt(self, case: Case) -> str:
        options = dict(a.removeprefix("--").partition("=")[::2] for a in case.arguments)
        try:
            settings = read_settings((options["set"],)) if "set" in options else None
            inputs = read_inputs((options["input"],)) if "input" in options else None
            source = _source(case.files.get(FILE, b""))
            network, warnings = load(source, settings, inputs)
        except SpecError as error:
            check_diagnostics(error.diagnostics)
            return "diagnostics"
        except UsageError as error:
            assert str(error).isprintable()
            return "no text"
        check_diagnostics(tuple(warnings))
        check_network(network)
        advised = tuple(lint(source, settings, inputs))
        check_diagnostics(advised)
        if any(diagnostic.edits for diagnostic in advised):
            mended = fix(source, settings, inputs).source
            again, _ = load(mended, settings, inputs)
            assert meaning(again) == meaning(network), "a fix changes the net"
        if "lower" in options:
            from cnndsl.lower import lower

            lower(network)
        _reported(network, options)
        if not settings and not inputs and source.text.count("\n") < MANY > len(network.steps):
            _formatted(source, network, is_flat="flat" in options)
        return "a network"


def _source(data: bytes) -> Source:
    """The text as it comes through a pipe."""
    before, sys.stdin = sys.stdin, TextIOWrapper(BytesIO(data))
    try:
        return find("-")
    finally:
        sys.stdin = before


def _wrapped(text: str, random: Random) -> str:
    """Lines put into bodies, many times over, or repeated."""
    lines = text.split("\n")
    row = random.randrange(len(lines))
    head = random.choice(
        [
            "residual:",
            "residual project relu:",
            "for i in 1 2:",
            "concat:",
            "def f():",
            "head h train:",
        ]
    )
    match random.randrange(4):
        case 0:
            lines[row] += random.choice([" *2", " *0", " *20001", " *(n-1)", " *3*4", " if 0"])
            return "\n".join(lines)
        case 1:
            depth = random.choice([1, 1, 2, 2, 3, 10 if head[0] == "r" else 1])
            body = [" " * 4 * i + head for i in range(depth)] + [" " * 4 * depth + lines[row]]
            return "\n".join([*lines[:row], *body, *lines[row + 1 :]])
        case 2:
            end = row + random.choice([1, 3, 10])
            body = [f"    {line}" for line in lines[row:end]]
            return "\n".join([*lines[:row], head, *body, *lines[end:]])
        case _:
            return "\n".join(
                [*lines[:row], *[lines[row]] * random.choice([2, 5, 5, 50]), *lines[row:]]
            )


def _reported(network: Network, options: dict[str, str]) -> None:
    """Every figure, as one of the reports shows them."""
    analysis = analyse(network)
    if "explain" in options:
        assert explain(analysis, network.steps[-1].name)
        return
    made = report(analysis, "fuzz.cnn", batch=2, depth=1 if len(network.steps) % 5 == 0 else None)
    match options.get("format"):
        case "md":
            assert as_markdown(made)
        case "csv":
            assert as_csv(made)
        case "json":
            assert as_json(made)
        case "html":
            assert as_page(made)
        case _:
            text = render(made)
            assert all(line.isprintable() for line in text.split("\n"))


def _formatted(source: Source, network: Network, is_flat: bool) -> None:
    """`fmt` keeps the meaning, and what it wrote stays as it is; so does the flat spec."""
    formatted = write(parse(source))
    again = Source(source.name, formatted, source.folder)
    assert write(parse(again)) == formatted, "fmt changes what fmt wrote"
    assert load(again)[0] == network, "fmt changes the meaning"
    if is_flat:
        assert load(Source("flat.cnn", flat(network)))[0] == network, "the flat spec differs"
