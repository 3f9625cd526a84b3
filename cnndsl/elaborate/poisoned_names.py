"""Names that don't exist because of an earlier error: asking for them is no error of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cnndsl.syntax import tree

_NUMBERED = re.compile(r"[A-Za-z_]\w*\d_?")


class PoisonedNames:
    """What errors kept from being defined."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._patterns: set[str] = set()
        self._numbering = False
        self.blocks: set[str] = set()  # that are called like a layer, so that they don't exist
        self.lines = False  # lines that weren't read, in whose place the tree has an `UNREAD`

    def covers(self, name: str) -> bool:
        """Whether a name may be one of those."""
        if name in self._names or (self._numbering and _NUMBERED.fullmatch(name)):
            return True
        return any(re.fullmatch(pattern, name) for pattern in self._patterns)

    def op(self, operation: tree.Operation) -> None:
        """A layer is missing, so names such as `conv3` may have other numbers than meant."""
        self._numbering = True
        self.body(operation.body)

    def name(self, name: str) -> None:
        """A variable that can't be called so: its uses mean something else."""
        self._names.add(name)

    def words(self, words: Iterable[str]) -> None:
        """All words of lines that weren't read, and the layers that may have stood there."""
        self._names.update(words)
        self._numbering = self.lines = True

    def label(self, label: tree.Name | tree.Template | None) -> None:
        """The label of a line that failed."""
        if isinstance(label, tree.Name):
            self._names.add(label.id)
        elif label is not None:
            parts = [re.escape(p) if isinstance(p, str) else r"\d+" for p in label.parts]
            self._patterns.add("".join(parts))

    def body(self, body: tree.Body | None) -> None:
        """All labels within a body that wasn't read, and the names of its heads."""
        match body:
            case tree.Branches(branches=branches):
                for branch in branches:
                    if isinstance(branch, tree.BranchLoop):
                        self.body(branch.body)
                    else:
                        self._statements(branch)
            case tree.Sequence(statements=statements):
                self._statements(statements)
            case None:
                pass

    def head(self, operation: tree.Operation) -> None:
        """What a `head` line may have been meant to name."""
        for argument in operation.arguments:
            if isinstance(argument, tree.Word):
                self.label(argument.name)

    def _statements(self, statements: tuple[tree.Statement, ...]) -> None:
        self._numbering = True
        for statement in statements:
            if isinstance(statement, tree.Line):
                self.label(statement.label)
                last = statement.operations[-1]
                if last.name == "head":
                    self.head(last)
                self.body(last.body)
            elif isinstance(statement, tree.For):
                self.body(statement.body)
