"""Options that say how pictures are prepared for a net."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from cnndsl.cli.output import echo_line
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import ARITHMETIC, IMAGENET, Crop, Interpolation, Preprocessing

if TYPE_CHECKING:
    from cnndsl.runtime.pictures import PictureInput

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
    given = {name: options[name] for name in NAMES if options.get(name) is not None}
    for name in ("mean", "std"):
        if name in given:
            given[name] = _numbers(name, given[name])
    if "bgr" in given:
        given["order"] = "BGR" if given.pop("bgr") else "RGB"
    return given


def read_preprocessing(
    options: Mapping[str, Any],
    base: Preprocessing | None = None,
    usual: Preprocessing | None = None,
) -> Preprocessing | None:
    """The options' values over those of `base`; `base` itself where no option is given.

    Where there is no base, and the options say nothing about numbers, they stand over `usual`.
    Raises UsageError.
    """
    given = given_fields(options)
    if not given:
        return base
    if base is None and not ARITHMETIC & given.keys():
        base = usual
    try:
        return replace(base or Preprocessing(), **given)
    except ValueError as e:
        raise UsageError(str(e)) from None


def remark_taken(
    options: Mapping[str, Any], name: str, said: Preprocessing | None, picture: PictureInput
) -> None:
    """Say on stderr how pictures are prepared where neither the model (`said`) nor an option
    says it.
    """
    if said is not None or ARITHMETIC & given_fields(options).keys():
        return
    taken = picture.preprocessing
    same = all(getattr(taken, field) == getattr(IMAGENET, field) for field in ARITHMETIC)
    reason = ", as usual for ImageNet's classes" if same else ""
    echo_line(
        f"{name} doesn't say how it wants pictures; taken: {picture.describe()}{reason} "
        f"(see --scale, --mean, --std, --bgr, --resize)",
        err=True,
    )


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"`--{name} {text}` is no list of numbers such as 0.485,0.456,0.406"
        ) from None
