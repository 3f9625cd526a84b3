"""Scores, probabilities and losses that don't go together."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import Spec
from cnndsl.network import Origin
from cnndsl.syntax import tree

SOFTMAX = ("softmax", "logsoftmax")
OF_SCORES = ("cross_entropy", "focal")
CUTTING = ("relu", "relu6", "sigmoid", "tanh", "hsigmoid", "softsign")
ANY_NUMBER = ("conv", "deconv", "fc", "bn", "relu", "leaky", "tanh", "dwconv")


class SoftmaxBeforeLoss(Rule):
    """A loss that takes scores and makes probabilities of them itself is given what comes out of a
    softmax. Here training goes back to the scores, but PyTorch's and Keras's losses take a second
    softmax then, and learning becomes slow; the spec doesn't say what is computed. Name the scores.
    """

    code = "softmax-before-loss"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu
        logits: fc 10
        answer: softmax
        output answer
        loss cross_entropy(answer)
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu
        logits: fc 10
        answer: softmax
        output answer
        loss cross_entropy(logits)
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for function, name in _scores(spec):
            step = spec.producer(name)
            if step is not None and step.layer.word in SOFTMAX:
                message = f"`{function}` takes scores, and `{name}` is made by `{step.layer.word}`"
                yield Finding(loss_line(spec), message, f"name the scores: `{step.inputs[0]}`")


class CutScores(Rule):
    """The scores of the classes pass an activation before the softmax or the loss, which bounds
    them: behind a `relu` no score speaks against a class, behind a `sigmoid` no answer can be sure.
    The last layer has no activation.
    """

    code = "cut-scores"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu
        fc 10 relu -> softmax
        output softmax1
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu
        fc 10 -> softmax
        output softmax1
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        of_softmax = (s.inputs[0] for s in spec.network.steps if s.layer.word in SOFTMAX)
        for name in dict.fromkeys((*of_softmax, *(name for _, name in _scores(spec)))):
            step = spec.producer(name)
            if step is not None and step.layer.word in CUTTING:
                message = f"the scores pass `{step.layer.word}`, which bounds them"
                yield Finding(step.origin, message, f"leave `{step.layer.word}` out")


class SoftmaxOfOne(Rule):
    """A softmax over a single channel is 1, whatever goes in. Two classes need two scores; one
    score goes with `sigmoid` and `bce`.
    """

    code = "softmax-of-one"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu
        fc 1 -> softmax
        output softmax1
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu
        fc 1 -> sigmoid
        output sigmoid1
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        help = "use `sigmoid` and `bce`, or a score for each of two classes"
        for step in spec.network.steps:
            if step.layer.word in SOFTMAX and step.output.channels == 1:
                message = f"`{step.name}` has one channel, so it is constant"
                yield Finding(step.origin, message, help)
        for function, name in _scores(spec):
            if spec.network.shapes[name].channels == 1:
                message = f"`{function}` compares classes, and `{name}` has one score"
                yield Finding(loss_line(spec), message, help)


class NoProbabilities(Rule):
    """`bce` takes probabilities, from 0 to 1, and is given values of any size: their logarithm
    doesn't exist, and training stops with an error or learns nothing. A `sigmoid` makes
    probabilities; training takes it together with the loss, so that nothing is lost.
    """

    code = "no-probabilities"
    wrong = """
        cnndsl 1
        net N
        input image 1@32x32
        conv 3x3 32 p1 relu
        mask: conv 1x1 1
        output mask
        loss bce(mask, target)
        """
    right = """
        cnndsl 1
        net N
        input image 1@32x32
        conv 3x3 32 p1 relu
        mask: conv 1x1 1 sigmoid
        output mask
        loss bce(mask, target)
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for term in spec.network.loss:
            step = spec.producer(term.arguments[0])
            if term.function == "bce" and step and step.layer.word in ANY_NUMBER:
                message = f"`bce` takes probabilities, and `{step.name}` gives any number"
                yield Finding(loss_line(spec), message, f"write `sigmoid` behind `{step.name}`")


class HeadWithoutLoss(Rule):
    """The net has a head for training alone, and a `loss` that doesn't name it: nothing is learned
    by it, and it costs time.
    """

    code = "head-without-loss"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 relu
        head aux train:
            pool 8x8 -> fc 10
        conv 3x3 64 p1 relu -> pool 8x8
        logits: fc 10
        output logits
        loss cross_entropy(logits)
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 p1 relu
        head aux train:
            pool 8x8 -> fc 10
        conv 3x3 64 p1 relu -> pool 8x8
        logits: fc 10
        output logits
        loss cross_entropy(logits) + 0.3*cross_entropy(aux)
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        network = spec.network
        if not network.loss:
            return
        named = {
            network.by_name[n].head
            for t in network.loss
            for n in t.arguments
            if n in network.by_name
        }
        for head in network.heads:
            if head not in named:
                message = f"the loss doesn't name the head `{head}`, so it teaches nothing"
                yield Finding(loss_line(spec), message, f"add `0.3*cross_entropy({head})`")


def loss_line(spec: Spec) -> Origin:
    """The place of the loss."""
    losses = (s for s in spec.file.statements if isinstance(s, tree.Loss))
    return Origin(next(losses).span)


def _scores(spec: Spec) -> Iterator[tuple[str, str]]:
    """The losses that take scores, and the values that they are given."""
    for term in spec.network.loss:
        if term.function in OF_SCORES:
            yield term.function, term.arguments[0]
