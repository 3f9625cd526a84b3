"""`--fix`: what is mended, what is left alone, and that models answer as before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cnndsl import resources
from cnndsl.linting import lint
from cnndsl.linting.fixing import fix
from cnndsl.linting.meaning import meaning
from cnndsl.source import Source
from cnndsl.specs import find
from tests.support.faulty_specs import FAULTY, FINE
from tests.support.specs import NAME, network, with_input

MENDED = {
    "conv 3x3 8 relu relu\nfc 3": "conv 3x3 8 relu\nfc 3",
    "conv 3x3 8 relu\nrelu\nfc 3": "conv 3x3 8 relu\nfc 3",
    "conv 3x3 8 relu\nrelu -> fc 3": "conv 3x3 8 relu\nfc 3",
    "conv 3x3 8 relu -> relu -> fc 3": "conv 3x3 8 relu -> fc 3",
    "conv 3x3 8 relu\n    -> relu\n    -> fc 3": "conv 3x3 8 relu\n    -> fc 3",
    "conv 3x3 8 relu\n    -> relu  # why\n    -> fc 3": "conv 3x3 8 relu\n  # why\n    -> fc 3",
    "conv 3x3 8 relu -> dropout 0\nfc 3": "conv 3x3 8 relu\nfc 3",
    "conv 3x3 8 relu -> pool 1x1 -> fc 3": "conv 3x3 8 relu -> fc 3",
    "conv 3x3 8 sigmoid relu relu\nfc 3": "conv 3x3 8 sigmoid relu\nfc 3",
    "let a = 1\nlet b = a\nconv 3x3 8 relu": "conv 3x3 8 relu",
    "def f(): relu\ndef g():\n    f\n    f\nconv 3x3 8": "conv 3x3 8",
    "conv 3x3 8 relu  # noqa: odd-channels": "conv 3x3 8 relu",
    "conv 3x3 8 relu\nrelu\nrelu\nrelu\nfc 3": "conv 3x3 8 relu\nfc 3",
    "conv 1x1 8 relu\nconv 1x1 8 relu\nconv 1x1 8 relu\nfc 3": "conv 1x1 8 relu *3\nfc 3",
}

LEFT_ALONE = [
    "a: conv 3x3 8 relu\nb: relu\nfc 3",  # a label would go
    "a: conv 3x3 8 relu\nfc 3\nrelu from a\nfc 3",  # the line goes back to `a`
    "def f(act=relu): conv 3x3 8 act -> relu\nf\nfc 3",  # with another `act` it does something
    "conv 3x3 8\nrelu if 1\nrelu\nfc 3",  # without the condition it does something
    "conv 3x3 8 relu\nrelu *2\nfc 3",
    "conv 3x3 8 sigmoid relu\nfc 3",  # either may be meant
    "conv 3x3 8 relu relu\na: fc 3\noutput relu2 a",  # the output would be called otherwise
]


def mended(text: str) -> str:
    """What a fix makes of it, but for an `output` that is missing."""
    fixed = fix(Source(NAME, with_input(text)))
    lines = fixed.source.text.rstrip("\n").split("\n")
    added = "output" not in text and lines[-1].startswith("output ")
    return "\n".join(lines[2 : -1 if added else None])


@pytest.mark.parametrize("text", MENDED, ids=MENDED)
def test_what_is_mended(text: str) -> None:
    assert mended(text) == MENDED[text]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_is_left_alone(text: str) -> None:
    assert mended(text) == text
    assert lint(Source(NAME, with_input(text)))


@pytest.mark.parametrize("text", [*FAULTY, *MENDED, *FINE])
def test_a_mended_net_computes_the_same(text: str) -> None:
    before = Source(NAME, with_input(text))
    after = fix(before).source
    if after.text != before.text:
        assert meaning(network(before.text)) == meaning(network(after.text))
    assert fix(after).mended == (), "a second time there is nothing to mend"


@pytest.mark.parametrize("text", MENDED)
def test_a_mended_model_answers_the_same(text: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    import cnndsl

    before = with_input(text, "3@8x8")
    after = fix(Source(NAME, before)).source.text
    image = np.random.default_rng(0).random((1, 3, 8, 8), np.float32)
    answers: list[np.ndarray] = []
    for number, spec in enumerate((before, after)):
        path = tmp_path / f"{number}.onnx"
        cnndsl.compile(spec, path, seed=1)
        answers.append(next(iter(cnndsl.run(path, image).values())))
    np.testing.assert_array_equal(*answers)


def test_meaning_tells_nets_apart() -> None:
    texts = [
        "a: conv 3x3 8\nb: conv 3x3 8 from image\nadd a",
        "b: conv 3x3 8\na: conv 3x3 8 from image\nadd b",
        "a: conv 3x3 8\nb: conv 3x3 8 from image\nsub a",
        "conv 3x3 8 relu",
        "conv 3x3 8 tanh",
        "c: conv 3x3 8 relu",
        "fc 8 -> dropout 0.5",
        "fc 8 -> dropout 0.4",
        "fc 8\nloss cross_entropy(fc1)",
        "fc 8\nloss focal(fc1)",
    ]
    found = [meaning(network(with_input(text))) for text in texts]
    assert all(a != b for i, a in enumerate(found) for b in found[:i])


@pytest.mark.parametrize("name", resources.zoo_names())
def test_nothing_is_found_in_the_zoo(name: str) -> None:
    source = find(name)
    assert [f"{d.code}: {d.message}" for d in lint(source)] == []
    assert fix(source).source.text == source.text
