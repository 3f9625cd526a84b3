"""The syntax tree as indented text: what was written where, before anything is looked up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from cnndsl.syntax import tree

INDENT = "  "


def outline(file: tree.File) -> str:
    """A line a node: its place, its kind, its plain fields; what it is made of is below it."""
    lines = [(file, "File", "")]
    return "\n".join(_line(*found) for found in [*lines, *_inside(file, 1)])


def _line(node: tree.Node, text: str, margin: str) -> str:
    place = f"{node.span.line}:{node.span.column}"
    return f"{place:>7}  {margin}{text}"


def _inside(node: tree.Node, depth: int) -> Iterator[tuple[tree.Node, str, str]]:
    for field in fields(node):
        if field.name in ("span", "source"):
            continue
        for child in _nodes(getattr(node, field.name)):
            role = (
                "" if field.name in ("statements", "operations", "arguments") else f"{field.name}: "
            )
            yield child, f"{role}{_describe(child)}", INDENT * depth
            yield from _inside(child, depth + 1)


def _nodes(value: object) -> Iterator[tree.Node]:
    """Nodes in a field, however deep in its tuples."""
    if isinstance(value, tree.Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _nodes(item)  # pyright: ignore[reportUnknownArgumentType]


def _describe(node: tree.Node) -> str:
    """`Option letters=s values=(2,)`: the kind and the fields that aren't nodes."""
    plain: list[str] = []
    for field in fields(node):
        value = getattr(node, field.name)
        if field.name in ("span", "source") or value is None or value == ():
            continue
        if not any(True for _ in _nodes(value)):
            plain.append(
                f"{field.name}={value!r}" if not isinstance(value, str) else f"{field.name}={value}"
            )
    return " ".join([type(node).__name__, *plain])
