"""Norms: how they average, and nets that lack them."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import MERGES, NORMS, Spec

LITTLE, DEEP = 0.5, 20


class SmallKeep(Rule):
    """A batch norm keeps less than half of its running averages at every step, so they are those of
    the last few batches, and answers waver. `keep` is the share that stays: PyTorch's momentum=0.1
    is `keep=0.9`.
    """

    code = "small-keep"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 nobias -> bn keep=0.1 -> relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 nobias -> bn keep=0.9 -> relu
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.network.steps:
            keep = getattr(step.layer, "keep", 1)
            if step.layer.word == "bn" and keep < LITTLE:
                message = f"only {100 * keep:g} % of the running averages stay at each step"
                help = f"PyTorch's momentum={keep:g} is `keep={1 - keep:.3g}`"
                yield Finding(step.origin, message, help)


class DeepWithoutNorm(Rule):
    """Twenty layers with weights or more follow each other without a norm, a skip or another
    branch. Such nets were never trained from scratch before there was batch norm: signals grow or
    fade from layer to layer. `bn` behind the convolutions, or `residual`, cures it.
    """

    code = "deep-without-norm"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 relu *20
        gap
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 bn relu *20
        gap
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        words = {step.layer.word for step in spec.network.steps}
        if len(spec.weighted) < DEEP or words.intersection((*NORMS, *MERGES, "lrn", "selu")):
            return
        message = (
            f"{len(spec.weighted)} layers with weights follow each other without a norm or a skip"
        )
        yield Finding(
            spec.first_line(), message, "write `bn` behind convolutions, or use `residual:`"
        )
