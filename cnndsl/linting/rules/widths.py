"""How wide layers are."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import Spec

MULTIPLE, LEAST = 8, 64
MANY, MOST_OF = 1_000_000, 2


class OddChannels(Rule):
    """A wide convolution has a number of channels that isn't a multiple of 8. Vector units and
    tensor cores work on 8, 16 or 32 channels at a time, so 100 take as long as 104, or longer. The
    last layer, whose width is the number of classes, is left alone, and so are narrow ones.
    """

    code = "odd-channels"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 100 relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 96 relu
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.weighted:
            count = step.output.channels
            odd = count >= LEAST and count % MULTIPLE
            if odd and step.layer.word in ("conv", "deconv") and step.name in spec.leads_to_weights:
                below = count // MULTIPLE * MULTIPLE
                message = (
                    f"hardware works on {MULTIPLE} channels at a time, and {count} are no multiple"
                )
                help = f"{below} or {below + MULTIPLE} suit better"
                yield Finding(step.origin, message, help)


class HeavyDense(Rule):
    """A dense layer that reads a whole map holds more than half of the net's parameters, a million
    at least. It costs memory and learns places by heart. A mean over the map (`gap`) before it
    takes the weights away and makes the net take pictures of any size; a pool before it, or fewer
    units, take some.
    """

    code = "heavy-dense"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 64 p1 relu
        fc 256 relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 64 p1 relu -> pool 2x2
        conv 3x3 64 p1 relu -> pool 2x2
        fc 128 relu
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        total = spec.analysis.totals.params
        for row in spec.analysis.rows:
            if row.layer.word != "fc" or row.params < MANY or row.params * MOST_OF <= total:
                continue
            x = row.inputs[0]
            for before in spec.chain(row.step, ("flatten", "dropout")):
                x = spec.network.input_shapes(before)[0] if before.layer.word == "flatten" else x
            if x.elements > x.channels:
                share = 100 * row.params / total
                message = (
                    f"this dense layer holds {row.params:,} of the net's parameters, {share:.0f} %"
                )
                help = (
                    f"`gap` before it leaves a weight for each of {x.channels} channels, not of {x}"
                )
                yield Finding(row.step.origin, message, help)
