"""The top of a file: net, inputs, outputs, loss, and the blocks it defines or uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from cnndsl.diagnostics import SpecError
from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import UNKNOWN, Context, Unknown, Value
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.elaborate.files import Files, ReadUsed
from cnndsl.elaborate.inputs import checked_shape, input_shape
from cnndsl.elaborate.losses import loss_terms
from cnndsl.elaborate.names import check_name
from cnndsl.elaborate.settings import Setting, Settings, check_input_names
from cnndsl.elaborate.walk import Walker
from cnndsl.network import Input, LossTerm, Network, Origin
from cnndsl.shape import Shape
from cnndsl.source import Span
from cnndsl.syntax import tree


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
        self.walker = Walker(self.build)
        self.file, self.input_shapes = file, dict(input_shapes)
        self.files = Files(self.walker, file, prelude, read_used)
        self.settings = Settings(self.build, settings)
        self.scope = self.files.scope
        self.context = Context(self.scope, {})
        self.value = UNKNOWN
        self.name = "Net"
        self.net: tree.Net | None = None
        self.inputs: dict[str, Input | None] = {}  # None after a reported error
        self.outputs: list[str] = []
        self.loss: tree.Loss | None = None
        self.terms: list[LossTerm] = []

    def network(self) -> Network:
        """The network; raises SpecError with everything that is wrong."""
        for statement in self.file.statements:
            self._statement(statement)
        top = self.net.span if self.net else Span(self.file.source, 0, 1)
        self._require_input(top, "the spec has no input")
        self.settings.check(self.context, top)
        names = {name for name in self.inputs if name}
        if names:
            check_input_names(self.build, self.context, top, self.input_shapes, names)
        if not self.build.steps and not self.build.errors:
            message, help = "the spec has no layer", "write one below the input: `conv 3x3 64 relu`"
            self.build.error(self.context, top, "no-layers", message, help)
        if self.build.errors:
            raise SpecError(self.build.errors)
        return Network(
            name=self.name,
            settings=self.settings.values,
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
                self.files.use(node, self.scope, self.context)
            case tree.Def():
                self.files.define(node, self.scope)
            case tree.Let():
                self.walker.let(node, self.context, self.scope.variables)
            case tree.For():
                self._require_input(node.span)
                context = replace(self.context, variables=dict(self.context.variables))
                self.value = self.walker.loop(node, context, self.value)
            case tree.Line():
                self._require_input(node.span)
                self.value = self.walker.line(node, self.context, self.value)

    def _require_input(
        self, span: Span, message: str = "there is no input above this line"
    ) -> None:
        """Report once that there is no input, at the first line that needs one."""
        if self.inputs:
            return
        self.inputs[""] = None
        help = "write `input image 3@224x224` above the first layer"
        self.build.error(self.context, span, "missing-input", message, help)

    def _net(self, node: tree.Net) -> None:
        if self.net is not None:
            message = f"a file describes one net, and line {self.net.span.line} names it already"
            help = "write two files; `use` brings blocks from one into another"
            self.build.error(self.context, node.span, "second-net", message, help)
            return
        self.net, self.name = node, node.name
        for parameter in node.parameters:
            self.scope.variables[parameter.name] = self.settings.declare(self.context, parameter)

    def _input(self, node: tree.Input) -> None:
        start = node.span.start + node.span.text.index(node.name, len("input"))
        span = Span(node.span.source, start, start + len(node.name))
        if not check_name(self.build, self.context, node.name, span, is_label=True):
            self.inputs.setdefault(node.name, None)
            self.value = UNKNOWN
            return
        given = self.input_shapes.get(node.name) or self.input_shapes.get("")
        try:
            if given is not None:
                shape = checked_shape(self.build, self.context, node.shape.span, given)
            else:
                shape = input_shape(self.build, self.context, node.shape)
            self.inputs[node.name] = Input(name=node.name, shape=shape, origin=Origin(node.span))
        except Unknown:
            shape = self.inputs[node.name] = None
        self.value = self.build.values[node.name] = Value(node.name, shape)
        self.build.label(node.name, self.value, span)

    def _output(self, node: tree.Output) -> None:
        evaluate = Evaluator(self.build, self.context)
        for name in node.names:
            try:
                found = self.build.resolve(self.context, evaluate.text(name), name.span)
            except Unknown:
                continue
            step = self.build.by_name.get(found.name)
            if step is not None and step.head is not None:
                self.build.head_needed(self.context, found.name, step.head, name.span)
            elif found.name in self.outputs:
                message, help = f"`{found.name}` is an output already", "leave one of them out"
                self.build.error(self.context, name.span, "given-twice", message, help)
            else:
                self.outputs.append(found.name)

    def _loss(self, node: tree.Loss) -> None:
        if self.loss is not None:
            message = f"line {self.loss.span.line} states the loss already"
            help = "write one line, with `+` between its terms"
            self.build.error(self.context, node.span, "second-loss", message, help)
            return
        self.loss = node
        self.terms = loss_terms(self.build, self.context, node.expression)
