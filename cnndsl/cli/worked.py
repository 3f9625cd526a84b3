"""`cnndsl explain … --numbers`: a layer worked through on a small input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cnndsl.cli.options import find_net, load_spec
from cnndsl.cli.output import echo, write_output
from cnndsl.diagnostics import UsageError
from cnndsl.resources import zoo_names
from cnndsl.specs import MODEL_SUFFIX, SUFFIX

if TYPE_CHECKING:
    from cnndsl.show.numbers.case import Case
    from cnndsl.show.numbers.request import Request

F = TypeVar("F", bound=Callable[..., Any])

SUFFIXES = (".txt", ".svg", ".html")
ALONE = ("numbers", "gradient")
"""Options that ask for numbers; the others say which."""

OPTIONS = (
    click.option("--numbers", is_flag=True, help="Work a layer through with numbers."),
    click.option("--gradient", is_flag=True, help="The same, with the gradients after it."),
    click.option("--at", metavar="LAYER", help="WORD is a spec: work through this layer of it."),
    click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="NUMBERS",
        help='"1 2; 3 4": rows apart by ;, channels by |. Or an .npy file. One for each input.',
    ),
    click.option("--kernel", metavar="NUMBERS", help="The weights; one kernel stands for all."),
    click.option(
        "--parameter",
        "parameters",
        multiple=True,
        metavar="NAME=NUMBERS",
        help="Another parameter, such as bias or running_mean; repeatable.",
    ),
    click.option("--upstream", metavar="NUMBERS", help="The gradient that comes in; else ones."),
    click.option(
        "--steps", type=click.IntRange(1, 100), help="How many steps of a kind are shown; else 4."
    ),
    click.option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A file instead of the screen: .svg, .html or .txt.",
    ),
)


def number_options(function: F) -> F:
    """The options of `explain` that are about numbers."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def asked_for(options: Mapping[str, Any]) -> bool:
    """Whether numbers are asked for. Raises UsageError where options say which, but not that."""
    if any(options[name] for name in ALONE):
        return True
    given = next((name for name, value in options.items() if value), None)
    if given is None:
        return False
    name = {"inputs": "input", "parameters": "parameter"}.get(given, given)
    raise UsageError(f"--{name} goes with --numbers or --gradient, which work a layer through")


def work_through(word: str | None, options: Mapping[str, Any]) -> None:
    """Print or write a layer worked through. Raises UsageError, SpecError, OSError."""
    path: Path | None = options["output"]
    if path is not None and path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"numbers go to {', '.join(SUFFIXES)}, and `{path}` is none of these")
    if word is None:
        raise UsageError(
            'which layer? write its line, as in `cnndsl explain "conv 3x3" --numbers`, or a spec '
            "and --at LAYER"
        )
    from cnndsl.show.numbers import worked_through
    from cnndsl.show.numbers.text import as_text

    case = _case(word, options)
    lesson = worked_through(case)
    if path is None:
        return echo(as_text(lesson, case.notes))
    match path.suffix.lower():
        case ".svg":
            from cnndsl.show.numbers.drawing import as_svg

            write_output(path, as_svg(lesson, case.notes))
        case ".html":
            from cnndsl.show.numbers.drawing import as_page

            write_output(path, as_page(lesson, case.notes))
        case _:
            write_output(path, as_text(lesson, case.notes))


def _case(word: str, options: Mapping[str, Any]) -> Case:
    from cnndsl.show.numbers.request import of_layer, of_line

    request = _request(options)
    if options["at"] is None:
        if word in zoo_names() or Path(word).suffix in (SUFFIX, MODEL_SUFFIX):
            raise UsageError(f"`{word}` is a whole net: --at says which of its layers")
        return of_line(word, request)
    from cnndsl.analyse import analyse
    from cnndsl.show.explain import find_row

    network = load_spec(find_net(word))
    return of_layer(network, find_row(analyse(network), options["at"]).step, request)


def _request(options: Mapping[str, Any]) -> Request:
    from cnndsl.show.numbers.request import Request

    named: dict[str, str] = {}
    for text in options["parameters"]:
        name, equals, numbers = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f'`--parameter {text}` isn\'t written `--parameter bias="1 2"`')
        named[name.strip()] = numbers
    first, *others = options["inputs"] or ("",)
    return Request(
        input=first,
        kernel=options["kernel"] or "",
        parameters=named,
        upstream=options["upstream"] or "",
        gradient=options["gradient"],
        steps=options["steps"] or 4,
        others=tuple(others),
    )
