"""`cnndsl explain … --numbers`: a layer worked through on a small input."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cnndsl.cli.output import echo, write_output
from cnndsl.cli.trained import net_and_weights
from cnndsl.diagnostics import UsageError
from cnndsl.resources import zoo_names
from cnndsl.specs import MODEL_SUFFIX, SUFFIX

if TYPE_CHECKING:
    from cnndsl.network import Network, Step
    from cnndsl.show.numbers.case import Case
    from cnndsl.show.numbers.request import Request, Trained
    from cnndsl.weights import Mapping as WeightMapping

F = TypeVar("F", bound=Callable[..., Any])

NETS = (SUFFIX, MODEL_SUFFIX)
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
    click.option(
        "--weights", metavar="FILE|NAME", help="Of a spec: a file's, or known ones; with --at."
    ),
    click.option(
        "--picture",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The input is what the layer gets when the net is shown this; with --at.",
    ),
    click.option(
        "--place", metavar="ROW,COLUMN", help="Of the output, from 1: what is made there is shown."
    ),
    click.option(
        "--channel", type=click.IntRange(1), help="Of the output, from 1: it alone is shown."
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
        if word in zoo_names() or Path(word).is_dir() or Path(word).suffix in NETS:
            raise UsageError(f"`{word}` is a whole net: --at says which of its layers")
        for name in ("weights", "picture"):
            if options[name]:
                raise UsageError(f"--{name} is for a layer of a net, which --at names")
        return of_line(word, request)
    from cnndsl.analyse import analyse
    from cnndsl.show.explain import find_row

    network, weights = net_and_weights(word, options["weights"])
    step = find_row(analyse(network), options["at"]).step
    return of_layer(network, step, request, _trained(word, network, step, weights, options))


def _trained(
    word: str,
    network: Network,
    step: Step,
    weights: WeightMapping | None,
    options: Mapping[str, Any],
) -> Trained:
    """What the net's own weights and a picture give the layer."""
    from cnndsl.show.numbers.request import Trained

    parameters: dict[str, Any] = {}
    notes: list[str] = []
    if weights is not None:
        owned = {
            f"{step.owner}.{p.name}": p.name
            for p in step.layer.parameters(*network.input_shapes(step))
        }
        parameters = {
            owned[entry.parameter]: entry.values()
            for entry in weights.entries
            if entry.parameter in owned and entry.values
        }
        if parameters:
            theirs = options["weights"] or word
            notes.append(f"{_listed([*parameters])}: those of {theirs}.".capitalize())
    picture: Path | None = options["picture"]
    if picture is None:
        return Trained(parameters, notes=tuple(notes))
    if options["inputs"]:
        raise UsageError("--picture and --input both say what the layer gets: give one of them")
    from cnndsl.looking.layer_inputs import layer_inputs

    inputs = layer_inputs(network, step, picture, weights)
    first = {i.name for i in network.inputs} >= set(step.inputs)
    made = "as the net takes it" if first else "what the layers before make of it"
    notes.append(f"Input: {picture.name}, {made}.")
    return Trained(parameters, inputs, tuple(notes))


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


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
        place=_place(options["place"]),
        channel=options["channel"] and options["channel"] - 1,
    )


def _place(text: str | None) -> tuple[int, ...]:
    """`12,7`, counted from 1, as numbers from 0 on. Raises UsageError."""
    if text is None:
        return ()
    if not re.fullmatch(r"[1-9]\d{0,6}(,[1-9]\d{0,6})?", text):
        raise UsageError(f"`--place {text}` isn't written as row and column: --place 12,7")
    return tuple(int(number) - 1 for number in text.split(","))
