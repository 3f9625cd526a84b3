"""Options that say how pictures are prepared for a net."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, get_args

import click

from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Crop, Interpolation, Preprocessing

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--scale", type=float, help="What pixels, 0 to 255, are divided by: 255 for 0…1."),
    click.option(
        "--mean", metavar="NUMBERS", help="Then subtracted, a number a channel: 0.485,0.456,0.406"
    ),
    click.option(
        "--std", metavar="NUMBERS", help="Then divided by, a number a channel: 0.229,0.224,0.225"
    ),
    click.option("--bgr/--rgb", "bgr", default=None, help="The order of channels the net wants."),
    click.option(
        "--resize",
        type=click.IntRange(min=1),
        metavar="PIXELS",
        help="The shorter side before cropping; by default the input's size / 0.875.",
    ),
    click.option(
        "--crop",
        type=click.Choice(get_args(Crop)),
        help="Take the middle, or stretch the whole picture to the input's size.",
    ),
    click.option(
        "--interpolation", type=click.Choice(get_args(Interpolation)), help="How to resize."
    ),
)


NAMES = ("scale", "mean", "std", "bgr", "resize", "crop", "interpolation")


def picture_options(function: F) -> F:
    """`--scale`, `--mean`, `--std`, `--bgr`, `--resize`, `--crop`, `--interpolation`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def given_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a preprocessing that options give; `options` are the values that click hands
    over for `picture_options`. Raises UsageError.
    """
    given = {name: options[name] for name in NAMES if options[name] is not None}
    for name in ("mean", "std"):
        if name in given:
            given[name] = _numbers(name, given[name])
    if "bgr" in given:
        given["order"] = "BGR" if given.pop("bgr") else "RGB"
    return given


def read_preprocessing(
    options: Mapping[str, Any], base: Preprocessing | None = None
) -> Preprocessing | None:
    """The options' values over those of `base`; `base` itself where no option is given.

    Raises UsageError.
    """
    given = given_fields(options)
    if not given:
        return base
    try:
        return replace(base or Preprocessing(), **given)
    except ValueError as e:
        raise UsageError(str(e)) from None


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"`--{name} {text}` is no list of numbers such as 0.485,0.456,0.406"
        ) from None
