"""From the arguments of an op, as written, to a layer, a form's option or a block's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.meanings import Definition, LayerWord, Meaning, Size, UnknownError, Value
from cnndsl.elaborate.scope import Scope, head_span, quote
from cnndsl.elaborate.synonyms import suggestion
from cnndsl.layers.arguments import Argument
from cnndsl.layers.base import LAYERS, Layer
from cnndsl.source import Span
from cnndsl.syntax import tree

WANTED = {
    "size": ", a size such as `3x3`",
    "number": ", a number",
    "shape": ", such as `64@7x7`",
}
"""What an argument is, by how it is written."""


class Arguments:
    """Reads the arguments of one op; every mistake is reported, the first per argument.

    `fields` are the arguments that a layer declares, by their names, `values` what was said of
    them; `places` says where ("" is the op's own word). `references` are the labels of values,
    `trailing` the ops behind the arguments, as in `conv 3x3 64 relu`.
    """

    def __init__(self, scope: Scope, operation: tree.Operation):
        self.scope, self.operation, self.fail = scope, operation, scope.fail
        self.kind: type[Layer] | None = None
        self.example = ""  # of a block or form
        self.fields: Mapping[str, Argument] = {}
        self.values: dict[str, Any] = {}
        self.places = {"": head_span(operation)}
        self.references: list[Value] = []
        self.reference_spans: list[Span] = []
        self.trailing: list[tree.Operation] = []

    def layer(self, kind: type[Layer], following: tree.Operation | None) -> Layer | None:
        """The layer; None after an error that was reported.

        `following` is the next op of the chain: before a `bn` the bias is left out.
        """
        self.fields, self.kind = kind.arguments(), kind
        if self._is_torn_size() or not self._read():
            return None
        if not (self._has_fields(kind) and self._has_references(kind)):
            return None
        values = self.values
        for name in [n for n, a in self.fields.items() if a.positional == "numbers"]:
            if name in values:
                values[name] = tuple(values[name])
        try:
            layer = kind(**values)
        except ValidationError as e:
            for details in _one_per_field(e):
                self._invalid(details)
            return None
        if "bias" in self.fields and "bias" not in values and self._is_normed(following):
            layer = layer.without_bias()
        return layer

    def form(self, words: tuple[str, ...], example: str) -> bool:
        """Read the option, if any, of a form such as `residual project relu:`; False after an error
        that was reported.
        """
        self.fields = {"option": Argument(words={w: w for w in words})}
        self.example = example
        if not self._read():
            return False
        if self.references:
            span = self.reference_spans[0]
            message = f"{self.name} with a body takes no label, so {quote(span)} is one too many"
            self.scope.error(span, "unexpected-argument", message, example)
        return not self.references

    def call(self, definition: Definition) -> dict[str, Meaning] | None:
        """A block's parameters by name, given by position, by `key=`, or as a short option (`s2`
        gives `s`); None after an error that was reported.
        """
        parameters = definition.node.parameters
        names = [p.name for p in parameters]
        head = definition.node.span
        self.example = f"it is {quote(head)} at {head.place}"
        given: dict[str, Meaning] = {}

        def give(name: str, value: Meaning, span: Span) -> None:
            if name not in names:
                has = f"it has {', '.join(f'`{n}`' for n in names)}" if names else "it has none"
                message = f"the block {self.name} has no parameter `{name}`"
                raise self.fail(span, "unknown-argument", message, did_you_mean(name, names, has))
            if name in given:
                message = f"the parameter `{name}` has a value already when {quote(span)} is read"
                raise self.fail(span, "given-twice", message, "leave one of them out")
            given[name] = value

        by_position = iter(names)
        keyed = ""  # the key of a layer just before, which numbers behind it may belong to

        def give_next(value: Meaning, span: Span) -> None:
            name = next(by_position, None)
            layer = given.get(keyed)
            if isinstance(layer, LayerWord) and (name is None or name in given):
                message = f"{quote(span)} belongs to {self.name}, which has no place for it"
                help = f"a layer takes its number along in parentheses: `{keyed}=({layer.name} "
                raise self.fail(span, "unexpected-argument", message, f"{help}{span.text[:20]})`")
            if name is not None:
                return give(name, value, span)
            count = f"{len(names)} argument{'s' * (len(names) != 1)}" if names else "no arguments"
            message = f"the block {self.name} takes {count}, so {quote(span)} is one too many"
            raise self.fail(span, "unexpected-argument", message, self.example)

        failed = False
        for argument in self.operation.arguments:
            span = argument.span
            if not isinstance(argument, tree.Value):
                keyed = argument.key if isinstance(argument, tree.Keyed) else ""
            try:
                match argument:
                    case tree.Value():
                        give_next(self.scope.meaning(argument.expression), span)
                    case tree.Size() if definition.file.parent is None:  # the prelude's
                        message = f"{self.name} takes no size, so {quote(span)} is too many"
                        raise self.fail(span, "unexpected-argument", message, self.example)
                    case tree.Size():
                        give_next(Size(self._size(argument)), span)
                    case tree.Option(values=(value,)):
                        give(argument.letters, value, span)
                    case tree.Option():
                        give(argument.letters, Size(argument.values), span)
                    case tree.Keyed(value=tree.Size() as size):
                        give(argument.key, Size(self._size(size)), span)
                    case tree.Keyed(value=tree.TupleValue() | tree.ShapeLiteral()):
                        message = f"`{argument.key}=` of a block takes one number, size or word"
                        raise self.fail(
                            span, "not-a-number", message, "pass the numbers one by one"
                        )
                    case tree.Keyed():
                        value = self.scope.meaning(cast(tree.Expression, argument.value))
                        give(argument.key, value, span)
                    case tree.Word():
                        meaning = self.scope.known(self.scope.text(argument.name))
                        if meaning is None or isinstance(meaning, LayerWord):
                            self._word(argument)
                        else:
                            give_next(meaning, span)
                    case tree.ShapeLiteral():
                        message = f"the block {self.name} takes no shape"
                        raise self.fail(span, "unexpected-argument", message, self.example)
            except UnknownError:
                failed = True
        for parameter in () if failed else parameters:
            if parameter.name not in given and parameter.default is None:
                message = f"the block {self.name} needs `{parameter.name}`"
                self.scope.error(self.places[""], "missing-argument", message, self.example)
                return None
        return None if failed else given

    # Arguments one by one

    def _read(self) -> bool:
        """Read all arguments; False where one of them was wrong."""
        failed = False
        wrong_word = False  # `stride 2`: the number after it is no mistake of its own
        for argument in self.operation.arguments:
            if wrong_word and isinstance(argument, tree.Value):
                continue
            wrong_word = False
            try:
                self._argument(argument)
            except UnknownError:
                failed = True
                wrong_word = isinstance(argument, tree.Word)
        return not failed

    def _argument(self, argument: tree.Argument) -> None:
        """Read one argument; raises UnknownError after a reported error."""
        self.scope.work(argument.span)
        match argument:
            case tree.Size():
                self._positional("size", self._size(argument), argument.span)
            case tree.ShapeLiteral():
                self._positional("shape", self._shape(argument), argument.span)
            case tree.Option():
                value = argument.values[0] if len(argument.values) == 1 else argument.values
                self._option(argument.letters, value, argument.span)
            case tree.Value():
                self._meant(self.scope.meaning(argument.expression), argument.span)
            case tree.Keyed():
                self._keyed(argument)
            case tree.Word():
                self._word(argument)

    def _word(self, argument: tree.Word) -> None:
        """An option's word, a variable, a trailing layer, or the label of a value."""
        name = self.scope.text(argument.name)
        for field_name, spec in self.fields.items():
            if name in spec.words:
                return self._set(field_name, spec.words[name], argument.span)
        meaning = self.scope.known(name)
        if meaning is None:
            return self._free_word(name, argument.span)
        return self._meant(meaning, argument.span)

    def _meant(self, meaning: Meaning, span: Span) -> None:
        """What a bare word or a computed value stands for."""
        match meaning:
            case LayerWord():
                opening = len(span.text) - len(span.text.lstrip("( "))
                span = replace(span, start=span.start + opening)
                arguments = meaning.arguments(span)
                operation = tree.Operation(name=meaning.name, arguments=arguments, span=span)
                self.trailing.append(operation)
            case Size():
                self._positional("size", meaning.values, span)
            case Value():
                self.references.append(meaning)
                self.reference_spans.append(span)
            case int() | float():
                self._number(meaning, span)

    def _positional(self, positional: str, value: object, span: Span) -> None:
        for name, argument in self.fields.items():
            if argument.positional == positional:
                return self._set(name, value, span)
        message = f"{self.name} takes no {positional}, so {quote(span)} is one too many"
        raise self.fail(span, "unexpected-argument", message, self._own_number(span))

    def _option(self, letters: str, value: object, span: Span) -> None:
        for name, argument in self.fields.items():
            if argument.letters == letters:
                return self._set(name, value, span)
        if self.scope.poisoned.covers(span.text):  # a label that can't be called so
            raise UnknownError
        message = f"{self.name} has no option `{letters}`"
        raise self.fail(span, "unknown-option", message, self._usage())

    def _number(self, value: int | float, span: Span) -> None:
        numbers = [f for f, a in self.fields.items() if a.positional == "number"]
        for name, argument in self.fields.items():
            if argument.positional == "numbers":
                self.values.setdefault(name, []).append(value)
                self.places.setdefault(name, span)
                return
        for name in numbers:
            if name not in self.values:
                return self._set(name, value, span)
        taken = f"only {len(numbers)} number{'s' * (len(numbers) > 1)}" if numbers else "no number"
        message = f"{self.name} takes {taken}, so {quote(span)} is one too many"
        help = self._own_number(span)
        sized = any(a.positional == "size" and n not in self.values for n, a in self.fields.items())
        if sized and not self.trailing:
            size = self.values[numbers[0]] if numbers else value
            help = f"a size is written `{size}x{size}`, or `k{size}` for every axis"
        raise self.fail(span, "unexpected-argument", message, help)

    def _own_number(self, span: Span) -> str:
        """Advice on a number behind a trailing word; else an example."""
        before = [o for o in self.trailing if o.span.start < span.start]
        if not before:
            return self._usage()
        name = before[-1].name
        return f"an argument of `{name}` is written behind an arrow: `-> {name} {span.text[:20]}`"

    def _free_word(self, name: str, span: Span) -> None:
        for field_name, spec in self.fields.items():
            if spec.positional == "word":
                return self._set(field_name, name, span)
        if name == "C":
            raise self.scope.no_channels(span)
        if self.scope.poisoned.covers(name) or self.scope.build.has_error("unknown-word", span):
            raise UnknownError
        words = [w for a in self.fields.values() for w in a.words]
        variables = (*self.scope.variables, *self.scope.file.variables)
        blocks = self.scope.file.definition_names()
        candidates = (*words, *LAYERS, *blocks, *variables, *self.scope.build.labels)
        help = self._split_size(name) or suggestion(name, candidates, self._usage())
        message = f"`{name}` is no option of {self.name}, and no layer, variable or label"
        if self.kind is not None and self.kind.references[1] != 0:
            message = f"`{name}` is no value above, and no layer"
            help = self.scope.build.suggest(name) or help
        raise self.fail(span, "unknown-word", message, help)

    def _split_size(self, name: str) -> str:
        """`conv 3 x3`: the rest of a size torn by a blank."""
        if name[:1] == "x" and name[1:].isdigit():
            return f"a size is written without blanks: `{name[1:]}x{name[1:]}`"
        return ""

    # By key

    def _keyed(self, argument: tree.Keyed) -> None:
        if self.kind is not None and argument.key in self.kind.refused:
            message = f"`{argument.key}=` isn't used here"
            help = self.kind.refused[argument.key]
            raise self.fail(argument.span, "refused-argument", message, help)
        if self.kind is not None and argument.key == self.kind.reference_key:
            self.references.append(self._reference(argument))
            self.reference_spans.append(argument.span)
            return
        for name, spec in self.fields.items():
            if name and argument.key in (name, spec.letters):
                return self._set(name, self._keyed_value(argument, spec), argument.span)
        keys = [k for n, a in self.fields.items() for k in (n, a.letters) if k]
        message = f"{self.name} has no `{argument.key}=`"
        raise self.fail(argument.span, "unknown-argument", message, self._key_help(argument, keys))

    def _key_help(self, argument: tree.Keyed, keys: list[str]) -> str:
        """What to write instead of an unknown key: `activation=relu` is the next layer."""
        match argument.value:
            case tree.Name(id=word) if word in LAYERS:
                return f"write `{word}` without a key: the layer that follows is a word by itself"
            case _:
                return did_you_mean(argument.key, keys, self._usage())

    def _keyed_value(self, argument: tree.Keyed, spec: Argument) -> object:
        match argument.value:
            case tree.Size():
                return self._size(argument.value)
            case tree.ShapeLiteral():
                return self._shape(argument.value)
            case tree.TupleValue():
                return tuple(self.scope.number(item) for item in argument.value.items)
            case tree.Name(id=word) if spec.positional == "word":
                return word
            case tree.Name(id=word) if word in spec.words:
                message = f"`{word}` is a word by itself, and no value of `{argument.key}=`"
                raise self.fail(argument.span, "not-a-number", message, f"write `{word}`")
            case _ if spec.words and not spec.letters:
                words = " or ".join(f"`{word}`" for word in spec.words)
                message = f"`{argument.key}` of {self.name} is said by a word"
                raise self.fail(argument.span, "not-a-number", message, f"write {words}")
            case expression:
                meaning = self.scope.meaning(expression)
        if isinstance(meaning, Size):
            return meaning.values
        if isinstance(meaning, int | float):
            return meaning
        if isinstance(meaning, LayerWord) and self.scope.poisoned.covers(meaning.name):
            raise UnknownError
        message = f"`{argument.key}=` takes a number, not {quote(argument.value.span)}"
        raise self.fail(argument.span, "not-a-number", message, self._usage())

    def _reference(self, argument: tree.Keyed) -> Value:
        value = argument.value
        if isinstance(value, tree.Name | tree.Template):
            name = self.scope.text(value)
            found = self.scope.known(name)
            if isinstance(found, Value):
                return found
            if found is None:
                return self.scope.resolve(name, value.span)
        message = f"`{argument.key}=` takes the label of a value above, not {quote(value.span)}"
        help = f"put a label before a line, `x: …`, and write `{argument.key}=x` here"
        raise self.fail(argument.span, "not-a-value", message, help)

    # What a layer needs

    def _has_fields(self, kind: type[Layer]) -> bool:
        for name in _required(kind):
            if name not in self.values:
                what = WANTED.get(self.fields[name].positional or "", "")
                message = f"{self.name} needs its {name}{what}"
                self.scope.error(self.places[""], "missing-argument", message, self._usage())
                return False
        return True

    def _has_references(self, kind: type[Layer]) -> bool:
        least, most = kind.references
        count = len(self.references)
        if most is not None and count > most:
            span = self.reference_spans[most]
            taken = f"only {most} label{'s' * (most > 1)}" if most else "no label"
            message = f"{self.name} takes {taken} of other values, so {quote(span)} is too many"
            help = f"a layer takes another input than the line above by `from {span.text[:40]}`"
            self.scope.error(span, "unexpected-argument", message, help)
            return False
        if count < least:
            what = f"the labels of {least} values above" if least > 1 else "the label of a value"
            message = f"{self.name} needs {what}"
            self.scope.error(self.places[""], "missing-argument", message, self._usage())
            return False
        return True

    def _invalid(self, details: ErrorDetails) -> None:
        name = str(details["loc"][0])
        span, value = self.places[name], self.values[name]
        shown = quote(span)
        if isinstance(value, int | float) and not _says(span.text, value):
            shown += f" is {value:g}, which"
        rule = _rule(details, several=isinstance(value, tuple))
        message = f"{shown} can't be the {name} of {self.name}: {rule}"
        self.scope.error(span, "invalid-argument", message, self._own_number(span))

    def _is_normed(self, following: tree.Operation | None) -> bool:
        """Whether the next chained layer is a batch norm, which takes the bias' place."""
        chained = self.trailing[0] if self.trailing else following
        if chained is None:
            return False
        return self.scope.known(chained.name) == LayerWord("bn")

    def _is_torn_size(self) -> bool:
        """`conv 3 x 3 64` or `conv 3 3 64`: a size torn into words."""
        arguments = self.operation.arguments
        torn = self._torn_by_an_x(arguments) or self._torn_by_a_blank(arguments)
        if torn is None:
            return False
        a, b = torn
        help = f"write `{a.text[:20]}x{b.text[:20]}`"
        self.scope.error(a.to(b), "split-size", "a size is written without blanks", help)
        return True

    def _torn_by_an_x(self, arguments: tuple[tree.Argument, ...]) -> tuple[Span, Span] | None:
        if not any(isinstance(a, tree.Word) and a.span.text == "x" for a in arguments):
            return None
        for a, x, b in zip(arguments, arguments[1:], arguments[2:], strict=False):
            values = isinstance(a, tree.Value) and isinstance(b, tree.Value)
            if values and x.span.text == "x":
                return a.span, b.span
        return None

    def _torn_by_a_blank(self, arguments: tuple[tree.Argument, ...]) -> tuple[Span, Span] | None:
        """More numbers than there is place for, and no size."""
        numbers = [a for a in arguments if isinstance(a, tree.Value)]
        kinds = [argument.positional for argument in self.fields.values()]
        if len(numbers) < 2 + kinds.count("number") or "size" not in kinds or "numbers" in kinds:
            return None
        if any(self._may_be_size(argument) for argument in arguments):
            return None
        return numbers[0].span, numbers[1].span

    def _may_be_size(self, argument: tree.Argument) -> bool:
        match argument:
            case tree.Option(letters=key) | tree.Keyed(key=key):
                return any(
                    key in (n, a.letters) for n, a in self.fields.items() if a.positional == "size"
                )
            case tree.Word(name=tree.Name(id=name)):
                return self.scope.lookup(name) is not None
            case tree.Value():
                return False
            case _:
                return True

    # What all of them need

    @property
    def name(self) -> str:
        """The op as messages show it."""
        return quote(self.places[""])

    def _usage(self) -> str:
        """An example of the layer."""
        if self.kind is None or not self.kind.examples:
            return self.example
        examples = [example.text for example in self.kind.examples]
        shown = next((text for text in examples if " " in text), examples[0])  # with arguments
        return f"for example `{shown}`; `cnndsl explain {self.kind.word}` lists its arguments"

    def _size(self, size: tree.Size) -> tuple[int, ...]:
        """`3x{k}` as numbers."""
        return tuple(
            v if isinstance(v, int) else self.scope.integer(v, "a size") for v in size.values
        )

    def _shape(self, literal: tree.ShapeLiteral) -> tuple[int, ...]:
        sizes = literal.space if literal.channels is None else (literal.channels, *literal.space)
        result: list[int] = []
        for size in sizes:
            if isinstance(size, str):
                message = f"`{size}` is symbolic, but this shape must be fixed"
                help = f"write a number, or `{{{size}}}` for the value of a variable"
                raise self.fail(literal.span, "symbolic-argument", message, help)
            result.append(size if isinstance(size, int) else self.scope.integer(size, "a size"))
        return tuple(result)

    def _set(self, name: str, value: object, span: Span) -> None:
        if name in self.values:
            first = quote(self.places[name])
            said = f"{quote(span)} says again what {first} said"
            message = said if first != quote(span) else f"{first} is given twice"
            raise self.fail(span, "given-twice", message, "leave one of them out")
        self.values[name] = value
        self.places[name] = span


