"""How far a net sees."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import Spec
from cnndsl.network import Step

HEAD = ("flatten", "fc", "dropout", "softmax", "logsoftmax", "relu", "bn")
SHARE = 4
SMALLEST = 16


class ShortSighted(Rule):
    """The answer is a mean over places that each see less than a quarter of the picture's height or
    width, so nothing in it depends on how larger parts lie to each other: a net of textures. More
    layers, strides, pools or dilation let it see further; `cnndsl report` shows how far each layer
    sees.
    """

    code = "short-sighted"
    wrong = """
        cnndsl 1
        net N
        input image 3@64x64
        conv 3x3 32 p1 relu
        conv 3x3 64 p1 relu
        gap
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@64x64
        conv 3x3 32 p1 relu -> pool 2x2
        conv 3x3 64 p1 relu -> pool 2x2
        conv 3x3 128 p1 relu
        gap
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        if len(spec.network.inputs) != 1:
            return
        sizes = spec.network.inputs[0].shape.space
        for step in spec.network.steps:
            if step.head or step.layer.word not in ("gap", "gmp") or not _ends(spec, step):
                continue
            field = spec.fields.get(step.inputs[0])
            if field is None or field.everything or len(field.axes) != len(sizes):
                continue
            for axis, size in zip(field.axes, sizes, strict=True):
                if isinstance(size, int) and size >= SMALLEST and axis.size * SHARE < size:
                    message = f"each place before `{step.name}` sees {axis.size} of {size} pixels"
                    help = "add layers, pools or strides before it"
                    yield Finding(step.origin, message, help)
                    break


def _ends(spec: Spec, step: Step) -> bool:
    """Whether what comes behind a step is the net's answer."""
    for _ in range(len(HEAD)):
        if step.name in spec.kept:
            return True
        following = spec.sole_reader(step.name)
        if following is None or following.layer.word not in HEAD:
            return False
        step = following
    return False
