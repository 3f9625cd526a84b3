"""Layers worked through with numbers, as on a whiteboard, with their gradients."""

from __future__ import annotations

from collections.abc import Callable

from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Layer
from cnndsl.layers.globalpool import GlobalPooling
from cnndsl.show.numbers.case import Case
from cnndsl.show.numbers.convolution import convolution, transposed
from cnndsl.show.numbers.dense import dense
from cnndsl.show.numbers.functions import FUNCTIONS, function
from cnndsl.show.numbers.lesson import Lesson
from cnndsl.show.numbers.merging import MERGES, concatenated, merged
from cnndsl.show.numbers.normalising import batch_norm, local_response, softmax, spread
from cnndsl.show.numbers.own_norms import own_norm
from cnndsl.show.numbers.pooling import maximum, mean
from cnndsl.show.numbers.resampling import upsampled

WORKED: dict[str, Callable[[Case], Lesson]] = {
    "conv": convolution,
    "dwconv": convolution,
    "filter": convolution,
    "deconv": transposed,
    "pool": maximum,
    "gmp": maximum,
    "avgpool": mean,
    "gap": mean,
    "upsample": upsampled,
    "bn": batch_norm,
    "ln": own_norm,
    "inorm": own_norm,
    "gn": own_norm,
    "lrn": local_response,
    "softmax": softmax,
    "logsoftmax": softmax,
    "fc": dense,
    "minmax": spread,
    "concat": concatenated,
    **dict.fromkeys(MERGES, merged),
    **dict.fromkeys(FUNCTIONS, function),
}
"""How each layer is worked through."""


def worked_through(case: Case) -> Lesson:
    """The steps of a layer's calculation, its output and, with an upstream gradient, all gradients
    by their formulas.
    """
    return WORKED[case.layer.word](case)


def check_worked(word: str) -> None:
    """Raise UsageError for a layer that isn't worked through with numbers."""
    if word == "unpool":
        raise UsageError(
            '`unpool` goes back by the switches of a pool: `cnndsl explain "pool 2x2" --numbers` '
            "shows both"
        )
    if word not in WORKED:
        listed = ", ".join(f"`{name}`" for name in WORKED)
        raise UsageError(f"`{word}` isn't worked through with numbers yet; these are: {listed}")


def check_form(layer: Layer) -> None:
    """Raise UsageError for a form of a layer that isn't worked through."""
    if isinstance(layer, GlobalPooling) and (layer.output or layer.channels):
        windows = "avgpool" if layer.word == "gap" else "pool"
        raise UsageError(
            f"`{layer.word}` is worked through over whole maps alone; windows are shown by "
            f"`{windows}`"
        )
