"""Commands that are called wrongly: what click finds out, said as everything else is."""

from __future__ import annotations

import re
from typing import IO, Any

import click
from click.exceptions import NoArgsIsHelpError

from cnndsl.cli.output import echo_error, echo_line
from cnndsl.diagnostics import did_you_mean


class Misuse(click.UsageError):
    """An error about a command's own options and arguments, in our words."""

    def __init__(self, sentence: str, help: str, ctx: click.Context | None = None):
        super().__init__(sentence, ctx)
        self.help = help

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the error and what to do."""
        echo_error(self.message)
        echo_line(f"  help: {self.help}", err=True)


def reworded(error: click.UsageError, path: str) -> click.UsageError:
    """Say in our words what click found in the command `path`; the exit status stays the same."""
    if isinstance(error, Misuse | NoArgsIsHelpError):  # the second one shows the help
        return error
    context = error.ctx
    path = context.command_path if context else path
    help = f"`{path} --help` lists its options"
    if context and (isinstance(error, click.MissingParameter) or _extra(error)):
        usage = " ".join([path, *context.command.collect_usage_pieces(context)])
        help = f"it is called as `{usage}`; `{path} --help` says more"
    return Misuse(_sentence(error), help, context)


def _sentence(error: click.UsageError) -> str:
    match error:
        case click.NoSuchOption():
            hint = did_you_mean(error.option_name, _options(error.ctx))
            return f"there is no option `{error.option_name}`" + (f"; {hint}" if hint else "")
        case click.MissingParameter() if error.param:
            return f"{_name(error.param)} is missing"
        case click.BadParameter() if error.param:
            return _wrong_value(error.param, error.message)
        case click.BadOptionUsage():
            needs = "requires" in error.message
            return f"`{error.option_name}` {'needs a value' if needs else 'takes no value'}"
        case _:
            pass
    if extra := _extra(error):
        return f"`{extra}` is more than the command takes"
    return error.format_message().rstrip(".")


def _extra(error: click.UsageError) -> str:
    """Arguments beyond those that there are."""
    found = re.match(r"Got unexpected extra arguments? \((.*)\)", error.message, re.DOTALL)
    return found[1] if found else ""


def _options(context: click.Context | None) -> list[str]:
    parameters = context.command.get_params(context) if context else []
    return [name for p in parameters for name in (*p.opts, *p.secondary_opts) if name[0] == "-"]


def _name(parameter: click.Parameter) -> str:
    """`--batch` for an option, SPEC for an argument."""
    if isinstance(parameter, click.Option):
        return f"`{max(parameter.opts, key=len)}`"
    return (parameter.metavar or parameter.name or "").upper().strip(".…[]")


def _wrong_value(parameter: click.Parameter, message: str) -> str:
    quoted = re.search(r"'([^']*)'|\"([^\"]*)\"|^(\S+) is", message)
    if quoted is None:
        return f"{_name(parameter)}: {message.rstrip('.')}"
    value = next(group for group in quoted.groups() if group is not None)
    name = _name(parameter).strip("`")
    given = f"`{name} {value}`" if name.startswith("-") else f"{name} `{value}`"
    match parameter.type:
        case click.Choice() as choice:
            names = [str(c) for c in choice.choices]
            hint = did_you_mean(value, names)
            return f"{given} is none of {', '.join(names)}" + (f"; {hint}" if hint else "")
        case click.IntRange() | click.FloatRange() as kind:
            if "not in the range" in message:
                return f"{given} is out of range: it can be {_range(kind)}"
            what = "whole number" if isinstance(kind, click.IntRange) else "number"
            return f"{given} is no {what}; it can be {_range(kind)}"
        case click.types.IntParamType():
            return f"{given} is no whole number"
        case click.types.FloatParamType():
            return f"{given} is no number"
        case click.Path() as kind:
            what = "file" if kind.file_okay else "folder"
            if "does not exist" in message:
                return f"{given}: there is no such {what}"
            if "is a " in message:
                other = "folder" if kind.file_okay else "file"
                return f"{given} is a {other}, and a {what} is wanted"
            return f"{given} can't be used: {message.split(value, 1)[-1].strip(chr(39) + ' .')}"
        case _:
            return f"{given}: {message.rstrip('.')}"


def _range(kind: click.IntRange | click.FloatRange) -> str:
    """`1 or more`, `more than 0`, `from 0 to 1`, `from 0 to below 1`."""
    low = None if kind.min is None else f"{kind.min:,}"
    high = None if kind.max is None else f"{kind.max:,}"
    if high is None:
        return f"more than {low}" if kind.min_open else f"{low} or more"
    below = f"below {high}" if kind.max_open else high
    if low is None:
        return f"{below} or less" if not kind.max_open else below
    return f"{'above' if kind.min_open else 'from'} {low} to {below}"
