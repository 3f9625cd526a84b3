"""How a net begins."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import CONVOLUTIONS, POOLS, Spec
from cnndsl.network import Step
from cnndsl.shape import at

SMALL, FACTOR = 64, 4
COLOURS = 4


class PoolOnInput(Rule):
    """The net pools the picture before any layer has looked at it, so details are gone that no
    filter has seen. Give the net smaller pictures, or let a convolution go first.
    """

    code = "pool-on-input"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        pool 2x2 -> conv 3x3 32 relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 relu -> pool 2x2
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for given in spec.network.inputs:
            step = spec.sole_reader(given.name)
            if step and step.layer.word in POOLS and given.shape.channels <= COLOURS:
                message = f"`{step.name}` pools `{given.name}` before any layer has looked at it"
                help = "let a convolution go first, or give the net smaller pictures"
                yield Finding(step.origin, message, help)


class EarlyDownsampling(Rule):
    """A small picture is made four times smaller before the second convolution sees it. Strides of
    2 at the beginning, as ImageNet's nets have them, are for pictures of 224 pixels; of one of 32
    they leave too little. The usual variant for small pictures begins with a 3x3 convolution
    without a stride, and without a pool.
    """

    code = "early-downsampling"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 7x7 32 s2 p3 relu -> pool 3x3 s2 p1
        conv 3x3 64 p1 relu -> pool 4x4
        fc 10
        output fc1
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 relu
        conv 3x3 64 p1 relu -> pool 4x4
        fc 10
        output fc1
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        following = (step for step in spec.weighted[1:] if _looks_around(spec, step))
        first, second = next(iter(spec.weighted), None), next(following, None)
        if len(spec.network.inputs) != 1 or first is None or second is None:
            return
        given, x = spec.network.inputs[0], spec.network.input_shapes(second)[0]
        if given.name not in first.inputs or first.layer.word not in CONVOLUTIONS:
            return
        sizes = [at(n, 0) for n in given.shape.space]
        if not x.is_concrete or x.rank != len(sizes) or max(sizes) > SMALL:
            return
        if all(n >= FACTOR * at(m, 0) for n, m in zip(sizes, x.space, strict=True)):
            message = f"the second convolution, `{second.name}`, sees {x} of {given.shape} only"
            help = "begin small pictures with a 3x3 convolution without stride, and pool later"
            yield Finding(first.origin, message, help)


def _looks_around(spec: Spec, step: Step) -> bool:
    """Whether it is a convolution whose window is larger than a pixel, on a map that is."""
    found = spec.window(step)
    if found is None:
        return False
    x, window = found
    return max(window.kernel) > 1 and any(size != 1 for size in x.space)
