"""Specs of all degrees of wrongness, drawn from random numbers: soups of tokens, and specs that are
mostly right.
"""

from __future__ import annotations

import re
from random import Random

from cnndsl.layers import LAYERS
from tests.fuzz.mutations import ODD

WORDS = (
    *LAYERS,
    *("residual", "head", "reuse", "skip", "project", "pad", "ifsame", "train", "C"),
    *("a", "b", "x", "n", "k", "P{i}", "P{n+1}", "a.b", "image", "f", "g"),
    *("cnndsl", "net", "input", "output", "loss", "use", "let", "def", "for", "in", "from", "if"),
    *("else", "and", "or", "not", "same", "half", "ceil", "bias", "nobias", "first", "true"),
    *("bottleneck", "fire", "inception", "se", "cross_entropy(", "mse(", "min(", "round8("),
)
NUMBERS = (
    *("0", "1", "2", "3", "8", "64", "0.5", "1e-5", "-1", "1e300", "999999999999999", "1048576"),
    *("2**53", "2**2**2**2", "(1/0)", "(4*n)", "(C//2)", "sqrt(-1)", "(n if n else C)"),
)
SIZES = ("3x3", "1x1", "{n}x{k}", "0x0", "1000000x1000000", "3x3x3", "k3", "k0", "s2", "s0", "p1")
SHAPES = ("3@8x8", "@16", "1@HxW", "2@64", "1@4x8x8", "{n}@{k}x{k}", "3@", "0@0x0", "3@8x8x8x8")
SIGNS = (":", "->", "|", "*", "*2", "*0", "*n", "*(n-1)", "*100000000", "(", ")", "=", ",", "+")
TOKENS = (*WORDS, *WORDS, *NUMBERS, *SIZES, *SHAPES, *SIGNS, *ODD)


def soup(random: Random) -> str:
    """Lines of tokens that mean nothing together."""
    lines: list[str] = []
    for _ in range(random.randint(0, 12)):
        words = random.choices(TOKENS, k=random.randint(0, 8))
        indent = "    " * random.choice([0, 0, 1, 2, 3])
        lines.append(indent + " ".join(words) + random.choice(["", "", ":"]))
    head = "net A(n=2, k=3)\ninput image 3@16x16\n" if random.random() < 0.7 else ""
    return head + "\n".join(lines)


# Specs that are mostly right

_NUMBERS = ("1", "2", "3", "4", "8", "n", "(n+1)", "(2*n)", "round8(n)", "max(n, 4)")
_BLOCK_NUMBERS = (*_NUMBERS, "C", "(C+n)", "(C if n > 2 else 2*C)")
_ACTIVATIONS = ("", "relu", "bn", "bn relu", "tanh", "activation", "hswish", "prelu")
_SAME = (
    "conv 3x3 {n} same",
    "conv 1x1 {n}",
    "conv k3 {n} half",
    "conv {{n}}x3 {n} same",
    "conv 5x5 same",
)
_KEEP = (
    "relu",
    "bn",
    "dropout",
    "skip",
    "ln",
    "dwconv 3x3 half",
    "pool 3x3 s1 same",
    "scale",
)


