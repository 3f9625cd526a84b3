"""Options of `cnndsl train` and what its texts mean.

Most are fields of a configuration, which has their types, bounds, defaults and help
(`cnndsl.training.options`); here stand those that are written otherwise on the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click

from cnndsl.cli.durations import read_duration
from cnndsl.cli.options import read_patterns
from cnndsl.diagnostics import UsageError
from cnndsl.training.fields import kind_of
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice, by_flag

if TYPE_CHECKING:
    from cnndsl.training.callbacks import Callback

F = TypeVar("F", bound=Callable[..., Any])
Options = tuple[Callable[[Any], Any], ...]

FOLDER = click.Path(file_okay=False, path_type=Path)
POSITIVE = click.IntRange(min=1)
USUAL_DATA = "digits"


def _read_seconds(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> float | None:
    return None if text is None else read_duration(text, parameter.opts[0])


class Field(click.Option):
    """An option that is a field of a configuration.

    It has no value where it isn't given: then another configuration, a strategy, or the default has
    its turn, which `otherwise` names in the help.
    """

    def __init__(self, *names: Any, otherwise: str = "", **settings: Any):
        super().__init__(*names, default=None, **settings)
        self.otherwise = otherwise

    def get_help_extra(self, ctx: click.Context) -> Any:
        """What stands in brackets behind the help: the default, and bounds."""
        extra = super().get_help_extra(ctx)
        return {"default": self.otherwise, **extra} if self.otherwise else extra


def option(flag: str, otherwise: str | None = None) -> Callable[[F], F]:
    """The option for a field of a choice; `otherwise` is what the default is called."""
    kind = next(k for k in (TrainingChoice, ModelChoice, DataChoice) if flag in by_flag(k))
    field = by_flag(kind)[flag]
    default: Any = field.default
    if otherwise is None:
        otherwise = "" if default is None or default is False or default == () else str(default)
    name = flag.replace("-", "_") if kind is DataChoice else field.name
    settings: dict[str, Any] = {"help": field.metadata["help"] or None, "otherwise": otherwise}
    if field.metadata["metavar"]:
        settings["metavar"] = field.metadata["metavar"]
    base, bounds = kind_of(get_type_hints(kind, include_extras=True)[field.name])
    limits: dict[str, Any] = {
        "min": bounds.get("ge", bounds.get("gt")),
        "max": bounds.get("le", bounds.get("lt")),
        "min_open": "gt" in bounds,
        "max_open": "lt" in bounds,
    }
    if field.metadata["seconds"]:
        settings["callback"] = _read_seconds
    elif get_origin(base) is Literal:
        settings["type"] = click.Choice(get_args(base))
    elif get_origin(base) is tuple:
        settings |= {"multiple": True, "metavar": "PATTERNS", "callback": read_patterns}
    elif base is bool:
        settings["is_flag"] = True
    elif base in (int, float):
        settings["type"] = (click.IntRange if base is int else click.FloatRange)(**limits)
    return click.option(f"--{flag}", name, cls=Field, **settings)


def _fields(flags: str) -> Options:
    return tuple(option(flag) for flag in flags.split())


def _read_rates(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, float]:
    """`stem.*=0.1` as a pattern and a factor. Raises UsageError."""
    rates: dict[str, float] = {}
    for text in texts:
        pattern, _, factor = text.rpartition("=")
        try:
            rates[pattern.strip()] = float(factor)
        except ValueError:
            pattern = ""
        if not pattern.strip() or rates[pattern.strip()] < 0:
            raise UsageError(f"`--lr-of {text}` isn't written PATTERN=FACTOR, as in stem.*=0.1")
    return rates


DATA = (option("data", USUAL_DATA), option("data-dir"))
RECIPE = (
    *_fields("accumulate lr"),
    click.option(
        "--optimiser",
        "--optimizer",
        cls=Field,
        otherwise="adamw",
        metavar="NAME",
        help='sgd, adagrad, rmsprop, adam, adamw; settings behind it: "sgd nesterov=yes".',
    ),
    click.option("--weight-decay", type=click.FloatRange(min=0), help="Of weights alone."),
    click.option(
        "--schedule",
        cls=Field,
        otherwise="one-cycle",
        metavar="NAME",
        help='constant, step, linear, cosine, one-cycle, plateau: "step every=5 by=0.2".',
    ),
    option("warm-up"),
    click.option(
        "--lr-of",
        "learning_rates",
        multiple=True,
        metavar="PATTERN=FACTOR",
        callback=_read_rates,
        help="By layer: stem.*=0.1",
    ),
    *_fields("layer-decay clip ema label-smoothing class-weights"),
)
START = (
    *_fields("weights init freeze"),
    click.option(
        "--unfreeze",
        "stages",
        multiple=True,
        metavar="EPOCHS:PATTERN",
        help='Trained after so many epochs: "5:block5*,10:*@0.1" (learning rate × 0.1).',
    ),
    *_fields("gradual seed"),
)
END = (
    *_fields("patience time-limit checkpoint-every"),
    click.option("--assert-accuracy", type=click.FloatRange(0, 100), help="Else fail, in percent."),
)
DEVICE = _fields("device precision threads autotune deterministic")
SCREEN = (
    click.option("-q", "--quiet", is_flag=True, help="Nothing but errors."),
    click.option("--json", "as_json", is_flag=True, help="A JSON object a line."),
    click.option("--tensorboard", is_flag=True, help="Curves for TensorBoard in the run's folder."),
)


def chosen(epochs: str, batch: str, augment: str) -> Options:
    """Options whose defaults, in words, depend on the command."""
    return option("epochs", epochs), option("batch", batch), option("augment", augment)


FROM_SCRATCH = _fields("epochs batch augment noise ignore-index")


def options(*groups: Iterable[Callable[[Any], Any]]) -> Callable[[F], F]:
    """Several groups of options at once, in the order of their lines in the help."""

    def decorate(function: F) -> F:
        for option in reversed([option for group in groups for option in group]):
            function = option(function)
        return function

    return decorate


def train_options(defaults: Options = FROM_SCRATCH) -> Callable[[F], F]:
    """All that `cnndsl train` takes beside its spec."""
    return options(DATA, defaults, RECIPE, START, END, DEVICE, SCREEN)


def screen(values: Mapping[str, Any]) -> Callback:
    """What --quiet, --json and --tensorboard ask for."""
    from cnndsl.training.callbacks import Callback, Callbacks
    from cnndsl.training.screen import JsonLines, Table
    from cnndsl.training.tensorboard import TensorBoard

    shown = JsonLines() if values["as_json"] else Callback() if values["quiet"] else Table()
    return Callbacks(shown, TensorBoard()) if values["tensorboard"] else shown
