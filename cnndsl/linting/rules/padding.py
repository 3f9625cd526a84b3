"""Padding that isn't what it looks like."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import CONVOLUTIONS, Spec
from cnndsl.shape import at

MOST_TAPS = 4096  # of one axis


class UnevenPadding(Rule):
    """`same` pads the sides by different amounts here, since the window is even, or since it has a
    stride and the map's size doesn't divide as it would have to. TensorFlow puts the odd pixel
    behind the map, as this language does; PyTorch's `padding=1` puts one on each side, and so do
    most papers. Weights that were trained one way give other answers the other way: the map is
    shifted by a pixel. `half` is PyTorch's padding, `p=(0,0,1,1)` says the odd pixel outright.
    Pools with even windows are left alone: there `same` only adds the last window.
    """

    code = "uneven-padding"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 s2 same relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 s2 half relu
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.network.steps:
            if getattr(step.layer, "padding", None) != "same":
                continue
            found = spec.window(step)
            if found is None:
                continue
            x, window = found
            for name, _, k, s, (before, after), _ in window.axes(x):
                if before == after or (step.layer.word not in CONVOLUTIONS and k % 2 == 0):
                    continue
                why = f"stride {s}" if k % 2 else f"a window of {k}"
                message = (
                    f"with {why}, `same` pads the {name} by {before} before and {after} behind, "
                    "and frameworks differ about that"
                )
                help = (
                    "`half` pads alike on both sides, as PyTorch does; `p=(…)` says both outright"
                    if k % 2
                    else "odd windows have a middle: write one, or say both sides by `p=(…)`"
                )
                yield Finding(step.origin, message, help)
                break


class DeadWeights(Rule):
    """Some weights of a filter never meet the map, whatever the position: they lie on the padding
    always. A 3x3 window with a padding of one on a map of one pixel is a 1x1 convolution that
    carries eight weights too many; a dilation as large as the map does the same. They count, take
    time and are never trained.
    """

    code = "dead-weights"
    wrong = """
        cnndsl 1
        net N
        input features 64@8x8
        conv 3x3 64 p8 d8 relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input features 64@8x8
        conv 3x3 64 p4 d4 relu
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.network.steps:
            found = spec.window(step)
            if found is None or step.layer.word not in CONVOLUTIONS or not step.output.is_concrete:
                continue
            x, window = found
            alive = [
                _taps_that_meet(at(n, 0), at(m, 0), k, s, before, d)
                for (_, n, k, s, (before, _), d), m in zip(
                    window.axes(x), step.output.space, strict=True
                )
            ]
            taps, used = prod(window.kernel), prod(alive)
            if used < taps:
                message = (
                    f"{taps - used} of the {taps} places of the window meet padding alone on {x}"
                )
                help = "use a smaller window or dilation, or fewer strides before it"
                yield Finding(step.origin, message, help)


def _taps_that_meet(n: int, m: int, k: int, s: int, before: int, d: int) -> int:
    """How many of a window's k taps lie on one of n pixels at one of its m positions at least."""
    if k > MOST_TAPS:
        return k

    def meets(tap: int) -> bool:
        offset = tap * d - before  # at the first position
        first = max(0, -(offset // s))
        return first < m and offset + first * s < n

    return sum(meets(tap) for tap in range(k))
