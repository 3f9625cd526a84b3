"""Specs that are meant to keep the computer busy, and large ones that are allowed."""

from __future__ import annotations

from cnndsl.elaborate.scope import LONGEST_NAME, MOST_BODIES, MOST_WORK
from cnndsl.elaborate.steps import MOST_ELEMENTS, MOST_STEPS
from cnndsl.syntax import limits

HEAD = "cnndsl 1\nnet A(n=4)\ninput x 3@32x32\n"
ANY = "cnndsl 1\nnet A(n=4)\ninput x 1@HxW\n"
STEPS, WORK, ELEMENTS = f"{MOST_STEPS:,} layers", f"{MOST_WORK:,} lines", f"{MOST_ELEMENTS:,}"
COUNTS = " ".join(map(str, range(2, 2000)))


def nested(lines: list[str], last: str) -> str:
    """Each line the body of the one before."""
    return "".join(f"{' ' * i}{line}\n" for i, line in enumerate([*lines, last]))


LOOPS = [f"for a{i} in 1 2 3 4 5 6 7 8 9 10:" for i in range(8)]
DOUBLING = "".join(f"def f{i + 1}(): f{i} -> f{i}\n" for i in range(30))
DEEP = "".join(f"def f{i + 1}():\n    a: f{i}\n" for i in range(100))

HOSTILE = {  # the text, the code, and what its message says
    # layers without end
    "a repeated line": (f"{HEAD}conv 3x3 16 same bn relu *20000\n", "too-many-layers", STEPS),
    "a line repeated too often": (f"{HEAD}relu *100000000\n", "bad-repeat", "20,000"),
    "a computed repeat": (f"{HEAD}relu *(2**40)\n", "bad-repeat", "20,000"),
    "loops in loops": (HEAD + nested(LOOPS, "relu"), "too-many-layers", STEPS),
    "a loop that counts": (f"{HEAD}for i in range(2**50):\n    relu\n", "too-many-layers", STEPS),
    "blocks that double": (
        f"{HEAD}def f0(): relu *9\n{DOUBLING}f30\n",
        "too-many-layers",
        STEPS,
    ),
    "reuse that doubles": (
        HEAD + "a0: relu\n" + "".join(f"a{i + 1}: reuse a{i} -> reuse a{i}\n" for i in range(30)),
        "too-many-layers",
        STEPS,
    ),
    "reuse of a long line": (
        f"{HEAD}a0: conv 3x3 3 same *9000\nreuse a0\nreuse a0\n",
        "too-many-layers",
        STEPS,
    ),
    "branches": (f"{HEAD}concat:\n" + "    | relu tanh\n" * 10_000, "too-many-layers", STEPS),
    "a long line, repeated": (f"{HEAD}{'relu ' * 1900}*20000\n", "too-many-layers", STEPS),
    # work without layers
    "loops around nothing": (
        HEAD + nested(LOOPS, "let z = a1*a2*a3"),
        "too-much-to-unroll",
        WORK,
    ),
    "counting for nothing": (
        f"{HEAD}for i in range(2**50):\n    relu if 0\n",
        "too-much-to-unroll",
        WORK,
    ),
    "lines left out": (
        HEAD + "def f():\n" + "    relu if 0\n" * 5000 + f"for i in {COUNTS}:\n    f\n",
        "too-much-to-unroll",
        WORK,
    ),
    "blocks that do nothing": (
        f"{HEAD}def f0(): skip\n{DOUBLING}f30\n",
        "too-much-to-unroll",
        WORK,
    ),
    "many arguments, repeated": (
        f"{HEAD}take {'0 ' * 4900}*20000\n",
        "too-much-to-unroll",
        WORK,
    ),
    "a large sum, repeated": (
        f"{HEAD}def f(a): conv 1x1 ({'a+' * 99}a)\nf 1 *20000\n",
        "too-much-to-unroll",
        WORK,
    ),
    "variables in bodies": (
        HEAD
        + "def f():\n"
        + "".join(f"    let v{i} = {i}\n" for i in range(5000))
        + "    residual:\n        relu\nf *100\n",
        "too-much-to-unroll",
        WORK,
    ),
    # depth
    "a block that calls itself": (f"{HEAD}def f(): f\nf\n", "recursive-block", "never ends"),
    "blocks that call each other": (
        f"{HEAD}def f(m): g (m+1)\ndef g(m): f m\nf 1\n",
        "recursive-block",
        "by way of `g`",
    ),
    "blocks in blocks": (
        f"{HEAD}def f0(): relu\n{DEEP}a: f100\n",
        "nested-too-deep",
        f"more than {MOST_BODIES} deep",
    ),
    "reuse of reuse": (
        HEAD + "a0: relu\n" + "".join(f"a{i + 1}: reuse a{i}\n" for i in range(200)),
        "nested-too-deep",
        f"more than {MOST_BODIES} deep",
    ),
    "bodies in bodies": (
        HEAD + nested(["residual:"] * 45, "relu"),
        "nested-too-deep",
        f"more than {MOST_BODIES} deep",
    ),
    "more bodies than are read": (
        HEAD + nested(["residual:"] * 400, "relu"),
        "nested-too-deep",
        f"more than {limits.MAX_DEPTH} deep",
    ),
    "parentheses": (f"{HEAD}fc {'(' * 4000}1{')' * 4000}\n", "nested-too-deep", "more than 50"),
    # names
    "a long label": (f"{HEAD}{'a' * 9000}: relu *20000\n", "name-too-long", f"{LONGEST_NAME}"),
    "a label that grows": (
        f"{HEAD}let big = 9*10**14\nP{'{big}' * 20}: relu *20000\n",
        "name-too-long",
        f"{LONGEST_NAME}",
    ),
    "scopes that grow": (
        f"{HEAD}def f0(): relu\n"
        + "".join(f"def f{i + 1}():\n    {'b' * 60}: f{i}\n" for i in range(30))
        + "f30\n",
        "name-too-long",
        f"{LONGEST_NAME}",
    ),
    # numbers
    "a tower of powers": (f"{HEAD}fc ({'2**' * 60}2)\n", "number-too-large", "more than 64"),
    "a large product": (
        f"{HEAD}fc ({'99*' * 90}99)\n",
        "number-too-large",
        "9,007,199,254,740,992",
    ),
    "digits": (f"{HEAD}fc {'9' * 5000}\n", "number-too-large", "15"),
    # tensors
    "a large input": ("input x 1000000@1000000x1000000\nrelu\n", "too-large", ELEMENTS),
    "a larger input": ("input x 1@99999999x1\nrelu\n", "bad-input", "1,048,576"),
    "many filters": ("input x 1@1000000x1000000\nconv 3x3 4000 same\n", "too-large", ELEMENTS),
    "a large matrix": (f"{HEAD}fc 16000000\nfc 16000000\n", "too-large", ELEMENTS),
    "enlarging": (f"{HEAD}upsample 1000x1000 *30\n", "too-large", ELEMENTS),
    "a large kernel": (f"{HEAD}conv 1000000x1000000 same\n", "too-large", ELEMENTS),
    "a larger kernel": (f"{HEAD}conv 9999999x1 same\n", "invalid-argument", "1,048,576"),
    # sizes that are names
    "halving": (f"{ANY}pool 2x2 *20000\n", "symbolic-too-complex", "too complex"),
    "doubling": (f"{ANY}upsample 2x2 *20000\n", "symbolic-too-complex", "too complex"),
    "fractions": (
        f"{ANY}def f():\n    conv 3x3 1 s2 p1\n    upsample 3x3\nf *9000\n",
        "symbolic-too-complex",
        "too complex",
    ),
    "conditions": (
        f"{ANY}def f(k):\n    residual:\n        pool k=k\n        upsample k=k\n"
        f"for i in {COUNTS}:\n    f i\n",
        "symbolic-too-complex",
        "too complex",
    ),
    "comparisons": (
        f"{ANY}c: pool 64x64 -> upsample 64x64\n"
        + "pool 63x63 -> upsample 63x63 from x\nadd c\n" * 300,
        "too-much-to-unroll",
        WORK,
    ),
    "projections": (
        f"{ANY}def f(k):\n    residual project:\n        conv 3x3 4 s=k\n"
        f"for i in {COUNTS}:\n    f i\n",
        "residual-shape-mismatch",
        "can't be added",
    ),
    # files
    "a long file": (HEAD + "relu\n" * 100_000, "file-too-large", f"{limits.MAX_CHARACTERS:,}"),
    "a long line": (f"{HEAD}{'relu ' * 3000}\n", "line-too-long", f"{limits.MAX_LINE:,}"),
    # errors
    "suggestions among many labels": (
        HEAD
        + "".join(f"lab{i}: conv 3x3 3 same\n" for i in range(9000))
        + "".join(f"concat lob{i}\n" for i in range(60)),
        "unknown-word",
        "`lob0`",
    ),
    "an unknown layer, repeated": (f"{HEAD}pol 2x2 *20000\n", "unknown-layer", "`pol`"),
    "an unknown layer in loops": (HEAD + nested(LOOPS[:5], "pol"), "unknown-layer", "`pol`"),
}

