"""The canonical form: what it looks like, that it is stable, and that it says the same."""

import pytest
from hypothesis import given

from cnndsl.source import Source
from cnndsl.syntax import tree
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write
from tests.support.golden import Golden, golden_names
from tests.syntax import nodes as t
from tests.syntax.strategies import SPECS, commented_specs, files


def formatted(text: str) -> str:
    return write(parse(Source("test.cnn", text)))


@pytest.mark.parametrize("name", golden_names("fmt"))
def test_golden(name: str, golden: Golden) -> None:
    golden(name, None, formatted)


@pytest.mark.parametrize("name", SPECS)
def test_the_zoo_keeps_its_meaning(name: str) -> None:
    written = formatted(SPECS[name])
    assert formatted(written) == written
    assert t.read(written) == t.canonical(t.read(SPECS[name]))


@given(commented_specs())
def test_comments_and_meaning_stay(text: str) -> None:
    file = t.read(text)
    written = write(file)
    again = t.read(written)
    assert again == t.canonical(file)
    assert [c.text for c in again.comments] == [c.text for c in file.comments]
    assert [c.alone for c in again.comments] == [c.alone for c in file.comments]
    assert write(again) == written
    assert "\n\n\n" not in written and " \n" not in written


@given(files)
def test_built_trees_are_read_back(file: tree.File) -> None:
    written = write(file)
    again = t.read(written)
    assert again == t.canonical(file)
    assert write(again) == written


LINES = {
    "conv bn 3x3 s2 64": "conv 3x3 s2 bn 64",
    "conv same s1 3x3": "conv 3x3 s1 same",
    "conv p1 64 d2 g4 s=n 3x3 k3 eps=1e-05 bn relu":
        "conv 3x3 64 k3 s=n p1 d2 g4 eps=1e-5 bn relu",
    "take 2 1 0": "take 2 1 0",
    "inception n 96 relu": "inception n 96 relu",
    "conv s1 n bn": "conv n s1 bn",
    "conv s1 act n bn": "conv s1 act n bn",
    "reshape 64@7x7": "reshape 64@7x7",
    "two 64 8x8": "two 64 8x8",
    "two 8x8 64 relu": "two 8x8 64 relu",
    "two s2 n 3x3 relu": "two n 3x3 s2 relu",
    "op to = 7x{ n } shape=@{n} a=P{n}": "op to=7x{n} shape=@{n} a=P{n}",
    "conv 1x1 (4 * n) (2) ( - 1) (n)": "conv 1x1 (4*n) 2 -1 (n)",
    "conv x=( 1,2 , 3 ) y=(n + 1) z=f( n,2 )": "conv x=(1,2,3) y=(n+1) z=f(n, 2)",
    "a  ->b->   c *2  if n  from x": "a -> b -> c from x *2 if n",
    "relu *( n )": "relu *n",
    "relu *(n + 1) if (n!=2 and not(n<3))": "relu *(n+1) if n != 2 and not n < 3",
    "relu if (1 if n else 2)": "relu if (1 if n else 2)",
    "P{ n+1 }.a: relu": "P{n+1}.a: relu",
    "loss 0.30*mse(a,b)+(n - (2-n))": "loss 0.3*mse(a, b) + (n-(2-n))",
    "let x = - (n ** 2) + (-n)**2 + (2**n)**2": "let x = -n**2 + (-n)**2 + (2**n)**2",
    "let x = (1 if n else 2) if (n) else (3 if n else (4))":
        "let x = (1 if n else 2) if n else 3 if n else 4",
    "let x = 1000000.0 + 1e16 + 5E-7": "let x = 1000000.0 + 1e16 + 5e-7",
    "net Tiny( )": "net Tiny",
    "input x 3@{ 2 * n }xW": "input x 3@{2*n}xW",
}  # fmt: skip


@pytest.mark.parametrize("text", LINES)
def test_one_line(text: str) -> None:
    known = "def f(n, act=relu): bn\n"
    assert formatted(known + text + "\n") == f"cnndsl 1\n{known}{LINES[text]}\n"


def test_the_version_comes_first_where_it_was_missing() -> None:
    assert formatted("# about\n\nnet X\n") == "cnndsl 1\n# about\n\nnet X\n"
    assert formatted("# about\ncnndsl 1\nnet X\n") == "# about\ncnndsl 1\nnet X\n"


def test_a_built_tree_needs_no_spans() -> None:
    network = t.file(
        tree.Net(name="X", span=t.NOWHERE),
        t.line(t.op("conv", t.size(3, 3), t.value(8)), "bn", label=t.name("stage1.conv1")),
        t.line("relu", source=t.name("stage1.conv1")),
    )
    expected = "cnndsl 1\nnet X\nstage1.conv1: conv 3x3 8 -> bn\nrelu from stage1.conv1\n"
    assert write(network) == expected
