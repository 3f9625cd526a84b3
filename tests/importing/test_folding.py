"""What repeats with variations is written once."""

from pathlib import Path

import pytest

import cnndsl
from cnndsl.importing import import_model

HEAD = "cnndsl 1\nnet Folded(classes=10)\ninput image 3@32x32\nconv 3x3 32 p1 relu\n"

RES2NET = """
def split(n):
    y: skip
    a: take first=(C//4)
    b: conv 3x3 (C//4) p1 relu
    c: take first=(C//4) start=(C//4) from y
    d: add b -> conv 3x3 (C//4) p1 relu
    e: take last=(C//4) from y
    concat b d e from a
def block(n):
    residual relu:
        conv 1x1 n relu
        split n
        conv 1x1 C
block 16
block 32
conv 3x3 64 s2 p1 relu
block 32
block 64
"""

GHOST = """
def ghost(n):
    conv 1x1 n relu
    concat:
        | skip
        | dwconv 3x3 p1 relu
def block(n):
    residual:
        ghost n
        conv 3x3 C p1
def gated(n):
    residual:
        ghost n
        se 4
        conv 3x3 C p1
block 16
gated 24
conv 3x3 64 s2 p1 relu
gated 32
block 48
block 24
"""

BRANCHES = """
x: conv 3x3 32 s2 p1 relu
def stage(n):
    residual relu:
        conv 3x3 n p1 relu
        conv 3x3 n p1
    residual relu:
        conv 3x3 n p1 relu
        conv 3x3 n p1
y: conv 3x3 64 s2 p1 relu
a: stage 32 from x
b: stage 64 from y
c: conv 1x1 32 -> upsample 2x2
d: add c relu from a
e: stage 32 from d
f: conv 3x3 64 s2 p1 from a
g: add b relu
h: stage 64 from g
conv 1x1 32 -> upsample 2x2
add e
"""

SUMS = """
def block(n, s=1):
    add relu:
        | add:
            | add:
                | conv 1x1 n s=s
                | conv 3x3 n s=s p1
            | conv 3x3 n s=s p1
        | avgpool 3x3 s=s p1 -> conv 1x1 n
block 32
block 64 s2
a: block 64
b: conv 3x3 64 p1 relu
c: conv 5x5 64 p2 relu
d: add b from a
add c from d
"""

RESHAPED = """
def gated(n, s=1):
    conv 3x3 n s=s p1 relu
    mul:
        | skip
        | gap -> reshape 1@{n} -> conv 1 k5 p2 sigmoid -> reshape {n}@1x1
gated 32
gated 48 s2
gated 64
gated 96
"""

STACKED = """
def unit(n):
    residual:
        conv 1x1 n relu
        conv 3x3 C p1
def units(n, k): unit n *k
def stage(n, k):
    conv 3x3 n s2 p1 relu
    concat:
        | take first=(n//2)
        | take last=(n//2) -> units (n//2) k -> conv 1x1 n
stage 32 1
stage 64 4
stage 96 6
stage 128 3
"""

CELLS = """
def unit(n):
    dwconv 3x3 p1
    conv 1x1 n relu
    dwconv 3x3 p1
def cell(n, last):
    y1: conv 1x1 n
    y2: conv 1x1 n from last
    y3: unit n
    y4: unit n from y1
    y5: add y3
    unit n from y2
    y6: add y1
    concat y5 y6 from y2
c1: conv 3x3 32 p1 relu
c2: cell 16 c1 relu
c3: cell 16 c1 relu from c2
c4: cell 24 c2 relu from c3
c5: cell 24 c3 relu from c4
c6: cell 24 c4 from c5
"""

NUMBERS = """
def attended(n, m, f):
    conv 1x1 n relu
    mul:
        | reshape {n}@{m}x1
        | reshape {n}@1x{m}
    gap channels -> scale f
    flatten -> shuffle m
    reshape {m}@{m} sigmoid
    gap -> scale 2 -> reshape 1@{m//8}x8
    crop p=(0,0,m//8-4,4)
    upsample 4x4
conv 3x3 16 s2 p1
attended 16 256 0.25
conv 3x3 24 p1
attended 24 256 0.17
conv 3x3 32 s2 p1
attended 32 64 0.125
"""

