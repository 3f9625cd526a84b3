"""A folded block is shown as its call, with what its arguments stand for."""

from cnndsl.analyse import analyse
from cnndsl.show.entries import entries
from tests.support.specs import network

SPEC = """cnndsl 1
input x 3@8x8
def block(n, s=1, act=relu):
    conv 3x3 n s=s p1 -> act
def stage(n, k, act=relu):
    block n act=act *k
for i, n in (1, 4) (2, 8):
    s_{i}: block n
    t{i}: conv 3x3 (2*n) p1 -> relu
    stage (n // 2) i act=(leaky 0.1)
block 4 s2 -> relu
conv 1x1 3
"""


def texts(depth: int) -> dict[str, str]:
    return {e.name: e.text for e in entries(analyse(network(SPEC)), depth)}


def test_the_outermost_call_with_values() -> None:
    assert texts(1) == {
        "s_1": "block 4",
        "t1": "conv 3x3 8 p1 -> relu",
        "stage1": "stage 2 1 act=(leaky 0.1)",
        "s_2": "block 8",
        "t2": "conv 3x3 16 p1 -> relu",
        "stage2": "stage 4 2 act=(leaky 0.1)",
        "block1": "block 4 s2",
        "relu1": "relu",
        "conv1": "conv 1x1 3",
    }


def test_calls_in_calls() -> None:
    found = texts(2)
    assert found["stage1.block1"] == "block 2 act=(leaky 0.1)"
    assert found["stage2.block2"] == "block 4 act=(leaky 0.1)"
