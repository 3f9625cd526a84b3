"""Which words of the model may be labels of a spec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cnndsl.elaborate.meanings import FORMS
from cnndsl.elaborate.names import RESERVED, SHORT_OPTION
from cnndsl.importing.draft import Draft, Source, Step
from cnndsl.layers import LAYERS

LONGEST = 40  # letters of a label
_LAST_WORDS = """
cnndsl net input output loss use let def for in from if else and or not
"""
_PRELUDE = """
basicblock bottleneck inception mlpconv fire se separable inverted
"""
_OPERATOR_WORDS = """
conv convolution gemm matmul add mul sum relu concat pooling pool maxpool averagepool plus times
reshape flatten softmax clip batchnorm batchnormalization activation dropout sub div gap avgpool
globalaveragepool identity transpose squeeze unsqueeze tanh sigmoid linear dense deconv crop pad
getitem addmm conv2d convtranspose slice split output softmaxout prelu elu lrn upsample resize
interpolate view permute node
"""
KEYWORDS = frozenset(_LAST_WORDS.split())
BLOCKS = frozenset({*_PRELUDE.split(), "block", "mixed", "project"})
_OPERATORS = frozenset(_OPERATOR_WORDS.split())
_NUMBERED = re.compile(r"(.*?)_?\d*_?")
_MEANINGLESS = re.compile(r"(?i)(value|node|tensor|output|out|var|val|n|t|x|_)?_?\d*")


def decent(text: str) -> bool:
    """Whether a word may be a label, and says more than the layer does."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text) or len(text) > LONGEST:
        return False
    match = _NUMBERED.fullmatch(text)
    word = match.group(1) if match else text
    if not allowed(text) or word in LAYERS or word in FORMS or word in BLOCKS:
        return False
    if _MEANINGLESS.fullmatch(text):
        return False
    parts = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", text).lower())
    return word.lower() not in _OPERATORS and not _OPERATORS.intersection((*parts, text.lower()))


def stem(text: str) -> str:
    """A name without its numbers: `inception` of `inception_3a`."""
    return re.sub(r"_?\d+[a-z]?.*", "", text)


def allowed(text: str) -> bool:
    """Whether the language leaves the name free."""
    taken = text in LAYERS or text in FORMS or text in RESERVED or text in KEYWORDS
    return not taken and not SHORT_OPTION.fullmatch(text) and text not in BLOCKS


def cleaned(text: str, otherwise: str) -> str:
    """A name of the model as one of the language."""
    word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    word = re.sub(r"_+", "_", word)[:LONGEST].strip("_")
    return word if decent(word) else otherwise


class Names:
    """Labels that are given so far."""

    def __init__(self, draft: Draft):
        self.taken: set[str] = set()
        self.inputs: dict[Source, str] = {}
        for number, source in enumerate(draft.inputs, 1):
            alone = "image" if source.output.rank == 2 else "x"
            otherwise = alone if len(draft.inputs) == 1 else f"{alone}_{number}"
            word = cleaned(source.name, otherwise)
            self.inputs[source] = self.free(word if "input" not in word.lower() else otherwise)

    def free(self, word: str) -> str:
        """The word, or the word with a number where it is taken; it is taken from now on."""
        found, number = word, 1
        while found in self.taken:
            number += 1
            found = f"{word}_{number}"
        self.taken.add(found)
        return found

    def next(self, letter: str) -> str:
        """`e1`, `e2`: a letter with the next number."""
        number = 1
        while f"{letter}{number}" in self.taken:
            number += 1
        return self.free(f"{letter}{number}")

    def claim(self, word: str) -> str | None:
        """The word, if it is a decent label that nothing has yet."""
        if not decent(word) or word in self.taken:
            return None
        self.taken.add(word)
        return word


def common_word(steps: Iterable[Step]) -> str:
    """The part of the layers' names that all of them share: `inception_3a` of
    `inception_3a/1x1_1` and `inception_3a/concat`.
    """
    paths = [list(words_in(step.hint)) for step in steps if step.hint]
    if not paths:
        return ""
    shared: list[str] = []
    for row in zip(*paths, strict=False):
        if len(set(row)) > 1:
            break
        shared.append(row[0])
    return next((part for part in reversed(shared) if decent(part)), "")


def words_in(hint: str) -> Iterator[str]:
    """The parts of a name in the model that could be words."""
    yield from (part for part in re.split(r"[/.:]", hint) if part)
