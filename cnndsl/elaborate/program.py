"""The top of a file: net, inputs, outputs, loss, and the blocks it defines or uses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from cnndsl.diagnostics import Diagnostic, SpecError, did_you_mean, in_order, is_silenced
from cnndsl.elaborate.arithmetic import LARGEST_NUMBER, normal
from cnndsl.elaborate.files import Files, ReadUsed
from cnndsl.elaborate.losses import loss_terms
from cnndsl.elaborate.meanings import UNKNOWN, LayerWord, Meaning, UnknownError, Value
from cnndsl.elaborate.names import check_name
from cnndsl.elaborate.scope import Construction, name_span
from cnndsl.elaborate.steps import MOST_ELEMENTS, report_head_needed
from cnndsl.elaborate.walk import add_line, add_loop, declare
from cnndsl.elaborate.warnings import warnings
from cnndsl.network import Input, LossTerm, Network, Origin
from cnndsl.shape import Dim, Shape, Symbolic
from cnndsl.source import Span
from cnndsl.syntax import tree
from cnndsl.syntax.reading import Reading

LARGEST_SIDE = 1 << 20
MOST_AXES = 3

Setting = int | float | str
"""What `--set classes=10` gives a net's parameter: a number, or a layer's word."""


def elaborate(
    reading: Reading,
    *,
    prelude: Callable[[], tree.File],
    read_used: ReadUsed,
    settings: Mapping[str, Setting] | None = None,
    input_shapes: Mapping[str, Shape] | None = None,
) -> tuple[Network, list[Diagnostic]]:
    """The network that a spec describes, and warnings.

    `settings` override the net's parameters, `input_shapes` the inputs' shapes by name ("" for
    whichever). `prelude` and `read_used` bring in other files. Raises SpecError with the errors of
    form that the reading comes with, and all others.
    """
    if reading.file is None:
        raise SpecError(reading.errors)
    program = Program(reading.file, settings or {}, input_shapes or {}, prelude, read_used)
    program.expect_gaps(reading)
    network = program.network()
    return network, [w for w in warnings(network) if not is_silenced(w)]


class Program:
    """Elaborates a file's statements in order; `network()` gives the result."""

    def __init__(
        self,
        file: tree.File,
        settings: Mapping[str, Setting],
        input_shapes: Mapping[str, Shape],
        prelude: Callable[[], tree.File],
        read_used: ReadUsed,
    ):
        self.build = Construction()
        self.files = Files(self.build, file, prelude, read_used)
        self.scope = self.files.top
        self.file, self.given, self.input_shapes = file, settings, input_shapes
        self.value = UNKNOWN
        self.name = "Net"
        self.net: tree.Net | None = None
        self.parameters: set[str] = set()
        self.settings: dict[str, Setting] = {}  # the parameters' values in force
        self.unread: frozenset[str] = frozenset()  # words of lines that weren't read
        self.inputs: dict[str, Input | None] = {}  # None after a reported error
        self.outputs: list[str] = []
        self.loss: tree.Loss | None = None
        self.terms: list[LossTerm] = []

    def expect_gaps(self, reading: Reading) -> None:
        """What lines that weren't read may have made is no error where it is missing."""
        if not reading.errors:
            return
        self.build.add_errors(reading.errors)
        self.build.poisoned.words(reading.words)
        self.unread = reading.words
        self.inputs[""] = None

    def network(self) -> Network:
        """The network; raises SpecError with everything that is wrong."""
        for statement in self.file.statements:
            self._statement(statement)
        top = self.net.span if self.net else Span(self.file.source, 0, 1)
        self._require_input(top, "the spec has no input")
        self._check_given(top)
        if not self.build.steps and not self.build.errors:
            message, help = "the spec has no layer", "write one below the input: `conv 3x3 64 relu`"
            self.scope.error(top, "no-layers", message, help)
        if self.build.errors:
            raise SpecError(in_order(self.build.errors, self.file.source))
        return Network(
            name=self.name,
            settings=self.settings,
            inputs=tuple(i for i in self.inputs.values() if i),
            steps=tuple(self.build.steps),
            outputs=tuple(self.outputs) or (self.value.name,),
            heads=self.build.heads,
            loss=tuple(self.terms),
            conditions=tuple(self.build.conditions.values()),
        )

    def _statement(self, node: tree.Statement) -> None:
        match node:
            case tree.Version():
                pass  # the parser knows the versions
            case tree.Net():
                self._net(node)
            case tree.Input():
                self._input(node)
            case tree.Output():
                self._output(node)
            case tree.Loss():
                self._loss(node)
            case tree.Use():
                self.files.use(self.scope, node)
            case tree.Def():
                self.files.define(self.scope, node)
            case tree.Let():
                declare(self.scope, node, self.scope.file.variables)
            case tree.For():
                self._require_input(node.span)
                self.value = add_loop(self.scope, node, self.value)
            case tree.Line():
                self._require_input(node.span)
                self.value = add_line(self.scope, node, self.value)

    def _require_input(
        self, span: Span, message: str = "there is no input above this line"
    ) -> None:
        """Report once that there is no input, at the first line that needs one."""
        if self.inputs:
            return
        self.inputs[""] = None
        help = "write `input image 3@224x224` above the first layer"
        self.scope.error(span, "missing-input", message, help)

    def _check_given(self, top: Span) -> None:
        """Report values given for parameters, and shapes for inputs, that the net doesn't have."""
        for name in self.given:
            if name not in self.parameters | self.unread:
                message = f"the net has no parameter `{name[:40]}` to set"
                help = did_you_mean(name, self.parameters, f"it has {_listed(self.parameters)}")
                self.scope.error(top, "unknown-setting", message, help)
        names = {name for name in self.inputs if name}
        for name in self.input_shapes if names and "" not in self.inputs else ():
            if name and name not in names:
                message = f"the net has no input `{name[:40]}` to give another shape"
                help = did_you_mean(name, names, f"it has {_listed(names)}")
                self.scope.error(top, "unknown-input", message, help)

    # The net and its parameters

    def _net(self, node: tree.Net) -> None:
        if self.net is not None:
            message = f"a file describes one net, and line {self.net.span.line} names it already"
            help = "write two files; `use` brings blocks from one into another"
            self.scope.error(node.span, "second-net", message, help)
            return
        self.net, self.name = node, node.name
        try:
            self.scope.check_length(node.name, node.span)
        except UnknownError:
            self.name = "Net"
        for parameter in node.parameters:
            try:
                meaning = self._parameter(parameter)
            except UnknownError:
                meaning = UNKNOWN
            if isinstance(meaning, LayerWord):
                self.settings[parameter.name] = meaning.text
            elif isinstance(meaning, int | float):
                self.settings[parameter.name] = meaning
            self.scope.file.variables[parameter.name] = meaning

    def _parameter(self, parameter: tree.Parameter) -> Meaning:
        """What a parameter of the net stands for; raises UnknownError after a reported error."""
        name, span = parameter.name, parameter.span
        if name in self.parameters:
            message = f"the net has two parameters `{name}`"
            raise self.scope.fail(span, "name-taken", message, "choose another name")
        self.parameters.add(name)
        if not check_name(self.scope, name, span):
            raise UnknownError
        if name in self.given:
            return self._given(name, span)
        if parameter.default is not None:
            return self.scope.meaning(parameter.default)
        message = f"the net's parameter `{name}` has no value"
        help = f"give it a default, as in `{name}=10`, or a value by `--set {name}=10`"
        raise self.scope.fail(span, "missing-setting", message, help)

    def _given(self, name: str, span: Span) -> Meaning:
        """What the value from outside stands for."""
        setting = self.given[name]
        if isinstance(setting, str):
            word, *numbers = setting.split() or [""]
            found = self.scope.known(word)
            if isinstance(found, LayerWord) and all(map(_is_number, numbers)):
                values = (normal(float(number)) for number in numbers)
                return LayerWord(found.name, (*found.numbers, *values))
        elif abs(setting) <= LARGEST_NUMBER:
            return normal(setting)
        message = f"`{str(setting)[:40]}`, given for `{name}`, is no number and no layer"
        help = f"write a number, as in `--set {name}=10`, or the name of a layer"
        raise self.scope.fail(span, "bad-setting", message, help)

    # Inputs

    def _input(self, node: tree.Input) -> None:
        span = name_span(node, "input")
        if not check_name(self.scope, node.name, span, is_label=True):
            self.inputs.setdefault(node.name, None)
            self.value = UNKNOWN
            return
        try:
            shape = self._input_shape(node)
            self.inputs[node.name] = Input(name=node.name, shape=shape, origin=Origin(node.span))
        except UnknownError:
            shape = self.inputs[node.name] = None
        self.value = self.build.values[node.name] = Value(node.name, shape)
        self.build.label(node.name, self.value, span)

    def _input_shape(self, node: tree.Input) -> Shape:
        """The shape as given or as written, if it is none that no net could take; else raises
        UnknownError after a reported error.
        """
        span = node.shape.span
        given = self.input_shapes.get(node.name) or self.input_shapes.get("")
        shape = self._written_shape(node.shape) if given is None else given
        for size in shape:
            if isinstance(size, int) and not 0 < size <= LARGEST_SIDE:
                message = (
                    f"an input's sizes lie between 1 and {LARGEST_SIDE:,}, but one is {size:,}"
                )
                help = "a shape is written `3@224x224`: channels, then height and width"
                raise self.scope.fail(span, "bad-input", message, help)
        if shape.rank > MOST_AXES:
            message = f"an input has at most {MOST_AXES} spatial axes, not {shape.rank}"
            help = "the batch and the channels are none of them: `3@16x112x112` is a clip"
            raise self.scope.fail(span, "bad-input", message, help)
        if shape.is_concrete and shape.elements > MOST_ELEMENTS:
            message = f"an input of {shape.elements:,} values is larger than {MOST_ELEMENTS:,}"
            raise self.scope.fail(span, "too-large", message, "write a smaller shape")
        return shape

    def _written_shape(self, literal: tree.ShapeLiteral) -> Shape:
        space = tuple(self._size(literal, size) for size in literal.space)
        if literal.channels is None:
            channels, space = space[0], ()
        else:
            channels = self._size(literal, literal.channels)
        if not isinstance(channels, int):
            message = f"a vector has a fixed number of values, but `{channels}` is symbolic"
            help = "write the number, as in `@128`"
            raise self.scope.fail(literal.span, "symbolic-vector", message, help)
        return Shape(channels, space)

    def _size(self, literal: tree.ShapeLiteral, size: int | str | tree.Expression) -> Dim:
        if isinstance(size, int):
            return size
        if not isinstance(size, str):
            return self.scope.integer(size, "a size")
        if self.scope.lookup(size) is not None:
            message = f"`{size}` is a number here, but a bare name in a shape is symbolic"
            help = f"write `{{{size}}}` for its value, or another letter for any size"
            raise self.scope.fail(literal.span, "symbolic-variable", message, help)
        return Symbolic(size)

    # Outputs and the loss

    def _output(self, node: tree.Output) -> None:
        for name in node.names:
            try:
                found = self.scope.resolve(self.scope.text(name), name.span)
            except UnknownError:
                continue
            step = self.build.by_name.get(found.name)
            if step is not None and step.head is not None:
                report_head_needed(self.scope, found.name, step.head, name.span)
            elif found.name in self.outputs:
                message, help = f"`{found.name}` is an output already", "leave one of them out"
                self.scope.error(name.span, "given-twice", message, help)
            else:
                self.outputs.append(found.name)

    def _loss(self, node: tree.Loss) -> None:
        if self.loss is not None:
            message = f"line {self.loss.span.line} states the loss already"
            help = "write one line, with `+` between its terms"
            self.scope.error(node.span, "second-loss", message, help)
            return
        self.loss = node
        self.terms = loss_terms(self.scope, node.expression)


def _is_number(text: str) -> bool:
    """Whether it is a layer's number as a spec may say it: without a sign."""
    try:
        return math.isfinite(float(text)) and not text.startswith(("+", "-"))
    except ValueError:
        return False


def _listed(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"
