"""The stages that `show` prints: the syntax tree and the graph's nodes."""

from __future__ import annotations

from cnndsl.lower import lower
from cnndsl.show.nodes import listing
from cnndsl.show.outline import outline
from cnndsl.source import Source
from cnndsl.syntax.parse import parse
from tests.show.nets import SMALL, network
from tests.support.golden import Golden

EVERYTHING = """\
cnndsl 1
use "blocks.cnn"
net N(n=1, act=relu)
input x 3@{n*8}xW
let m = 2 if n else -n
for i, k in (1, 3) (2, 5):
    P{i}: conv {k}x{k} (m+1) s2 p=(1,0,1,0) act -> lrn 5 alpha=1e-4 *2 if n > 1
concat:  # both
    | skip
    | pool 3x3 s1 same from x
loss 0.5*mse(x, x)
output P1
"""


def test_the_tree_shows_every_node_with_its_place(golden: Golden) -> None:
    golden("show/tree", EVERYTHING, lambda text: outline(parse(Source("net.cnn", text))))


def test_the_graph_is_listed(golden: Golden) -> None:
    golden("show/graph", SMALL, lambda text: listing(lower(network(text))))


def test_missing_inputs_and_long_constants(golden: Golden) -> None:
    text = "cnndsl 1\nnet G\ninput x 2@4x4\ngap 3x3\nupsample 2x2\nleaky 0.1\n"
    golden("show/constants", text, lambda text: listing(lower(network(text))))