SHARED = """
def stage(n):
    x{n}: conv 1x1 n
    a{n}: residual:
        conv 3x3 n p1 relu
        conv 3x3 n p1
    conv 3x3 n p1 relu
    reuse a{n}
    conv 1x1 n relu
stage 16
stage 24
stage 32
stage 48
"""

TWINS = """
def stage(n):
    y1: conv 1x1 n
    y2: conv 3x3 n p1 relu
    y3: dwconv 5x5 p2
    y4: conv 3x3 n p1 -> add y2 from y1
    y5: reuse y2 from y3
    concat y4
    conv 1x1 n -> add y1
stage 16
stage 24
conv 3x3 32 s2 p1 relu
stage 32
stage 48
"""

CROSSING = """
def cell(n, z):
    y1: conv 3x3 n p1 relu
    y2: conv 1x1 n from z
    conv 3x3 n p1 -> add y2 from y1
e1: conv 1x1 16
e2: conv 3x3 16 p1 relu from e1
e3: cell 24 e1
e4: cell 24 e2 from e1
e5: cell 32 e4 from e3
e6: cell 40 e3 from e5
concat e1 e2 e3 e4 e5
"""

AGGREGATED = """
def stage(n, m):
    y: skip
    y1: conv 3x3 n p1 relu
    y2: conv 3x3 n p1 relu
    y3: conv 3x3 n p1 relu
    y4: conv 3x3 n p1 relu
    concat y1 y2 y3 y4 from y
    conv 1x1 m relu
def short(n):
    concat:
        | conv 3x3 n p1 relu -> concat:
            | skip
            | conv 1x1 n relu -> conv 3x3 n p1 relu -> concat:
                | skip
                | conv 1x1 n relu -> conv 3x3 n p1 relu
        | skip
stage 16 48
stage 24 64
short 8
pool 2x2
stage 32 96
stage 48 80
short 16
"""

ACTIVATIONS = """
def block(n, m, act=relu, s=1):
    residual ifsame:
        conv 1x1 n act
        dwconv 3x3 s=s p1 act
        conv 1x1 m
block 64 24 s2
block 72 24
block 96 40 act=hswish s2
block 120 40 act=hswish
block 144 48 act=silu
"""

SIDES = """
def map(n, a, b):
    pool {a}x{b}
    conv 1x1 n relu
    residual:
        conv 3x1 n p1x0 relu
        conv 1x1 n
    upsample {a}x{b}
map 16 2 4
map 24 4 2
map 32 8 2
"""

AXES = """
def map(n):
    residual relu:
        conv 1x1 n relu
        conv 1x1 C
def signal(n):
    residual relu:
        conv n k1 relu
        conv C k1
map 16
map 24
reshape 32@1024
signal 16
signal 48
reshape 32@32x32
"""

BODIES = {
    "dag": (RES2NET, 30),
    "nested": (GHOST, 28),
    "sourced": (BRANCHES, 30),
    "sums": (SUMS, 19),
    "reshaped": (RESHAPED, 16),
    "stacked": (STACKED, 19),
    "cells": (CELLS, 32),
    "numbers": (NUMBERS, 28),
    "shared": (SHARED, 30),
    "twins": (TWINS, 20),
    "crossing": (CROSSING, 20),
    "aggregated": (AGGREGATED, 31),
    "activations": (ACTIVATIONS, 17),
    "sides": (SIDES, 16),
    "axes": (AXES, 17),
}


@pytest.mark.parametrize(("body", "most"), BODIES.values(), ids=BODIES)
def test_variations_of_a_block(body: str, most: int, tmp_path: Path) -> None:
    spec = f"{HEAD}{body.strip()}\ngap\nlogits: fc classes\noutput logits\n"
    cnndsl.compile(spec, tmp_path / "net.onnx")
    found = import_model(tmp_path / "net.onnx")
    lines = found.text.splitlines()
    assert len(lines) <= most, found.text
    written = cnndsl.analyse(cnndsl.parse(spec)).totals.params
    assert cnndsl.analyse(found.network).totals.params == written
