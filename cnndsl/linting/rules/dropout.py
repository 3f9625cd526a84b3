"""Dropout where it does harm."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.linting.rule import Finding, Rule
from cnndsl.linting.spec import Spec

MUCH = 0.8


class DropoutOnOutput(Rule):
    """The last layer's values are dropped at random: the net is told to answer, and then not heard.
    Dropout belongs before the last layer with weights.
    """

    code = "dropout-on-output"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu
        fc 10 -> dropout 0.5
        output dropout1
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu -> dropout 0.5
        fc 10
        output fc1
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.network.steps:
            if step.layer.word == "dropout" and step.name not in spec.leads_to_weights:
                before = spec.producer(step.inputs[0])
                if before is not None and spec.has_weights(before):
                    message = f"`{step.name}` drops the answer itself"
                    yield Finding(step.origin, message, f"put it before `{before.name}`")


class DropoutBeforeNorm(Rule):
    """Values are dropped before a batch norm. Dropping changes their variance in training alone, so
    the norm's running averages are wrong for what it meets later, and accuracy falls (Li et al.
    2018, Understanding the Disharmony between Dropout and Batch Normalization, arXiv:1801.05134).
    Put dropout behind the last norm, or leave it out.
    """

    code = "dropout-before-norm"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu -> dropout 0.3
        conv 3x3 64 bn relu
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu
        conv 3x3 64 bn relu -> dropout 0.3
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.network.steps:
            if step.layer.word != "bn":
                continue
            for before in spec.chain(step, ("conv", "fc", "deconv", "dwconv", "relu")):
                if before.layer.word == "dropout":
                    message = f"`{before.name}` changes the variance that `{step.name}` measures"
                    yield Finding(before.origin, message, "put dropout behind the last norm")
                elif spec.has_weights(before) and before.name != step.inputs[0]:
                    break


class HeavyDropout(Rule):
    """More than three quarters of the values are dropped. Some tools say how many are kept, as
    TensorFlow 1 did (`keep_prob=0.8`); here, as in PyTorch and Keras, the number is the share that
    is dropped.
    """

    code = "heavy-dropout"
    wrong = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu -> dropout 0.8
        logits: fc 10
        output logits
        """
    right = """
        cnndsl 1
        net N
        input image 3@32x32
        conv 3x3 32 relu -> dropout 0.2
        logits: fc 10
        output logits
        """

    def find(self, spec: Spec) -> Iterator[Finding]:
        for step in spec.network.steps:
            share = getattr(step.layer, "probability", 0)
            if step.layer.word == "dropout" and share >= MUCH:
                message = f"{100 * share:g} % of the values are dropped"
                help = f"write `dropout {1 - share:.2g}` if {share:g} is the share that is kept"
                yield Finding(step.origin, message, help)
