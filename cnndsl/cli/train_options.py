"""Options of `cnndsl train` and what its texts mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from cnndsl.cli.options import read_patterns
from cnndsl.diagnostics import UsageError

F = TypeVar("F", bound=Callable[..., Any])

FOLDER = click.Path(file_okay=False, path_type=Path)
POSITIVE = click.IntRange(min=1)
PART = click.FloatRange(0, 1, max_open=True)

DATA = (
    click.option(
        "--data",
        default="digits",
        show_default=True,
        metavar="DATA",
        help="A folder, a .csv, an .npz, idx files, or digits, mnist, fashion-mnist, cifar10.",
    ),
    click.option("--data-dir", type=FOLDER, help="Where built-in data sets lie, or are put."),
)
RECIPE = (
    click.option("--accumulate", type=POSITIVE, default=1, help="So many batches make a step."),
    click.option("--lr", type=click.FloatRange(min=0, min_open=True), help="Learning rate (peak)."),
    click.option(
        "--optimiser",
        "--optimizer",
        default="adamw",
        show_default=True,
        metavar="NAME",
        help='sgd, adagrad, rmsprop, adam, adamw; settings behind it: "sgd nesterov=yes".',
    ),
    click.option("--weight-decay", type=click.FloatRange(min=0), help="Of weights alone."),
    click.option(
        "--schedule",
        default="one-cycle",
        show_default=True,
        metavar="NAME",
        help='constant, step, linear, cosine, one-cycle, plateau: "step every=5 by=0.2".',
    ),
    click.option(
        "--warm-up", type=click.FloatRange(min=0), default=0.0, help="Epochs of rising rate."
    ),
    click.option("--lr-of", multiple=True, metavar="PATTERN=FACTOR", help="By layer: stem.*=0.1"),
    click.option(
        "--layer-decay", type=click.FloatRange(0, 1, min_open=True), help="Rate by depth: 0.8"
    ),
    click.option("--clip", type=click.FloatRange(min=0, min_open=True), help="Gradients' norm."),
    click.option("--ema", type=PART, help="Average the weights: 0.999"),
    click.option("--label-smoothing", type=PART, default=0.0, help="0.1 is usual."),
    click.option("--class-weights", default="none", help="none, balanced, or a number a class."),
)
START = (
    click.option("--weights", metavar="FILE|NAME", help="Start from a file's, or known, weights."),
    click.option(
        "--init", type=click.Choice(["auto", "he", "glorot", "lecun", "zeros"]), default="auto"
    ),
    click.option(
        "--freeze",
        multiple=True,
        metavar="PATTERNS",
        callback=read_patterns,
        help="Not trained: stem,block1.*",
    ),
    click.option(
        "--unfreeze",
        multiple=True,
        metavar="EPOCHS:PATTERN",
        help='Trained after so many epochs: "5:block5*,10:*@0.1" (learning rate × 0.1).',
    ),
    click.option("--gradual", type=POSITIVE, help="Another block from the head after so many."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
)
END = (
    click.option("--patience", type=click.IntRange(min=0), help="Stop without a better epoch."),
    click.option("--time-limit", metavar="10m", help="Stop after so long, with an evaluation."),
    click.option("--checkpoint-every", metavar="1m", help="By default 30 s, and after epochs."),
    click.option("--assert-accuracy", type=click.FloatRange(0, 100), help="Else fail, in percent."),
)
DEVICE = (
    click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True),
    click.option(
        "--precision",
        type=click.Choice(["float32", "float16", "bfloat16"]),
        default="float32",
        show_default=True,
        help="What convolutions and products of matrices compute in.",
    ),
    click.option("--threads", type=click.IntRange(1, 1024), help="By default all cores."),
    click.option("--autotune", is_flag=True, help="Measure forms of convolutions, and remember."),
    click.option(
        "--deterministic", is_flag=True, help="One thread: bits don't depend on the cores."
    ),
)
SCREEN = (
    click.option("-q", "--quiet", is_flag=True, help="Nothing but errors."),
    click.option("--json", "as_json", is_flag=True, help="A JSON object a line."),
)


def chosen(epochs: str, batch: str, augment: str) -> tuple[Callable[[Any], Any], ...]:
    """Options whose defaults, in words, depend on the command."""
    return (
        click.option(
            "--epochs", type=POSITIVE, help=f"How often all examples are seen; else {epochs}."
        ),
        click.option("--batch", type=POSITIVE, help=f"Examples at a time; else {batch}."),
        click.option("--augment", help=f"none, light, strong, or a .toml file; else {augment}."),
    )


FROM_SCRATCH = chosen("10", "64", "none")


def options(*groups: tuple[Callable[[Any], Any], ...]) -> Callable[[F], F]:
    """Several groups of options at once, in the order of their lines in the help."""

    def decorate(function: F) -> F:
        for option in reversed([option for group in groups for option in group]):
            function = option(function)
        return function

    return decorate


def train_options(
    defaults: tuple[Callable[[Any], Any], ...] = FROM_SCRATCH,
) -> Callable[[F], F]:
    """All that `cnndsl train` takes beside its spec."""
    return options(DATA, defaults, RECIPE, START, END, DEVICE, SCREEN)


def read_rates(texts: tuple[str, ...]) -> dict[str, float]:
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


def screen(values: Mapping[str, Any], epochs: int, batch: int) -> Any:
    """The screen that --quiet and --json ask for."""
    from cnndsl.training.screen import JsonLines, Quiet, Table

    if values["as_json"]:
        return JsonLines()
    return Quiet() if values["quiet"] else Table(epochs, batch)
