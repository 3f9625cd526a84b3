"""A place in the spec while it is elaborated: what names stand for there, and what is found wrong.

A `Scope` is all that the other files hand on: it knows its own place, and the one `Construction`
that every place adds to.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from cnndsl.diagnostics import Diagnostic, SpecError, did_you_mean
from cnndsl.elaborate.arithmetic import (
    FUNCTIONS,
    LARGEST_EXPONENT,
    LARGEST_NUMBER,
    OPERATORS,
    normal,
)
from cnndsl.elaborate.meanings import (
    FORMS,
    UNKNOWN,
    Definition,
    FileScope,
    LayerWord,
    Meaning,
    Size,
    UnknownError,
    Value,
)
from cnndsl.elaborate.poisoned_names import PoisonedNames
from cnndsl.elaborate.synonyms import FUNCTION_WORDS, suggestion
from cnndsl.layers import LAYERS
from cnndsl.network import Step
from cnndsl.shape import Condition
from cnndsl.source import Span
from cnndsl.syntax import tree

MOST_WORK = 300_000  # lines, ops and parts of expressions, unrolled
MOST_FINDINGS = 50
MOST_BODIES = 32  # of blocks, loops, branches and all else, in one another
LONGEST_NAME = 200  # scopes included
LONGEST_QUOTE = 40
SHORT_OPTIONS = ("s", "k", "p", "d", "g", "op")  # a block may be called so, but its steps not


class Construction:
    """The network under construction, and what is wrong with it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.by_name: dict[str, Step] = {}
        self.values: dict[str, Value] = {}  # inputs and steps, by name
        self.labels: dict[str, Value] = {}  # inputs, ends of lines and heads, by full label
        self.places: dict[str, Span] = {}  # of the labels
        self.left_out: dict[str, Span] = {}  # labels of lines that `if` or `*0` left out
        self.recorded: dict[str, Recorded] = {}  # labelled lines, by full label
        self.heads: dict[str, str] = {}
        self.conditions: dict[str, Condition] = {}
        self.errors: list[Diagnostic] = []
        self.poisoned = PoisonedNames()
        self.reported: set[tuple[str, int, int]] = set()
        self.counters: dict[tuple[str, str], int] = {}
        self.work = 0

    def add_errors(self, errors: Sequence[Diagnostic]) -> None:
        """Add errors as they are; the first 50 of them stop everything."""
        self.errors.extend(errors)
        if len(self.errors) >= MOST_FINDINGS:
            raise SpecError(self.errors[:MOST_FINDINGS])

    def has_error(self, code: str, span: Span) -> bool:
        """Whether this was reported of this place: then there is no need to explain it again."""
        return (code, id(span.source), span.start) in self.reported

    def label(self, full: str, value: Value, span: Span) -> None:
        """Let a label stand for a value."""
        self.labels[full] = value
        self.places[full] = span

    def suggest(self, name: str, otherwise: str = "") -> str:
        """A help sentence: the value that was probably meant, or `otherwise`."""
        for label in self.labels:
            if label.endswith(f".{name}"):
                return f"did you mean `{label}`?"
        return did_you_mean(name, (*self.labels, *self.values), otherwise)


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The place in the spec that is being elaborated.

    `variables` are the call's parameters, lets and loop variables; `entry` is the value at the
    block's entry, whose channels are `C`; `path` the scope of names; `frames` the calls and rows
    that led here, innermost first; `head` the training-only side chain, if in one; `inside` the
    blocks around it, `sharing` the `reuse`s; `depth` the number of bodies, of blocks and all else.
    """

    build: Construction
    file: FileScope
    variables: dict[str, Meaning] = field(default_factory=dict[str, Meaning])
    entry: Value | None = None
    path: str = ""
    frames: tuple[Span, ...] = ()
    head: str | None = None
    inside: tuple[Definition, ...] = ()
    sharing: tuple[Sharing, ...] = ()
    depth: int = 0

    def within(self, path: str) -> Scope:
        """The same place with another scope of names."""
        return replace(self, path=path)

    def deeper(self, span: Span) -> Scope:
        """The same place within one more body."""
        return replace(self, depth=self.depth_within(span))

    def depth_within(self, span: Span) -> int:
        """The depth within one more body; bounds how many may be in one another."""
        if self.depth >= MOST_BODIES:
            message = f"blocks, loops and bodies are nested more than {MOST_BODIES} deep here"
            self.stop(span, "nested-too-deep", message, "write fewer of them in one another")
        return self.depth + 1

    # Findings

    @property
    def poisoned(self) -> PoisonedNames:
        """What earlier errors kept from being defined: asking for it is no error of its own."""
        return self.build.poisoned

    def error(self, span: Span, code: str, message: str, help: str = "") -> None:
        """Report an error; the same one of the same place (in a loop, a block) only once."""
        if not self.build.has_error(code, span):
            self.build.reported.add((code, id(span.source), span.start))
            self.build.add_errors([Diagnostic(code, message, span, help, "error", self.frames)])

    def fail(self, span: Span, code: str, message: str, help: str = "") -> UnknownError:
        """Report an error; returns what to raise."""
        self.error(span, code, message, help)
        return UnknownError()

    def stop(self, span: Span, code: str, message: str, help: str = "") -> NoReturn:
        """Report an error after which nothing more can be said."""
        self.build.errors.append(Diagnostic(code, message, span, help, "error", self.frames))
        raise SpecError(self.build.errors)

    def work(self, span: Span, amount: int = 1) -> None:
        """Bound the time that loops, blocks that call each other, and large expressions take."""
        self.build.work += amount
        if self.build.work > MOST_WORK:
            message = f"unrolling the net takes more than {MOST_WORK:,} lines and computations"
            help = "check the repeats and loops that lead here"
            self.stop(span, "too-much-to-unroll", message, help)

    # Names

    def full(self, name: str) -> str:
        """A name in this scope as a dotted path."""
        return f"{self.path}.{name}" if self.path else name

    def fresh_name(self, kind: str, span: Span) -> str:
        """`conv3`: numbered per kind within the scope, so that one kind doesn't rename another."""
        build, key = self.build, (self.path, kind)
        separator = "_" if kind[-1].isdigit() or kind in SHORT_OPTIONS else ""  # relu6_1, s_2
        while True:
            build.counters[key] = number = build.counters.get(key, 0) + 1
            last = f"{kind}{separator}{number}"
            name = self.full(f"{last}_" if last in LAYERS else last)  # relu6_ is the sixth relu
            if name not in build.values and name not in build.labels:
                self.check_length(name, span)
                return name

    def check_length(self, name: str, span: Span) -> None:
        """Bound a full name; raises UnknownError after reporting it."""
        if len(name) > LONGEST_NAME:
            message = f"the name `{name[:20]}…` has {len(name):,} letters, more than {LONGEST_NAME}"
            help = "use shorter labels, or fewer blocks in one another"
            raise self.fail(span, "name-too-long", message, help)

    def lookup(self, name: str) -> Meaning | None:
        """The variable of that name."""
        found = self.variables.get(name)
        return self.file.variables.get(name) if found is None else found

    def known(self, name: str) -> Meaning | None:
        """What a name stands for, or None: a variable, a layer, a block, or a value above.

        A file's own names come before the prelude's. Raises UnknownError where an earlier error
        left the name open.
        """
        found = self.lookup(name)
        if found is None and name == "C":
            if self.entry is None:
                return None
            found = UNKNOWN if self.entry.shape is None else self.entry.shape.channels
        if found is not None:
            if found == UNKNOWN:
                raise UnknownError
            return found
        if name in LAYERS or name in FORMS or name in self.file.definitions:
            return LayerWord(name)
        found = self.find(name)
        if found is None and self.file.definition(name):
            return LayerWord(name)
        return found

    def outwards(self, name: str) -> Iterator[str]:
        """The full names that a name may mean, from this scope outwards."""
        path = self.path
        while path:
            yield f"{path}.{name}"
            path = path.rpartition(".")[0]
        yield name

    def find(self, name: str) -> Value | None:
        """The labelled value or step of that name, looked for from the scope outwards."""
        labels, values = self.build.labels, self.build.values
        for full in self.outwards(name):
            found = labels.get(full) or values.get(full)
            if found:
                return found
        return None

    def resolve(self, name: str, span: Span) -> Value:
        """As `find`; raises UnknownError where there is no such name, after reporting it."""
        found, build = self.find(name), self.build
        if found is not None:
            return found
        if build.has_error("unknown-value", span) or self._is_forgotten(name):
            raise UnknownError
        if self.full(name) in build.left_out:
            line = build.left_out[self.full(name)].line
            help = f"line {line}, which has this label, is left out by its `if` or `*0`"
        else:
            last = next(reversed(build.values), "conv1")
            like = f"a value is called like its label, or like the layer that makes it, as `{last}`"
            help = build.suggest(name, f"{like} is")
        raise self.fail(span, "unknown-value", f"there is no value `{name}` above", help)

    def _is_forgotten(self, name: str) -> bool:
        """Whether an earlier error is why the name doesn't exist."""
        while True:
            found = self.find(name)
            if (found and found.shape is None) or self.poisoned.covers(name):
                return True
            name, dot, _ = name.rpartition(".")
            if not dot:
                return False

    # Expressions: exact, bounded, and with an error where people trip

    def number(self, node: tree.Expression) -> int | float:
        """A number; whole ones are ints whatever way they came about."""
        return self._as_number(self.meaning(node), node)

    def _as_number(self, found: Meaning, node: tree.Expression) -> int | float:
        if isinstance(found, int | float):
            return found
        if isinstance(found, LayerWord) and self.poisoned.covers(found.name):
            raise UnknownError
        message = f"{quote(node.span)} is {_kind(found)}, not a number"
        raise self.fail(node.span, "not-a-number", message, "write a number or a variable")

    def integer(self, node: tree.Expression, what: str) -> int:
        """A whole number."""
        found = self.number(node)
        if isinstance(found, int):
            return found
        message = f"{what} must be a whole number, but {quote(node.span)} is {found:g}"
        help = "`//` divides to a whole number, `round8(…)` rounds as MobileNet does"
        raise self.fail(node.span, "not-whole", message, help)

    def truth(self, node: tree.Expression) -> bool:
        """A condition: a number holds unless it is 0."""
        return self._as_truth(self.meaning(node), node)

    def _as_truth(self, found: Meaning, node: tree.Expression) -> bool:
        if isinstance(found, int | float):
            return bool(found)
        message = f"{quote(node.span)} is {_kind(found)}, not a condition"
        help = "compare it, as in `if act == relu`, or use a number: 0 drops the line"
        raise self.fail(node.span, "not-a-number", message, help)

    def text(self, node: tree.Name | tree.Template) -> str:
        """A name with its computed parts filled in."""
        if isinstance(node, tree.Name):
            return node.id
        name = ""
        for part in node.parts:
            if isinstance(part, str):
                name += part
                continue
            count = self.integer(part, "a part of a name")
            if count < 0:
                message = f"a part of a name can't be negative, but {quote(part.span)} is {count}"
                raise self.fail(part.span, "negative-part", message, "count from 0 or 1")
            name += str(count)
        self.check_length(name, node.span)
        return name

    def meaning(self, node: tree.Expression) -> Meaning:
        """Whatever the expression stands for: a number, a layer word, a size or a value."""
        self.work(node.span)
        match node:
            case tree.Number():
                return self._computed(node.span, lambda: node.value)
            case tree.Name() | tree.Template():
                return self._named(self.text(node), node.span)
            case tree.Applied():
                return self._applied_layer(node)
            case tree.Unary(operator="not"):
                return int(not self.truth(node.operand))
            case tree.Unary():
                return -self.number(node.operand)
            case tree.Conditional():
                return self.meaning(node.yes if self.truth(node.test) else node.no)
            case tree.Call():
                return self._call(node)
            case tree.Binary():
                return self._binary(node)

    def _named(self, name: str, span: Span) -> Meaning:
        found = self.known(name)
        if found is not None:
            return found
        if name == "C":
            raise self.no_channels(span)
        if self.poisoned.covers(name):
            raise UnknownError
        candidates = (*self.variables, *self.file.variables, *self.build.labels, *LAYERS)
        help = "a name is a parameter, a `let`, a loop's variable, or a label above"
        message = f"`{name}` doesn't stand for anything here"
        raise self.fail(span, "unknown-name", message, suggestion(name, candidates, help))

    def no_channels(self, span: Span) -> UnknownError:
        """The error for a `C` outside a block."""
        message = "`C`, the channels at a block's entry, has no meaning outside a `def`"
        return self.fail(span, "no-channels-here", message, "write the number")

    def _applied_layer(self, node: tree.Applied) -> Meaning:
        found = self._named(node.layer, node.span)
        if isinstance(found, LayerWord):
            return LayerWord(found.name, (*found.numbers, *(n.value for n in node.numbers)))
        message = f"`{node.layer}` is {_kind(found)}, so no number follows it"
        help = "a layer with its number is a value, as in `act=(leaky 0.1)`"
        raise self.fail(node.span, "not-a-layer", message, help)

    def _call(self, node: tree.Call) -> Meaning:
        name = node.function
        if name not in FUNCTIONS:
            listed = f"there are {', '.join(FUNCTIONS)}"
            help = FUNCTION_WORDS.get(name) or did_you_mean(name, FUNCTIONS, listed)
            raise self.fail(node.span, "unknown-function", f"there is no function `{name}`", help)
        for setting in node.settings:
            message = f"`{name}` has no `{setting.key}=`"
            help = "losses alone take settings: leave it out"
            raise self.fail(setting.span, "unknown-argument", message, help)
        function, least, most = FUNCTIONS[name]
        if not least <= len(node.arguments) <= most:
            count = f"{least}" if least == most else f"{least} to {most}"
            message = f"`{name}` takes {count} number{'s' * (most > 1)}, not {len(node.arguments)}"
            help = f"write `{name}({', '.join('abcdefghi'[:least])})`"
            raise self.fail(node.span, "wrong-arguments", message, help)
        numbers: list[int | float] = []
        for argument in node.arguments:
            numbers.append(self.number(argument))
        return self._computed(node.span, lambda: function(*numbers))

    def _binary(self, node: tree.Binary) -> Meaning:
        """`a + b + c …` from the left, without going down once for each sign."""
        nodes = [node]
        while isinstance(nodes[-1].left, tree.Binary):
            nodes.append(nodes[-1].left)
        found = self.meaning(nodes[-1].left)
        for inner in reversed(nodes):
            found = self._applied(inner, found)
        return found

    def _applied(self, node: tree.Binary, before: Meaning) -> Meaning:
        """What an operator makes of its left side's meaning and of its right side."""
        if node.operator == "and":
            return int(self._as_truth(before, node.left) and self.truth(node.right))
        if node.operator == "or":
            return int(self._as_truth(before, node.left) or self.truth(node.right))
        if node.operator in ("==", "!="):
            equal = before == self.meaning(node.right)
            return int(equal == (node.operator == "=="))
        left, right = self._as_number(before, node.left), self.number(node.right)
        if node.operator == "**" and abs(right) > LARGEST_EXPONENT:
            message = f"an exponent of {right:,} is more than {LARGEST_EXPONENT}"
            raise self.fail(node.right.span, "number-too-large", message, "write the number itself")
        return self._computed(node.span, lambda: OPERATORS[node.operator](left, right))

    def _computed(self, span: Span, compute: Callable[[], int | float]) -> int | float:
        try:
            result = compute()
        except ZeroDivisionError:
            message, help = f"{quote(span)} divides by 0", "check the values that lead here"
            raise self.fail(span, "division-by-zero", message, help) from None
        except OverflowError:
            result = math.inf
        except ValueError:
            result = math.nan
        if isinstance(result, complex) or result != result:
            message = f"{quote(span)} is no number"
            help = "roots are taken of what is 0 or more, logarithms of what is more than 0"
            raise self.fail(span, "no-such-number", message, help)
        if abs(result) > LARGEST_NUMBER:
            message = f"this is more than {LARGEST_NUMBER:,}, up to which numbers are exact"
            raise self.fail(span, "number-too-large", message, "check the values that lead here")
        return normal(result)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A labelled line, as `reuse` repeats it; `steps` are the owners of its steps' weights."""

    operations: tuple[tree.Operation, ...]
    scope: Scope
    repeats: int
    steps: tuple[str, ...]


