"""The top of a file: net, inputs, outputs, loss, and the blocks it defines or uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from cnndsl.diagnostics import SpecError, did_you_mean
from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import (
    Context,
    Definition,
    FileScope,
    LayerWord,
    Meaning,
    Unknown,
    Value,
)
from cnndsl.elaborate.expressions import FUNCTIONS, Evaluator
from cnndsl.elaborate.inputs import input_shape
from cnndsl.elaborate.losses import loss_terms
from cnndsl.elaborate.names import check_name
from cnndsl.elaborate.walk import Walker
from cnndsl.network import Input, LossTerm, Network, Origin
from cnndsl.shape import Shape
from cnndsl.source import Source, Span
from cnndsl.syntax import tree

Setting = int | float | str
ReadUsed = Callable[[Source, str], tree.File]
"""Reads the file named by a `use` line; raises SpecError or UsageError."""


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
        self.file, self.read_used = file, read_used
        self.given, self.input_shapes = dict(settings), dict(input_shapes)
        self.settings: dict[str, Setting] = {}
        self.inputs: list[Input] = []
        self.outputs: list[str] = []
        self.loss: list[LossTerm] = []
        self.name = "Net"
        self._net_seen = False
        self._prelude_scope: FileScope | None = None
        self._prelude = prelude
        self.scope = FileScope(parent=self._read_prelude)
        self.context = Context(self.scope, {})
        self.value = Value("?", None)
        self._used: set[str] = {file.source.name}

    def network(self) -> Network:
        """The network; raises SpecError with everything that is wrong."""
        for statement in self.file.statements:
            self._statement(statement)
        everything = Span(self.file.source, 0, 0)
        if not self.inputs and not self.build.errors:
            message = "the spec has no input"
            help = "write `input image 3@224x224` before the first layer"
            self.build.error(self.context, everything, "missing-input", message, help)
        self._check_given(everything)
        if self.build.errors:
            raise SpecError(self.build.errors)
        return Network(
            name=self.name,
            settings=self.settings,
            inputs=tuple(self.inputs),
            steps=tuple(self.build.steps),
            outputs=tuple(self.outputs) or (self.value.name,),
            heads=self.build.heads,
            loss=tuple(self.loss),
            conditions=tuple(self.build.conditions.values()),
        )

    def _statement(self, node: tree.Statement) -> None:
        match node:
            case tree.Version():
                self._version(node)
            case tree.Net():
                self._net(node)
            case tree.Input():
                self._input(node)
            case tree.Output():
                self._output(node)
            case tree.Loss():
                self.loss.extend(loss_terms(self.build, self.context, node.expression))
            case tree.Use():
                self._use(node, self.scope)
            case tree.Def():
                self._define(node, self.scope)
            case tree.Let():
                self.walker.let(node, self.context, self.scope.variables)
            case tree.For() | tree.Line():
                self._layers(node)

    def _version(self, node: tree.Version) -> None:
        if node.number != 1:
            message = f"this is version {node.number} of the language; version 1 is known here"
            help = "install a newer cnndsl, or write `cnndsl 1`"
            self.build.stop(self.context, node.span, "unknown-version", message, help)

    def _net(self, node: tree.Net) -> None:
        if self._net_seen:
            message = "a file describes one net, and this is its second `net` line"
            self.build.error(self.context, node.span, "second-net", message, "use two files")
            return
        self._net_seen = True
        self.name = node.name
        evaluate = Evaluator(self.build, self.context)
        for parameter in node.parameters:
            if not check_name(self.build, self.context, parameter.name, parameter.span):
                continue
            if parameter.name in self.given:
                meaning = self._given_meaning(self.given[parameter.name], parameter.span)
            elif parameter.default is None:
                message = f"the net's parameter `{parameter.name}` has no value"
                help = f"give it a default (`{parameter.name}=10`) or `--set {parameter.name}=10`"
                self.build.error(self.context, parameter.span, "missing-setting", message, help)
                continue
            else:
                try:
                    meaning = evaluate.meaning(parameter.default)
                except Unknown:
                    meaning = Value("?", None)
            self.scope.variables[parameter.name] = meaning
            if isinstance(meaning, LayerWord):
                self.settings[parameter.name] = meaning.name
            elif isinstance(meaning, int | float):
                self.settings[parameter.name] = meaning

    def _given_meaning(self, setting: Setting, span: Span) -> Meaning:
        if not isinstance(setting, str):
            return setting
        found = Evaluator(self.build, self.context).known(setting)
        if isinstance(found, LayerWord):
            return found
        message = f"`{setting}`, given from outside, is neither a number nor a layer"
        self.build.error(self.context, span, "bad-setting", message)
        return Value("?", None)

    def _check_given(self, span: Span) -> None:
        for name in self.given:
            if name not in self.scope.variables:
                known = self.settings
                listed = ", ".join(f"`{n}`" for n in known) or "none"
                message = f"the net has no parameter `{name}` to set"
                help = did_you_mean(name, known, f"it has {listed}")
                self.build.error(self.context, span, "unknown-setting", message, help)
        names = {i.name for i in self.inputs}
        for name in self.input_shapes:
            if name and name not in names and self.inputs:
                message = f"the net has no input `{name}` to resize"
                help = did_you_mean(name, names, f"it has {', '.join(sorted(names))}")
                self.build.error(self.context, span, "unknown-input", message, help)

    def _input(self, node: tree.Input) -> None:
        start = node.span.start + node.span.text.index(node.name, 5)
        span = Span(node.span.source, start, start + len(node.name))
        if not check_name(self.build, self.context, node.name, span, is_label=True):
            return
        try:
            given = self.input_shapes.get(node.name) or self.input_shapes.get("")
            shape = given or input_shape(self.build, self.context, node.shape)
        except Unknown:
            shape = None
        self.value = self.build.values[node.name] = Value(node.name, shape)
        self.build.labels[node.name] = self.value
        if shape is not None:
            self.inputs.append(Input(name=node.name, shape=shape, origin=Origin(node.span)))

    def _output(self, node: tree.Output) -> None:
        evaluate = Evaluator(self.build, self.context)
        for name in node.names:
            try:
                found = self.build.resolve(self.context, evaluate.text(name), name.span)
            except Unknown:
                continue
            if found is not None and found.name not in self.outputs:
                self.outputs.append(found.name)

    def _layers(self, node: tree.For | tree.Line) -> None:
        if not self.inputs and not self.build.errors:
            message = "there is no input for this layer yet"
            help = "write `input image 3@224x224` above it"
            self.build.error(self.context, node.span, "missing-input", message, help)
        if isinstance(node, tree.For):
            context = replace(self.context, variables=dict(self.context.variables))
            self.value = self.walker.loop(node, context, self.value)
        else:
            self.value = self.walker.line(node, self.context, self.value)

    # Blocks from here and elsewhere

    def _define(self, node: tree.Def, scope: FileScope) -> None:
        context = Context(scope, {})
        start = node.span.start + node.span.text.index(node.name, 3)
        span = Span(node.span.source, start, start + len(node.name))
        if not check_name(self.build, context, node.name, span):
            return
        if node.name in scope.definitions or node.name in FUNCTIONS:
            message = f"`{node.name}` is defined already"
            self.build.error(context, span, "name-taken", message, "choose another name")
            return
        seen: set[str] = set()
        for parameter in node.parameters:
            if parameter.name in seen:
                message = f"the block has two parameters `{parameter.name}`"
                self.build.error(context, parameter.span, "name-taken", message)
            elif not check_name(self.build, context, parameter.name, parameter.span):
                continue
            seen.add(parameter.name)
        scope.definitions[node.name] = Definition(node, scope)

    def _use(self, node: tree.Use, scope: FileScope) -> None:
        """Bring in another file's blocks; its own lets and uses stay its own."""
        try:
            file = self.read_used(node.span.source, node.path)
        except SpecError as e:
            for d in e.diagnostics:
                self.build.errors.append(replace(d, frames=(node.span, *d.frames)))
            return
        except LookupError as e:
            self.build.error(self.context, node.span, "unreadable-file", str(e))
            return
        if file.source.name in self._used:
            return
        self._used.add(file.source.name)
        inner = self._file_scope(file, self.scope.parent)
        for name, definition in inner.definitions.items():
            if name in scope.definitions:
                message = f"`{name}` comes from here and from elsewhere"
                self.build.error(self.context, node.span, "name-taken", message)
            scope.definitions[name] = definition

    def _file_scope(self, file: tree.File, parent: Callable[[], FileScope] | None) -> FileScope:
        scope = FileScope(parent=parent)
        for statement in file.statements:
            match statement:
                case tree.Def():
                    self._define(statement, scope)
                case tree.Let():
                    self.walker.let(statement, Context(scope, {}), scope.variables)
                case tree.Use():
                    self._use(statement, scope)
                case _:
                    pass
        return scope

    def _read_prelude(self) -> FileScope:
        if self._prelude_scope is None:
            self._prelude_scope = self._file_scope(self._prelude(), None)
        return self._prelude_scope