@cache
def _required(kind: type[Layer]) -> tuple[str, ...]:
    return tuple(name for name, info in kind.model_fields.items() if info.is_required())


def _one_per_field(error: ValidationError) -> list[ErrorDetails]:
    """The last of each field's findings: for a choice of types it is the one with numbers."""
    return list({str(d["loc"][0]): d for d in error.errors(include_url=False)}.values())


def _says(text: str, value: float) -> bool:
    """Whether an argument is the value itself, and no computation of it."""
    try:
        return float(text.rpartition("=")[2].strip("()")) == value
    except ValueError:
        return text.lstrip("skpdgo").isdigit()


def _rule(details: ErrorDetails, several: bool) -> str:
    """What a value must be, as a clause; `several` where it holds several numbers."""
    limits: dict[str, Any] = details.get("ctx", {})
    each = several and any(isinstance(part, int) for part in details["loc"])
    subject = "each of its numbers" if each else "it"
    match details["type"]:
        case "greater_than":
            return f"{subject} must be more than {_plain(limits['gt'])}"
        case "greater_than_equal":
            return f"{subject} must be at least {_plain(limits['ge'])}"
        case "less_than":
            return f"{subject} must be less than {_plain(limits['lt'])}"
        case "less_than_equal":
            return f"{subject} must be at most {_plain(limits['le'])}"
        case "int_type" | "float_type" if several and not each:
            return "it must be a single number"
        case "int_type" | "int_from_float":
            return f"{subject} must be a whole number"
        case "too_long":
            return f"it has more than {limits['max_length']:,} numbers"
        case "literal_error":
            return f"it must be one of {limits['expected'].replace(chr(39), chr(96))}"
        case "value_error":
            return str(limits["error"])
        case _:
            return details["msg"].lower()


def _plain(limit: float) -> str:
    return f"{int(limit):,}" if limit == int(limit) else f"{limit:g}"