class Sharing:
    """The steps whose weights one `reuse` still hands out."""

    def __init__(self, scope: Scope, span: Span, label: str, steps: Sequence[str]):
        self.scope, self.span, self.label = scope, span, label
        self.broken = False  # after an error nothing more is said
        self._owners = deque(steps)
        self._count = len(steps)

    def next(self) -> str:
        """The owner of the next step's weights; raises UnknownError where there is none."""
        if not self._owners and not self.broken:
            self.broken = True
            self._report_count("more")
        if self.broken:
            raise UnknownError
        return self._owners.popleft()

    def finish(self) -> None:
        """All weights must have been taken, or the line isn't the same."""
        if self._owners and not self.broken:
            self._report_count("fewer")

    def _report_count(self, comparison: str) -> None:
        count = f"{self._count} layer{'s' * (self._count != 1)}"
        message = f"the line of `{self.label}` makes {comparison} than its {count} here"
        help = "a line whose weights are shared must have the same layers on every input"
        self.scope.error(self.span, "reuse-mismatch", message, help)


@dataclass(frozen=True, slots=True)
class RowFrame(Span):
    """A row of a `for`; `text` shows the loop over this row alone: `for n, k in (64, 2)`."""

    shown: str = ""

    @property
    def text(self) -> str:
        return self.shown


@dataclass(frozen=True, slots=True)
class CallFrame(Span):
    """A call of a block; `said` shows it with what its arguments stand for: `block 64 s=2`."""

    said: str = ""


def quote(span: Span) -> str:
    """A stretch of the spec, in backticks, as messages show it."""
    text = " ".join(span.text.split())
    return f"`{text}`" if len(text) <= LONGEST_QUOTE else f"`{text[: LONGEST_QUOTE - 1]}…`"


def head_span(operation: tree.Operation) -> Span:
    """The op's own word, as it was written."""
    span, length = operation.span, len(operation.name)
    if not span.source.text.startswith(operation.name, span.start):  # a variable: `act`
        length = len(span.text.split(maxsplit=1)[0])
    return Span(span.source, span.start, span.start + length)


def name_span(node: tree.Input | tree.Let | tree.Def, word: str) -> Span:
    """The name that a line declares behind its first word."""
    start = node.span.start + node.span.text.index(node.name, len(word))
    return Span(node.span.source, start, start + len(node.name))


def _kind(found: Meaning) -> str:
    match found:
        case LayerWord():
            return "a layer"
        case Size():
            return "a size"
        case Value():
            return "a value of the net"
        case _:
            return "a number"
