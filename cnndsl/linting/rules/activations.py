"""Activations that are missing, or stand where they do harm."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.linting.redundancy import NEVER_NEGATIVE
from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import Spec
from cnndsl.network import Step

LINEAR = ("bn", "dropout", "droppath", "scale", "avgpool", "gap", "flatten")
SQUASHING = ("sigmoid", "tanh")
MOST_SQUASHING = 5
FAR = 32


class MissingActivation(Rule):
    """Two layers with weights follow each other without an activation between them, so together
    they can say no more than one of them alone; a norm or a mean between them changes nothing about
    that. Where the first is a bottleneck, with fewer channels than go in and come out, it saves
    weights, and nothing is said; nor is it where one works on each channel alone, or where a window
    is split into its height and its width, `conv 3x1` and `conv 1x3`.
    """

    code = "missing-activation"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1
        conv 3x3 64 p1 relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 relu
        conv 3x3 64 p1 relu
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.weighted:
            if not _is_full(step):
                continue
            behind = [*spec.chain(step, LINEAR)]
            if not behind or not _is_full(behind[-1]):
                continue
            before = behind[-1]
            (x, *_), middle = spec.network.input_shapes(before), before.output.channels
            entering = x.elements if before.layer.word == "fc" else x.channels
            if middle >= min(entering, step.output.channels) and not _are_split(spec, before, step):
                message = (
                    f"`{before.name}` and `{step.name}` are one linear layer together: no "
                    "activation stands between them"
                )
                yield Finding(before.origin, message, "write one, as in `relu`, behind it")


def _are_split(spec: Spec, before: Step, step: Step) -> bool:
    """Whether the windows of both lie along different axes, so that together they are larger."""
    first, second = spec.window(before), spec.window(step)
    if first is None or second is None:
        return False
    kernels = first[1].kernel, second[1].kernel
    alone = all(1 in pair for pair in zip(*kernels, strict=True))
    return alone and all(max(kernel) > 1 for kernel in kernels)


def _is_full(step: Step) -> bool:
    """Whether it mixes all channels."""
    return step.layer.word in ("conv", "fc") and getattr(step.layer, "groups", 1) == 1


class SaturatingActivations(Rule):
    """Many layers in a row are squashed by `sigmoid` or `tanh`, whose slope is small wherever they
    are far from 0: gradients vanish on the way back, and the first layers hardly learn. `relu` and
    its like don't have that. Gates (`mul`) and outputs are left alone, and so are nets with few of
    them.
    """

    code = "saturating-activations"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 sigmoid *6
        gap
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 relu *6
        gap
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        found = [
            step
            for step in spec.network.steps
            if step.layer.word in SQUASHING and _squashes(spec, step)
        ]
        if len(found) > MOST_SQUASHING:
            first = found[0]
            squashed = f"{len(found)} layers are squashed by `{first.layer.word}`"
            message = f"{squashed}: gradients vanish on the way"
            yield Finding(first.origin, message, "use `relu` or its like inside the net")


def _squashes(spec: Spec, step: Step) -> bool:
    before, after = spec.producer(step.inputs[0]), spec.readers.get(step.name, [])
    behind = before is not None and (spec.has_weights(before) or before.layer.word == "bn")
    return behind and bool(after) and all(r.layer.word not in ("mul", "div") for r in after)


class ReluBeforeAdd(Rule):
    """The body of a residual block ends in an activation that is never negative, so the block can
    only add to what goes past it, and values grow from block to block. The body should end in a
    convolution or its norm; the activation comes behind the sum, `residual relu:` (He et al. 2016,
    Identity Mappings in Deep Residual Networks, arXiv:1603.05027, figure 4c).
    """

    code = "relu-before-add"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 relu
        residual:
            conv 3x3 32 p1 bn relu
            conv 3x3 32 p1 bn relu
        pool 8x8
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 relu
        residual relu:
            conv 3x3 32 p1 bn relu
            conv 3x3 32 p1 bn
        pool 8x8
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.network.steps:
            if step.layer.word != "add" or len(step.inputs) != 2:
                continue
            for name, other in (step.inputs, step.inputs[::-1]):
                last = spec.producer(name)
                if last and last.layer.word in NEVER_NEGATIVE and _leads_to(spec, other, last):
                    message = (
                        f"`{last.name}` ends the body, so `{step.name}` can only add to its input"
                    )
                    help = "write the activation behind the sum: `residual relu:`"
                    yield Finding(last.origin, message, help)
                    break


def _leads_to(spec: Spec, name: str, step: Step) -> bool:
    """Whether a value is what a chain of layers with weights begins with, which ends in a step."""
    weights = False
    for _ in range(FAR):
        if len(step.inputs) != 1:
            return False
        if step.inputs[0] == name:
            return weights
        before = spec.producer(step.inputs[0])
        if before is None:
            return False
        weights |= spec.has_weights(before)
        step = before
    return False
