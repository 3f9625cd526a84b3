"""Blocks from here and elsewhere: `def` and `use`, and the prelude behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cnndsl.diagnostics import SpecError
from cnndsl.elaborate.meanings import FORMS, Definition, FileScope
from cnndsl.elaborate.names import check_name
from cnndsl.elaborate.scope import Construction, Scope, name_span
from cnndsl.elaborate.walk import declare
from cnndsl.layers.base import LAYERS
from cnndsl.source import Source
from cnndsl.syntax import tree

MOST_FILES = 50
MOST_CHARACTERS = 350_000  # of all used files together

ReadUsed = Callable[[Source, str], tree.File]
"""Reads the file named by a `use` line; raises SpecError, or LookupError with the reason."""


class Files:
    """The blocks of a spec, of the files it uses, and of the prelude."""

    def __init__(
        self,
        build: Construction,
        file: tree.File,
        prelude: Callable[[], tree.File],
        read_used: ReadUsed,
    ):
        self.build, self.read_used, self._prelude = build, read_used, prelude
        self._prelude_scope: FileScope | None = None
        self._used: set[str] = {file.source.name}
        self._characters = 0
        below = {s.name: s.span for s in file.statements if isinstance(s, tree.Def)}
        self.top = Scope(build, FileScope(parent=self._read_prelude, below=below))

    def define(self, scope: Scope, node: tree.Def) -> None:
        """Add a block to a file's; what is wrong with its head is reported here."""
        # Labels are the spec's own; blocks from elsewhere, and parameters, may be called alike.
        inside = Scope(self.build, scope.file, path=node.name)
        outside = self.top if scope.file is self.top.file else inside
        scope.file.below.pop(node.name, None)
        if not check_name(outside, node.name, name_span(node, "def")):
            if node.name in LAYERS or node.name in FORMS:
                self.build.poisoned.blocks.add(node.name)
            return
        good, seen = True, set[str]()
        for parameter in node.parameters:
            if parameter.name in seen:
                message = f"the block has two parameters `{parameter.name}`"
                inside.error(parameter.span, "name-taken", message, "choose another name")
                good = False
            else:
                good = check_name(inside, parameter.name, parameter.span) and good
            seen.add(parameter.name)
        scope.file.definitions[node.name] = Definition(node, scope.file, broken=not good)

    def use(self, scope: Scope, node: tree.Use) -> None:
        """Bring in another file's blocks; its own lets stay its own."""
        try:
            file = self.read_used(node.span.source, node.path)
        except SpecError as e:
            scope.file.incomplete = True
            frames = (node.span, *scope.frames)
            self.build.add_errors([replace(d, frames=(*d.frames, *frames)) for d in e.diagnostics])
            return
        except LookupError as e:
            scope.file.incomplete = True
            help = "a spec can use files of its own folder and below it"
            scope.error(node.span, "unreadable-file", e.args[0], help)
            return
        if file.source.name in self._used:
            return
        self._used.add(file.source.name)
        self._characters += len(file.source.text)
        if len(self._used) > MOST_FILES or self._characters > MOST_CHARACTERS:
            message = f"more than {MOST_FILES} files, or {MOST_CHARACTERS:,} characters, are used"
            help = "bring the blocks that are needed into fewer files"
            scope.stop(node.span, "unreadable-file", message, help)
        inner = self._read(scope, node, file)
        scope.file.incomplete |= inner.incomplete
        for name, definition in inner.definitions.items():
            before = scope.file.definitions.get(name)
            if before is not None and before is not definition:
                place = before.node.span.place
                message = f"`{node.path}` defines `{name}`, which is already defined at {place}"
                help = "rename one of the two"
                scope.error(node.span, "name-taken", message, help)
            else:
                scope.file.definitions[name] = definition

    def _read(self, scope: Scope, node: tree.Use, file: tree.File) -> FileScope:
        """The names of another file."""
        inner = FileScope(parent=self.top.file.parent)
        frames = (node.span, *scope.frames)
        inside = replace(scope, file=inner, path=file.source.name, frames=frames)
        for statement in file.statements:
            match statement:
                case tree.Def():
                    self.define(inside, statement)
                case tree.Let():
                    declare(inside, statement, inner.variables)
                case tree.Use():
                    self.use(inside, statement)
                case _:
                    pass
        return inner

    def _read_prelude(self) -> FileScope:
        if self._prelude_scope is None:
            self._prelude_scope = FileScope()
            for statement in self._prelude().statements:
                if isinstance(statement, tree.Def):
                    self.define(Scope(self.build, self._prelude_scope), statement)
        return self._prelude_scope