LARGE = {  # what stays within the limits, with the number of its layers
    "layers": (f"{HEAD}bn *20000\n", 20_000),
    "weights in use again": (f"{HEAD}a0: conv 3x3 3 same\nreuse a0 *19999\n", 20_000),
    "branches": (f"{HEAD}concat:\n" + "    | relu\n" * 10_000, 10_001),
    "values to merge": (f"{HEAD}a: relu\nconcat {'a ' * 4900}*30\n", 31),
    "inputs": ("".join(f"input x{i} 3@4x4\n" for i in range(18_000)) + "relu\n", 1),
    "outputs": (
        HEAD
        + "".join(f"a{i}: relu\n" for i in range(5000))
        + f"output {' '.join(f'a{i}' for i in range(1400))}\n",
        5000,
    ),
    "heads": (HEAD + "".join(f"head h{i} train:\n fc 1\n" for i in range(9000)) + "relu\n", 9001),
    "blocks": (HEAD + "".join(f"def f{i}(): relu\n" for i in range(15_000)) + "f0\n", 1),
    "variables": (HEAD + "".join(f"let v{i} = {i}\n" for i in range(15_000)) + "relu\n", 1),
    "channels moved": (f"{HEAD}widen 16777216 -> take first=16777215 *1000\n", 2000),
    "channels shuffled": (f"{HEAD}widen 16777216\nshuffle 2 *1000\n", 1001),
    "pools to places": (f"{HEAD}P: pool 1x1\n" + "unpool P\n" * 15_000, 15_001),
    "windows of uneven size": (f"{HEAD}gap 31x31\ngap 30x30 *1000\n", 1001),
    "neighbours": (f"{HEAD}lrn 1000001 *1000\n", 1000),
}
