"""Reading stays fast: bounds are loose, so that only another order of growth breaks them."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from cnndsl.diagnostics import SpecError
from cnndsl.source import Source
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write

BLOCK = """\
residual relu:
    conv 3x3 64 s2 p1 bn relu -> pool 2x2 s2
    a{0}: conv 1x1 (4*n) bn if x != C
"""
LARGE = "".join(BLOCK.format(index) for index in range(3_333))

HOSTILE = {
    "one wrong line among many": LARGE + "conv 5x5x\n",
    "continuation lines": "a\n" + "->a\n" * 87_000,
    "continuation lines in groups": ("a\n" + "->a\n" * 2_000) * 43,
    "a long word": "a" * 340_000,
    "long words": ("a" * 9_000 + "\n") * 38,
    "long paths": ("a." * 4_500 + "\n") * 38,
    "sizes": ("1x" * 4_500 + "\n") * 38,
    "braces": ("a{" * 4_500 + "\n") * 38,
    "templates": ("a{1}" * 2_400 + "\n") * 38,
    "at signs": ("@" * 9_000 + "\n") * 38,
    "commas": ("a(" + "1," * 4_500 + "\n") * 38,
    "blank lines": " \n" * 174_000 + "a",
    "comments": "#\n" * 174_000 + "a",
    "brackets": "[\n" * 174_000,
}


def seconds(text: str) -> float:
    start = time.process_time()
    with suppress(SpecError):
        parse(Source("large.cnn", text))
    return time.process_time() - start


def test_ten_thousand_lines() -> None:
    file = parse(Source("large.cnn", LARGE))
    start = time.process_time()
    assert write(file).count("\n") == LARGE.count("\n") + 1
    assert time.process_time() - start < 5
    assert seconds(LARGE) < 10


@pytest.mark.slow
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_texts_end_soon(case: str) -> None:
    assert seconds(HOSTILE[case]) < 20


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("line", ["relu " + "a" * 60_000 + " ()", "input x " + "3" * 60_000 + ")"])
def test_a_long_word_before_a_mistake_is_looked_at_once(line: str) -> None:
    assert seconds(f"cnndsl 1\n{line}\n") < 2


def test_threads_may_read_at_the_same_time() -> None:
    texts = [f"a: conv {number}x{{{number}+n}}\n" * 50 for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        files = list(pool.map(lambda text: parse(Source("x.cnn", text)), texts))
    assert [file.statements for file in files] == [
        parse(Source("x.cnn", text)).statements for text in texts
    ]
