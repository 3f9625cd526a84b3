"""Random trees that can be written, and random texts that mostly can't be read."""

from hypothesis import strategies as st

from cnndsl.resources import prelude_text, zoo_names, zoo_path
from cnndsl.syntax import tree
from cnndsl.syntax.terminals import KEYWORDS
from tests.syntax import nodes as t

SPECS = {name: zoo_path(name).read_text(encoding="utf-8") for name in zoo_names()}
SPECS["prelude"] = prelude_text()

# Names

plain = st.sampled_from(["n", "k", "relu", "bn", "C", "b1", "Mixed_5b", "_", "skip", "opx", "x"])
names = st.one_of(plain, st.lists(plain, min_size=2, max_size=3).map(".".join)).map(t.name)
numbers = st.one_of(
    st.integers(0, 10**15 - 1),
    st.floats(min_value=0, allow_infinity=False, allow_nan=False),
).map(t.number)


def _templates(expressions: st.SearchStrategy[tree.Expression]) -> st.SearchStrategy[tree.Template]:
    tails = st.lists(st.tuples(expressions, st.sampled_from(["", "_2", ".a", "x"])), min_size=1)
    return st.builds(
        lambda head, tail: t.template(head, *(part for pair in tail for part in pair if part)),
        plain,
        tails.filter(lambda tail: len(tail) <= 2),
    )


# Expressions; those inside braces have no braces themselves


def _expressions(atoms: st.SearchStrategy[tree.Expression]) -> st.SearchStrategy[tree.Expression]:
    operators = ["or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "**"]
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.builds(t.binary, inner, st.sampled_from(operators), inner),
            st.builds(t.unary, st.sampled_from(["-", "not"]), inner),
            st.builds(t.conditional, inner, inner, inner),
            st.builds(
                lambda f, a, s: t.call(f, *a, **s),
                plain,
                st.lists(inner, max_size=3),
                st.dictionaries(plain, inner, max_size=2),
            ),
        ),
        max_leaves=5,
    )


braceless = _expressions(st.one_of(names, numbers))
templates = _templates(braceless)
labels = st.one_of(names, templates)
expressions = _expressions(st.one_of(names, numbers, templates))

# Arguments

wholes = st.integers(0, 9999)
sizes = st.lists(st.one_of(wholes, braceless), min_size=2, max_size=3).map(lambda v: t.size(*v))
options = st.builds(
    lambda letters, values: t.option(letters, *values),
    st.sampled_from(["s", "p", "d", "g", "k", "op"]),
    st.lists(wholes, min_size=1, max_size=3),
)
shapes = st.one_of(
    st.builds(
        lambda channels, space: t.shape(channels, *space),
        st.one_of(wholes, braceless),
        st.lists(st.one_of(wholes, braceless, st.sampled_from(["H", "W"])), min_size=1, max_size=3),
    ),
    st.one_of(wholes, braceless).map(lambda entry: t.shape(None, entry)),
)
tuples = st.lists(expressions, min_size=2, max_size=4).map(lambda v: t.items(*v))
arguments = st.one_of(
    sizes,
    options,
    shapes,
    expressions.map(t.value),
    labels.map(lambda label: tree.Word(name=label, span=t.NOWHERE)),
    st.builds(t.keyed, plain, st.one_of(expressions, sizes, shapes, tuples)),
)
operations = st.builds(lambda name, a: t.op(name, *a), plain, st.lists(arguments, max_size=4))

# Lines, bodies, statements

maybe = st.none()


@st.composite
def lines(draw: st.DrawFn, statements: st.SearchStrategy[tree.Statement]) -> tree.Line:
    chain = draw(st.lists(operations, min_size=1, max_size=4))
    if draw(st.booleans()):
        bodies = st.one_of(st.lists(statements, min_size=1, max_size=3), _branches(statements))
        found = draw(bodies)
        last = chain[-1]
        inner = found if isinstance(found, tree.Branches) else t.body(*found)
        chain[-1] = t.op(last.name, *last.arguments, body=inner)
    return t.line(
        *chain,
        label=draw(st.one_of(maybe, labels)),
        source=draw(st.one_of(maybe, labels)),
        repeat=draw(st.one_of(maybe, expressions)),
        condition=draw(st.one_of(maybe, expressions)),
    )


