"""What is wrong with the form of a spec: the code, the place, and all of it in one run."""

import pytest

from cnndsl.diagnostics import Diagnostic, SpecError
from cnndsl.source import Source
from cnndsl.syntax import limits
from cnndsl.syntax.parse import MAX_ERRORS, parse
from tests.support.golden import Golden, golden_names


def errors(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as caught:
        parse(Source("net.cnn", text))
    return caught.value.diagnostics


def rendered(text: str) -> str:
    return "\n\n".join(diagnostic.render() for diagnostic in errors(text))


@pytest.mark.parametrize("name", golden_names("syntax"))
def test_golden(name: str, golden: Golden) -> None:
    golden(name, None, rendered)


# Text, with `~` in front of the place, to the code and a part of the help.
ONE_ERROR = {
    # shapes
    "input x ~224x224x3": ("shape-order", "`3@224x224`"),
    "input x ~3x224x224": ("shape-order", "`3@224x224`"),
    "input x ~28x28": ("shape-order", "`3@28x28`"),
    "input x ~128": ("shape-order", "`@128`"),
    "input x ~{n}x3": ("unexpected-token", "a shape such as"),
    "input x ~3@": ("bad-shape", "`@128` for a vector"),
    "input x ~@7x7": ("bad-shape", "`3@224x224`"),
    "conv ~C@7x7": ("bad-shape", "`{C}@7x7`"),
    "input x ~3@7x": ("bad-shape", ""),
    # names
    "~k3: conv 3x3": ("reserved-name", "`K3`"),
    "let ~op1 = 3": ("reserved-name", "`Op1`"),
    "def f(~s2): bn": ("reserved-name", ""),
    "def ~net(n): bn": ("reserved-name", ""),
    "conv 3x3 ~def": ("reserved-name", ""),
    "~if x: conv": ("reserved-name", "`dropout 0.5 if deep`"),
    "residual: ~from x": ("reserved-name", "before its colon"),
    "~café: conv": ("bad-name", ""),
    "~a..b: conv": ("bad-name", ""),
    "let ~a.b = 3": ("dotted-name", "`a_b`"),
    "conv ~2relu": ("bad-number", "put a blank"),
    # numbers, sizes, options
    "conv ~.5": ("bad-number", "`0.5`"),
    "conv ~1.": ("bad-number", "`0.5`"),
    "conv ~1e": ("bad-number", ""),
    "conv ~5x5x": ("bad-size", "`5x5`"),
    "conv ~5X5": ("bad-size", "`5x5`"),
    "conv 3x3 ~s2.5": ("bad-option", "`s=…`"),
    "conv ~1234567890123456": ("number-too-large", ""),
    "conv ~3x1234567890123456": ("number-too-large", ""),
    "conv ~s1234567890123456": ("number-too-large", ""),
    "conv ~1e999": ("number-too-large", ""),
    # characters
    "conv 5~×5": ("unexpected-character", "write `x`"),
    "conv ~→ relu": ("unexpected-character", "write `->`"),
    "conv 3~\xa0relu": ("unexpected-character", "ordinary blank"),
    "conv 3~;": ("unexpected-character", ""),
    "conv 3~\0": ("unexpected-character", ""),
    'use ~"file.cnn': ("unterminated-string", ""),
    'conv ~"x"': ("unexpected-token", "without quotes"),
    "use ~file.cnn": ("unexpected-token", '`use "blocks.cnn"`'),
    # templates
    "P~{i: conv": ("unclosed-brace", "`P{i}`"),
    "~{i}: conv": ("misplaced-brace", "`P{i}`"),
    "P{i+~}: conv": ("unexpected-end", ""),
    "P{i ~i}: conv": ("unexpected-token", "an operator"),
    "conv 3x{i ~i}": ("unexpected-token", "an operator"),
    # arguments
    "conv 3x3 4~*n": ("missing-parentheses", "`(4*n)`"),
    "conv 3x3 4~*n bn": ("missing-parentheses", "`(4*n)`"),
    "conv 3x3 4 ~* n": ("missing-parentheses", "`(4*n)`"),
    "conv 3~*3 64": ("missing-parentheses", "`3x3` for a size"),
    "conv 3x3 n~-1": ("missing-parentheses", "`(n-1)`"),
    "conv 3x3 n~/2": ("missing-parentheses", "`(n/2)`"),
    "conv 3x3~, 64": ("unexpected-token", "drop the comma"),
    "conv s=~": ("unexpected-end", ""),
    "conv (3~,3) 64": ("unexpected-token", "`3x3`"),
    "conv2d(3~,64,3)": ("unexpected-token", "blanks"),
    "conv 3 ~= 3": ("unexpected-token", "an argument"),
    "logits ~= fc 10": ("unexpected-token", "`logits: …`"),
    "logits :~= fc 10": ("unexpected-token", "`logits: …`"),
    # ends of lines
    "conv *3 ~64": ("unexpected-token", "`(4*n)`"),
    "conv *2 ~-> relu": ("unexpected-token", "at its end"),
    "conv if ~x *2": ("repeat-after-if", "before `if`"),
    "~conv from a from b": ("repeated-tail", ""),
    "conv from~": ("unexpected-end", ""),
    "conv s if a ~else 2": ("unexpected-token", "(2 if first else 1)"),
    "conv ->~": ("unexpected-end", "next line"),
    # expressions
    "let x = (1 < 2 ~< 3)": ("unexpected-token", "`a < b and b < c`"),
    "let x =~": ("unexpected-end", ""),
    "let x = 3 ~4": ("unexpected-token", "an operator"),
    "let x = f(3,~,4)": ("unexpected-token", "a value"),
    "let x ~3": ("unexpected-token", "`=`"),
    "conv ~(n": ("unclosed-parenthesis", ""),
    "conv (n)~) bn": ("unopened-parenthesis", ""),
    # lines
    "~3x3 conv": ("unexpected-token", "write the op first"),
    "~-> relu": ("misplaced-arrow", ""),
    "~| relu": ("misplaced-branch", "`concat:`"),
    "concat:\n    | ~-> relu": ("unexpected-token", "`| skip`"),
    "a: b: ~conv": ("unexpected-token", "a new line"),
    "    ~relu": ("unexpected-indent", "first column"),
    "relu\n    ~bn": ("unexpected-indent", "end line 1 in `:`"),
    "a:\n        bn\n    ~bn": ("bad-dedent", "by 8 or by 0"),
    "a:\n    b\n~\tc": ("mixed-indentation", "four spaces"),
    "residual~:\nrelu": ("missing-body", ""),
    "residual~:": ("missing-body", ""),
    "residual~:\n-> relu": ("missing-body", ""),
    "residual:\n    ~-> relu": ("misplaced-arrow", ""),
    "concat:\n    | bn\n    ~relu": ("mixed-body", "start it with `|`"),
    "concat:\n    bn\n    ~| relu": ("misplaced-branch", ""),
    "for i in 1 2:\n    ~| relu": ("misplaced-branch", "`concat:`"),
    "concat:\n    bn\n    for i in 1 2:\n        ~| relu": ("misplaced-branch", ""),
    "concat:\n    | bn\n    for i in 1 2:\n        ~relu": ("mixed-body", "start it with `|`"),
    "concat:\n    for i in 1 2:\n        | bn\n    ~relu": ("mixed-body", "start it with `|`"),
    "concat:\n    for i in 1 2:\n        bn\n    ~| bn": ("misplaced-branch", ""),
    "def f():\n    ~| bn": ("misplaced-branch", ""),
    # statements
    "for a in 1 ~2\n    relu": ("missing-colon", "line 1"),
    "for a in 1 2~": ("missing-colon", ""),
    "def f(n~)\n    relu": ("missing-colon", "line 1"),
    "def f(n) ~relu": ("missing-colon", ""),
    "def ~f: relu": ("unexpected-token", "`def f():`"),
    "def ~f (n): relu": ("unexpected-token", "drop the blank"),
    "net X ~(n=1)": ("unexpected-token", "drop the blank"),
    "for n in ~3x3 5x5:\n    conv": ("unexpected-token", "`{k}x{k}`"),
    "for a, b in (1, 2) ~(1, 2, 3):\n    relu": ("row-length", "a, b"),
    "cnndsl ~2": ("unknown-version", "`cnndsl 1`"),
    "cnndsl ~1.0": ("unknown-version", "`cnndsl 1`"),
    "net X\n~cnndsl 1": ("misplaced-statement", "to the top"),
    "a:\n    ~input x @3": ("misplaced-statement", "top level"),
    "output~": ("unexpected-end", ""),
    "~": ("empty-file", "`cnndsl 1`"),
    # other languages' habits
    "Flatten(~)": ("unexpected-token", "`flatten`"),
    "for n in 1~, 2:\n    conv": ("unexpected-token", "drop the comma"),
    "y: x ~+ conv 3x3": ("missing-parentheses", "`add x`"),
    "x ~+ y": ("missing-parentheses", "`add x`"),
    "conv 3x3 n~+ 1": ("missing-parentheses", "`(n+1)`"),
    # limits
    "~" + "x" * (limits.MAX_CHARACTERS + 1): ("file-too-large", "`use`"),
    "~relu" + " bn" * 4000: ("line-too-long", ""),
    "~conv (" + "1+" * 101 + "1)": ("line-too-complex", "`let`"),
    "conv " + "(" * 50 + "~(1" + ")" * 51: ("nested-too-deep", ""),
    "".join(" " * i + "a:\n" for i in range(51)) + " " * 51 + "~b": ("nested-too-deep", "`def`"),
}  # fmt: skip


@pytest.mark.parametrize("marked", ONE_ERROR, ids=lambda marked: marked[:30])
def test_one_error(marked: str) -> None:
    code, help = ONE_ERROR[marked]
    place = marked.index("~")
    (error,) = errors(marked.replace("~", ""))
    assert (error.code, error.span and error.span.start) == (code, place), error.render()
    assert help in error.help


def test_each_wrong_line_is_reported_up_to_twenty() -> None:
    text = "a:\n" + "".join(f"    k{index}: conv\n    ok: conv\n" for index in range(50))
    found = errors(text)
    assert [error.span and error.span.line for error in found] == list(range(2, 42, 2))
    assert len(found) == MAX_ERRORS

    found = errors("conv 5x\n" * 50)
    assert [error.span and error.span.line for error in found] == list(range(1, 21))


def test_every_limit_is_named_in_its_message() -> None:
    assert "350,000" in errors("x" * 350_001)[0].message
    assert "10,000" in errors("x" * 10_001)[0].message
    assert "100 " in errors(f"conv ({'-' * 101}1)")[0].message
    assert "50 " in errors(f"conv {'(' * 51}{')' * 51}")[0].message
    assert "15 " in errors("conv 1234567890123456")[0].message


def test_faulty_openers_hide_no_errors_in_their_bodies() -> None:
    text = "concat 5x:\n    | conv .5\n    | conv 3x3 64 -> residual 4*:\n        let\nfor\n"
    found = [(e.code, e.span and e.span.line) for e in errors(text)]
    assert found == [
        ("bad-size", 1),
        ("bad-number", 2),
        ("unexpected-token", 3),
        ("unexpected-end", 4),
        ("unexpected-end", 5),
    ]
