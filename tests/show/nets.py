"""Small nets for the tests of what is shown."""

from __future__ import annotations

from pathlib import Path

from cnndsl import resources
from cnndsl.analyse import Analysis, analyse
from cnndsl.network import Network
from cnndsl.source import Source
from cnndsl.specs import find, load

SPECS = Path(__file__).resolve().parents[1] / "specs"

SMALL = """\
cnndsl 1
net Small(classes=3)
input image 3@16x16
def block(n):
    conv 3x3 n same bn relu
    conv 1x1 n bn
stem: conv 3x3 8 p1 relu
pool 2x2
block 8
head aux train:
    gap
    fc classes
gap
logits: fc classes
output logits
"""

OPEN = """\
cnndsl 1
net Open
input image 1@HxW
e: conv 3x3 8 same relu
pool 2x2
upsample 2x2
concat e
conv 1x1 2
"""

SHARED = """\
cnndsl 1
net Shared
input left 1@8x8
input right 1@8x8
a: conv 3x3 4 same relu from left
b: reuse a from right
both: concat a from b
"""


def network(text: str) -> Network:
    return load(Source("net.cnn", text))[0]


def analysed(text: str) -> Analysis:
    return analyse(network(text))


def zoo_source(name: str) -> str:
    return find(name).text


def zoo_analysed(name: str, text: str) -> Analysis:
    return analyse(load(Source(f"zoo/{name}.cnn", text, resources.zoo_path(name).parent))[0])