@st.composite
def _branches(draw: st.DrawFn, statements: st.SearchStrategy[tree.Statement]) -> tree.Branches:
    branches: list[tuple[tree.Line, ...] | tree.BranchLoop] = []
    for _ in range(draw(st.integers(1, 3))):
        if not draw(st.integers(0, 5)):
            loop = draw(_fors(statements))
            inner = draw(_branches(statements))
            branches.append(
                tree.BranchLoop(
                    variables=loop.variables, rows=loop.rows, body=inner, span=t.NOWHERE
                )
            )
            continue
        branch = [draw(lines(statements))]
        while branch[-1].operations[-1].body and draw(st.booleans()):  # goes on by `->`
            following = draw(lines(statements))
            branch.append(
                t.line(
                    *following.operations, repeat=following.repeat, condition=following.condition
                )
            )
        branches.append(tuple(branch))
    return t.branches(*branches)


parameters = st.lists(st.builds(t.parameter, plain, st.one_of(maybe, expressions)), max_size=3)


@st.composite
def _fors(draw: st.DrawFn, statements: st.SearchStrategy[tree.Statement]) -> tree.For:
    variables = draw(st.lists(plain.map(t.name), min_size=1, max_size=3))
    width = len(variables)
    rows = st.lists(expressions, min_size=width, max_size=width).map(tuple)
    return tree.For(
        variables=tuple(variables),
        rows=tuple(draw(st.lists(rows, min_size=1, max_size=3))),
        body=t.body(*draw(st.lists(statements, min_size=1, max_size=2))),
        span=t.NOWHERE,
    )


def _defs(statements: st.SearchStrategy[tree.Statement]) -> st.SearchStrategy[tree.Def]:
    return st.builds(
        lambda name, p, s: tree.Def(
            name=name, parameters=tuple(p), body=t.body(*s), span=t.NOWHERE
        ),
        plain,
        parameters,
        st.lists(statements, min_size=1, max_size=2),
    )


leaves = st.one_of(
    st.builds(lambda name, e: tree.Let(name=name, value=e, span=t.NOWHERE), plain, expressions),
    operations.map(t.line),
)
statements = st.recursive(
    leaves, lambda inner: st.one_of(lines(inner), _fors(inner), _defs(inner)), max_leaves=4
)
paths = st.text(st.characters(exclude_characters='"', exclude_categories=["C", "Z"]), max_size=9)
at_top = st.one_of(
    statements,
    paths.map(lambda path: tree.Use(path=path, span=t.NOWHERE)),
    st.builds(
        lambda name, p: tree.Net(name=name, parameters=tuple(p), span=t.NOWHERE), plain, parameters
    ),
    st.builds(lambda name, s: tree.Input(name=name, shape=s, span=t.NOWHERE), plain, shapes),
    st.lists(labels, min_size=1, max_size=3).map(
        lambda names: tree.Output(names=tuple(names), span=t.NOWHERE)
    ),
    expressions.map(lambda e: tree.Loss(expression=e, span=t.NOWHERE)),
)
files = st.lists(at_top, max_size=4).map(lambda found: t.file(*found))

# Texts

ALPHABET = [
    *sorted(KEYWORDS), "conv", "n", "P{i}", "{n}", "3x3", "64", "0.5", "1e-5", "s2", "k3", "3@8x8",
    "@", "x", "->", "|", ":", ",", "=", "==", "<", "*", "**", "+", "-", "/", "//", "%", "(", ")",
    "f(", "{", "}", '"', '"a.cnn"', "#", "# c", ".", "\n", "\n", "\n    ", "\n        ", "\n  ",
    "\n\t", " ", "  ", "\r\n", "\r", "\ufeff", "\0", "\u2028", "×", "é", "９", "𝟛", "1e999",
    "9" * 20,
]  # fmt: skip
texts = st.lists(st.sampled_from(ALPHABET), max_size=40).map("".join)


@st.composite
def damaged_specs(draw: st.DrawFn) -> str:
    """A spec of the zoo with a few stretches replaced."""
    text = draw(st.sampled_from(sorted(SPECS.values())))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 6))
        text = text[:start] + draw(st.sampled_from(["", *ALPHABET])) + text[end:]
    return text


@st.composite
def commented_specs(draw: st.DrawFn) -> str:
    """A spec of the zoo with more comments and blank lines, and with its arrows on new lines."""
    text = draw(st.sampled_from(sorted(SPECS.values())))
    lines: list[str] = []
    for number, line in enumerate(text.split("\n")):
        change = draw(st.sampled_from(["", "", "", "behind", "alone", "blank", "broken", "split"]))
        indentation = line[: len(line) - len(line.lstrip())]
        if change == "alone":
            lines.append(f"{indentation}# alone {number}")
        elif change == "blank":
            lines.extend(["", "  ", ""])
        elif change in ("broken", "split") and "#" not in line:
            between = " # at a break" if change == "split" else ""
            line = line.replace(" ->", f"{between}\n{indentation}    ->")
        lines.append(f"{line}  # behind" if change == "behind" and line.strip() else line)
    return "\n".join(lines)
