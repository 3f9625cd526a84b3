"""Blocks from here and elsewhere: `def` and `use`, and the prelude behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cnndsl.diagnostics import SpecError
from cnndsl.elaborate.context import Context, Definition, FileScope
from cnndsl.elaborate.expressions import FORMS
from cnndsl.elaborate.names import check_name
from cnndsl.elaborate.walk import Walker
from cnndsl.layers.base import LAYERS
from cnndsl.source import Source, Span
from cnndsl.syntax import tree

MOST_FILES = 50
MOST_CHARACTERS = 350_000  # of all used files together

ReadUsed = Callable[[Source, str], tree.File]
"""Reads the file named by a `use` line; raises SpecError, or LookupError with the reason."""


class Files:
    """The blocks of a spec, of the files it uses, and of the prelude."""

    def __init__(
        self,
        walker: Walker,
        file: tree.File,
        prelude: Callable[[], tree.File],
        read_used: ReadUsed,
    ):
        self.walker, self.build = walker, walker.build
        self.read_used = read_used
        self._prelude = prelude
        self._prelude_scope: FileScope | None = None
        self._used: set[str] = {file.source.name}
        self._characters = 0
        self.scope = FileScope(parent=self._read_prelude, below=_heads(file))

    def define(self, node: tree.Def, scope: FileScope) -> None:
        """Add a block to a file's; what is wrong with its head is reported here."""
        start = node.span.start + node.span.text.index(node.name, len("def"))
        span = Span(node.span.source, start, start + len(node.name))
        # Labels are the spec's own; blocks from elsewhere, and parameters, may be called alike.
        inside = Context(scope, {}, path=node.name)
        outside = Context(scope, {}) if scope is self.scope else inside
        scope.below.pop(node.name, None)
        if not check_name(self.build, outside, node.name, span):
            if node.name in LAYERS or node.name in FORMS:
                self.build.forgotten.blocks.add(node.name)
            return
        good = [self._parameter(node, number, inside) for number in range(len(node.parameters))]
        scope.definitions[node.name] = Definition(node, scope, broken=not all(good))

    def _parameter(self, node: tree.Def, number: int, context: Context) -> bool:
        """Whether a parameter may be called as it is."""
        parameter = node.parameters[number]
        if parameter.name in [p.name for p in node.parameters[:number]]:
            message = f"the block has two parameters `{parameter.name}`"
            help = "choose another name"
            self.build.error(context, parameter.span, "name-taken", message, help)
            return False
        return check_name(self.build, context, parameter.name, parameter.span)

    def use(self, node: tree.Use, scope: FileScope, context: Context) -> None:
        """Bring in another file's blocks; its own lets stay its own."""
        try:
            file = self.read_used(node.span.source, node.path)
        except SpecError as e:
            scope.incomplete = True
            frames = (node.span, *context.frames)
            self.build.add_errors([replace(d, frames=(*d.frames, *frames)) for d in e.diagnostics])
            return
        except LookupError as e:
            scope.incomplete = True
            help = "a spec can use files of its own folder and below it"
            self.build.error(context, node.span, "unreadable-file", e.args[0], help)
            return
        if file.source.name in self._used:
            return
        self._used.add(file.source.name)
        self._characters += len(file.source.text)
        if len(self._used) > MOST_FILES or self._characters > MOST_CHARACTERS:
            message = f"more than {MOST_FILES} files, or {MOST_CHARACTERS:,} characters, are used"
            help = "bring the blocks that are needed into fewer files"
            self.build.stop(context, node.span, "unreadable-file", message, help)
        inner = self._read(file, replace(context, frames=(node.span, *context.frames)))
        scope.incomplete |= inner.incomplete
        for name, definition in inner.definitions.items():
            before = scope.definitions.get(name)
            if before is not None and before is not definition:
                place = before.node.span.place
                message = f"`{node.path}` defines `{name}`, which is already defined at {place}"
                help = "rename one of the two"
                self.build.error(context, node.span, "name-taken", message, help)
            else:
                scope.definitions[name] = definition

    def _read(self, file: tree.File, context: Context) -> FileScope:
        """The names of another file."""
        scope = FileScope(parent=self.scope.parent)
        inside = replace(context, file=scope, path=file.source.name)
        for statement in file.statements:
            match statement:
                case tree.Def():
                    self.define(statement, scope)
                case tree.Let():
                    self.walker.let(statement, inside, scope.variables)
                case tree.Use():
                    self.use(statement, scope, inside)
                case _:
                    pass
        return scope

    def _read_prelude(self) -> FileScope:
        if self._prelude_scope is None:
            self._prelude_scope = FileScope()
            for statement in self._prelude().statements:
                if isinstance(statement, tree.Def):
                    self.define(statement, self._prelude_scope)
        return self._prelude_scope


def _heads(file: tree.File) -> dict[str, Span]:
    return {s.name: s.span for s in file.statements if isinstance(s, tree.Def)}
