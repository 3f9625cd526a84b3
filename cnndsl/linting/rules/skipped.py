"""Pixels that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.elaborate.warnings import unreached
from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import CONVOLUTIONS, Spec
from cnndsl.network import Step


class ConvDiscards(Rule):
    """The windows of a convolution with a stride stop short of the map's end, so the last rows or
    columns have no influence, and the answer is off centre by half of them. Padding (`p1`, `half`)
    lets them in. For pools there is a warning, `pool-discards`.
    """

    code = "conv-discards"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 s2 relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 s2 p1 relu
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.network.steps:
            found = spec.window(step) if step.layer.word in CONVOLUTIONS else None
            if found is None:
                continue
            x, window = found
            if lost := unreached(x, window):
                message = (
                    f"the windows stop short of the end of {x}: nobody reads {' and '.join(lost)}"
                )
                yield Finding(step.origin, message, "`half` or `p1` lets the windows reach the end")


class SkippedPixels(Rule):
    """Every layer that reads this map has a stride larger than its window, so most of what was
    computed, or of the picture, is thrown away unseen. A 1x1 convolution with stride 2 reads a
    quarter of its map. Beside a layer that sees the rest, as in a residual block, that is usual;
    alone it is a waste: put the stride into a layer with a larger window.
    """

    code = "skipped-pixels"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 s4 p1 relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 4x4 32 s4 relu
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for name, readers in spec.readers.items():
            if name in spec.kept:
                continue
            seen = [_seen(spec, step) for step in readers]
            if max(seen) < 1:
                step = readers[seen.index(max(seen))]
                message = (
                    f"only {100 * max(seen):.0f} % of `{name}` is read: the stride of "
                    f"`{step.name}` is larger than its window"
                )
                help = "use a window as large as the stride, or a smaller stride"
                yield Finding(step.origin, message, help)


def _seen(spec: Spec, step: Step) -> float:
    """The share of its input that a layer reads, as far as stride and window tell."""
    found = spec.window(step)
    if found is None:
        return 1.0
    share = 1.0
    for _, n, k, s, _, d in found[1].axes(found[0]):
        if d == 1 and isinstance(n, int) and n > k:
            share *= min(1, k / s)
    return share
