"""`cnndsl explain`: what a diagnostic means, how a layer or a word of the language is used."""

from __future__ import annotations

import inspect
import re
import shlex
import textwrap
from typing import Any

import click

from cnndsl import resources
from cnndsl.cli.output import echo
from cnndsl.cli.worked import asked_for, number_options, work_through
from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.explanations import Explanation, Word, expanded, options, words
from cnndsl.layers import LAYERS, Layer
from cnndsl.layers.reference import arguments_table
from cnndsl.linting import lint, pages
from cnndsl.source import Source

WIDTH = 100


@click.command(short_help="Explain a diagnostic's code, a layer, or a word of the language.")
@click.argument("word", required=False)
@number_options
def command(word: str | None, **options: Any) -> None:
    """Explain WORD: a diagnostic's code, a layer, a block of the prelude, a word of the language.

    `cnndsl explain codes` lists all codes, `cnndsl explain layers` all layers and words.

    With --numbers a layer is worked through on a small input, as on a whiteboard. WORD is a line
    such as "conv 3x3 s2 p1" then, or with --at a spec, a model or a run, whose layer it names: with
    its own weights, and on a --picture. Of what is large a part is shown.

    \b
    Examples:
      cnndsl explain conv
      cnndsl explain "conv 3x3 s2 p1" --numbers
      cnndsl explain "pool 2x2" --gradient --input "1 3; 4 2" --upstream 5
      cnndsl explain lenet5 --at C3 --numbers -o steps.svg
      cnndsl explain runs/lenet5-001 --at C1 --numbers --picture seven.png --place 9,4
    """
    if asked_for(options):
        return work_through(word, options)
    echo(explained(word or "words"))


def explained(word: str) -> str:
    """The text that explains a word; raises UsageError where there is none."""
    word = word.strip("`:[] ")
    match re.sub(r"^(error|warning|advice)\[", "", word):
        case "codes":
            return _codes()
        case "layers" | "words":
            return _lists()
        case code if code in pages():
            return _code(pages()[code])
        case name if name in LAYERS:
            return _layer(LAYERS[name])
        case name if name in words():
            return _word(words()[name])
        case name if name in blocks():
            return "\n".join(blocks()[name])
        case name:
            known = (*pages(), *LAYERS, *words(), *blocks(), "codes", "layers")
            help = did_you_mean(name, known, "`cnndsl explain layers` and `… codes` list all")
            if name.split(" ")[0] in LAYERS:
                help = f"`cnndsl explain {shlex.quote(name)} --numbers` works it through"
            message = f"`{name[:40]}` is no code, no layer and no word of the language"
            raise UsageError(f"{message}; {help}")


def blocks() -> dict[str, tuple[str, str]]:
    """The prelude's blocks by name: what is said about them, and their text."""
    found = re.findall(r"((?:^# .*\n)+)(def (\w+)\(.*\n(?: .*\n)+)", resources.prelude_text(), re.M)
    return {name: (re.sub("^# ", "", said, flags=re.M), text) for said, text, name in found}


def printed(spec: str) -> str:
    """What `cnndsl check` says about a spec that holds its own options in a comment, or, where it
    has nothing to say, `cnndsl lint`.
    """
    from cnndsl.cli.check import check, read_limits
    from cnndsl.cli.check import command as check_command
    from cnndsl.cli.options import read_inputs, read_settings

    given = check_command.make_context("check", ["net.cnn", *shlex.split(options(spec))]).params
    limits = read_limits(*(given[k] for k in ("max_params", "max_macs", "max_memory", "batch")))
    source = Source("net.cnn", expanded(spec))
    result = check(source, read_settings(given["settings"]), read_inputs(given["inputs"]), limits)
    found = result.diagnostics or lint(source)
    return "\n\n".join(diagnostic.render() for diagnostic in found)


def _code(explanation: Explanation) -> str:
    parts = [
        explanation.code,
        textwrap.fill(" ".join(explanation.text.split()), WIDTH),
        "In this spec:",
        textwrap.indent(explanation.wrong.rstrip(), "    "),
        "cnndsl finds:",
        textwrap.indent(printed(explanation.wrong), "    "),
        "Put right:",
        textwrap.indent(explanation.right.rstrip(), "    "),
    ]
    return "\n\n".join(parts)


def _word(word: Word) -> str:
    text = textwrap.fill(" ".join(word.text.split()), WIDTH)
    return "\n\n".join([word.name, text, textwrap.indent(word.example.rstrip(), "    ")])


def _layer(layer: type[Layer]) -> str:
    parts = [layer.word, inspect.cleandoc(layer.__doc__ or "")]
    table = [[cell.replace("`", "") for cell in row] for row in arguments_table(layer)]
    if table:
        parts.append("Arguments, how they are written, and their defaults:")
        parts.append(_columns(table))
    parts.append("Examples: the line, its input and output, parameters and MACs:")
    parts.append(
        _columns(
            [
                [e.text, e.input, f"-> {e.output}", f"{e.params:,}", _macs(e.macs, e.input)]
                for e in layer.examples
            ]
        )
    )
    return "\n\n".join(parts)


def _macs(macs: int, shape: str) -> str:
    return "?" if "H" in shape else f"{macs:,}"  # the size is open


def _codes() -> str:
    rows = [[code, _sentence(e.text)] for code, e in sorted(pages().items())]
    return _columns(rows, indent="") + "\n\n`cnndsl explain CODE` says more."


def _lists() -> str:
    layers = [[w, _sentence(inspect.cleandoc(k.__doc__ or ""))] for w, k in sorted(LAYERS.items())]
    others = [[name, _sentence(word.text)] for name, word in words().items()]
    prelude = [[name, _sentence(said)] for name, (said, _) in blocks().items()]
    parts = [
        "Layers:",
        _columns(layers),
        "Blocks of the prelude, written in the language:",
        _columns(prelude),
        "Forms and words of the language:",
        _columns(others),
        "`cnndsl explain WORD` says more; `cnndsl explain codes` lists the diagnostics.",
    ]
    return "\n\n".join(parts)


def _sentence(text: str) -> str:
    """The first sentence, without the example behind its colon."""
    first = re.match(r".+?[.](?=\s|$)", " ".join(text.split()))
    return re.sub(r": `.*", ".", first[0] if first else text)


def _columns(rows: list[list[str]], indent: str = "  ") -> str:
    """Rows in columns, as wide as they need; the last is broken where a line would be too long."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    lines: list[str] = []
    for row in rows:
        lead = indent + "".join(f"{c:{w}}  " for c, w in zip(row[:-1], widths, strict=True))
        space = max(WIDTH - len(lead), 20)
        broken = textwrap.wrap(row[-1], space) or [""]
        lines.append((lead + broken[0]).rstrip())
        lines.extend(" " * len(lead) + more for more in broken[1:])
    return "\n".join(lines)
