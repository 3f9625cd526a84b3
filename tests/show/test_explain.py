"""One layer's arithmetic: as a textbook for the usual ones, something sensible for every one."""

from __future__ import annotations

import pytest

from cnndsl import resources
from cnndsl.diagnostics import UsageError
from cnndsl.layers import LAYERS
from cnndsl.show.explain import explain
from tests.show.nets import OPEN, SHARED, SMALL, analysed, zoo_analysed, zoo_source
from tests.support.golden import Golden

LESSONS = {
    "conv": "x: conv 11x11 96 s4",
    "conv-in-groups": "x: conv 5x5 256 p2 g2 nobias",
    "conv-uneven": "x: conv 3x5 8 s2x3 d2x1",
    "dwconv": "x: dwconv 3x3 s2 p1",
    "deconv": "x: deconv 4x4 8 s2 p1 op1",
    "fc": "x: fc 10",
    "pool": "x: pool 3x3 s2 ceil",
    "avgpool": "x: avgpool 2x2",
    "gap": "x: gap",
    "bn": "x: bn",
    "prelu": "x: prelu",
    "relu": "x: relu",
    "dropout": "x: dropout",
    "lrn": "x: lrn 5",
    "upsample": "x: upsample 2x2 bilinear",
    "concat": "y: conv 1x1 8\nx: concat image",
    "unpool": "P: pool 2x2\nx: unpool P",
    "take": "x: take 0 1",
    "pad": "x: pad 1 reflect",
}


@pytest.mark.parametrize("name", LESSONS)
def test_lessons(name: str, golden: Golden) -> None:
    shape = "96@27x27" if name == "conv-in-groups" else "3@227x227" if name == "conv" else "4@32x32"
    text = f"cnndsl 1\nnet Lesson\ninput image {shape}\n{LESSONS[name]}\n"
    golden(f"explain-layer/{name}", text, lambda text: explain(analysed(text), "x"))


def test_every_layer_of_the_zoo_is_explained() -> None:
    """Each kind of layer once in each net; no line is empty or says 0 for what is unknown."""
    for name in resources.zoo_names():
        analysis = zoo_analysed(name, zoo_source(name))
        for row in {row.layer.word: row for row in analysis.rows}.values():
            text = explain(analysis, row.name)
            assert text.startswith(f"{row.name}: {row.layer.word}")
            for section in ("shape", "parameters", "multiply-adds", "operations", "memory", "rule"):
                assert f"\n{section}\n  " in text
            assert all(len(line) <= 100 for line in text.splitlines()[4:])


def test_layers_with_examples_are_all_explained() -> None:
    """Every registered layer, on the inputs of its own documentation's examples."""
    for word, kind in LAYERS.items():
        for example in kind.examples:
            shapes = example.input.split()
            if kind.references != (0, 0) or len(shapes) > 1 or "C" in example.text:
                continue
            text = f"cnndsl 1\nnet E\ninput image {shapes[0]}\nx: {example.text}\n"
            assert explain(analysed(text), "x").startswith(f"x: {word}")


def test_names_may_be_cut_off_in_front() -> None:
    analysis = analysed(SMALL)
    assert explain(analysis, "block1.conv1") == explain(analysis, "block1.conv1")
    assert explain(analysis, "stem").startswith("stem: conv 3x3 8 p1")
    assert explain(analysis, "bn2").startswith("block1.bn2: bn")


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "relu1",
            "2 layers end in `relu1`: `stem.relu1`, `block1.relu1`, …; write more of the name",
        ),
        ("block1", "`block1` is a block; explain one of its layers, such as `block1.conv1`"),
        ("stm", "there is no layer `stm`; did you mean `stem`?"),
        ("zzz", "there is no layer `zzz`; `cnndsl report` lists them"),
    ],
)
def test_names_that_dont_fit(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain(analysed(SMALL), name)
    assert str(caught.value) == message


def test_shared_and_open_and_heads() -> None:
    shared = explain(analysed(SHARED), "b")
    assert "none of its own: it uses those of `a`" in shared
    unknown = explain(analysed(OPEN), "e")
    assert "?: the sizes aren't fixed" in unknown
    assert "multiply-adds\n  ?" in unknown
    assert "of the net's parameters" not in explain(analysed(SMALL), "aux.fc1")