class _Writer:
    """Writes lines that fit together: it knows which labels there are, at which scale."""

    def __init__(self, random: Random):
        self.random = random
        self.labels: dict[str, int] = {"image": 0}
        self.scale = 0  # how often the map was halved
        self.count = 0
        self.in_block = False

    def pick(self, *options: str) -> str:
        return self.random.choice(options)

    def number(self) -> str:
        return self.pick(*(_BLOCK_NUMBERS if self.in_block else _NUMBERS))

    def label(self) -> str:
        self.count += 1
        return self.pick(f"a{self.count}", f"P{{{self.count}}}_", f"b.c{self.count}")

    def layer(self) -> str:
        """A layer that leaves height and width alone."""
        text = self.pick(*_SAME, *_KEEP).format(n=self.number())
        return f"{text} {self.pick(*_ACTIVATIONS)}".rstrip()

    def body(self, depth: int, most: int = 3) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(1, most)):
            lines += [f"    {line}" for line in self.statement(depth)]
        return lines

    def statement(self, depth: int) -> list[str]:
        kinds = ["chain", "chain", "chain", "label", "label"]
        if depth < 3:
            kinds += ["residual", "merge", "loop", "let"]
        if not self.in_block:
            kinds += ["call", "call", "scale", "head", "refer", "reuse"] if depth == 0 else ["call"]
        match self.pick(*kinds):
            case "label":
                return self.labelled()
            case "residual":
                option = self.pick("project", "project relu", "ifsame", "ifsame tanh")
                return [f"residual {option}:", *self.body(depth + 1)]
            case "merge":
                return self.merge(depth)
            case "loop":
                self.count += 1
                rows = self.pick("1 2", "2 (n+1)", "3")
                return [f"for i{self.count} in {rows}:", *self.unlabelled(depth)]
            case "let":
                self.count += 1
                return [f"let v{self.count} = {self.number()}", f"conv 1x1 v{self.count}"]
            case "call":
                call = self.pick("f {n}", "f {n} act=tanh", "f m={n} s1", "g", "g", "residual {n}")
                return [call.format(n=self.number()) + self.pick("", " relu", " *2", " if n")]
            case "scale":
                self.scale += 1
                return [
                    self.pick("pool 2x2", "conv 2x2 {n} s2", "avgpool 2x2").format(n=self.number())
                ]
            case "head":
                self.count += 1
                return [f"head h{self.count} train:", "    gap", f"    fc {self.number()}"]
            case "refer":
                return self.refer()
            case "reuse":
                return self.reuse()
            case _:
                lines = [self.layer() for _ in range(self.random.randint(1, 3))]
                return [" -> ".join(lines) + self.pick("", "", " *2", " *0", " if n > 2")]

    def labelled(self) -> list[str]:
        if self.in_block:
            return [self.layer()]
        label = self.label()
        self.labels[label] = self.scale
        return [f"{label}: {self.layer()}"]

    def unlabelled(self, depth: int) -> list[str]:
        """A body that runs more than once."""
        before, self.in_block = self.in_block, True
        body = [line.replace("C", "n") if not before else line for line in self.body(depth + 1)]
        self.in_block = before
        return body

    def merge(self, depth: int) -> list[str]:
        branches = [self.layer() for _ in range(self.random.randint(2, 3))]
        if self.random.random() < 0.5:
            branches[0] = "skip"
        if self.random.random() < 0.5:
            branches[-1] += " if n > 2"
        return [f"concat{self.pick('', ' relu')}:", *(f"    | {branch}" for branch in branches)]

    def refer(self) -> list[str]:
        near = [label for label, scale in self.labels.items() if scale == self.scale]
        if not near:
            return [self.layer()]
        label = self.pick(*near)
        return [self.pick(f"concat {label}", f"{self.layer()} from {label}")]

    def reuse(self) -> list[str]:
        label = self.label()
        self.labels[label] = self.scale
        lines = ["conv 1x1 4", f"{label}: conv 3x3 4 same", f"reuse {label} relu"]
        return lines if self.random.random() < 0.5 else [*lines, f"{self.label()}: reuse {label}"]


def mostly_right(random: Random) -> str:
    """A spec with blocks, loops, branches, heads and labels; now and then a line is wrong."""
    writer = _Writer(random)
    writer.in_block = True
    blocks = [
        "def f(m, s=1, act=relu): conv 3x3 m s=s p1 act",
        *("def g():", *(re.sub(r"\bn\b", "2", line) for line in writer.body(1))),
    ]
    writer.in_block = False
    shape = random.choice(["3@32x32", "3@HxW", "4@48x40", "1@32x64"])
    lines = [
        "cnndsl 1",
        "net Fuzz(n=2, activation=relu)",
        f"input image {shape}",
        *blocks,
        *(line for _ in range(random.choice([1, 2, 3, 6])) for line in writer.statement(0)),
        f"last: {writer.layer()}",
        *random.choice([[], ["output last"], ["output last image"]]),
        *random.choice([[], ["loss cross_entropy(last)"], ["loss 0.5*mse(last, last)"]]),
    ]
    if random.randint(0, 3) == 0:
        row = random.randint(3, len(lines) - 1)
        lines[row] = f"{lines[row]} {random.choice(TOKENS)}"
    return "\n".join(lines) + "\n"
