"""One namespace: what may be called how."""

from __future__ import annotations

import re
from functools import cache

from cnndsl.elaborate.arithmetic import FUNCTIONS
from cnndsl.elaborate.meanings import FORMS
from cnndsl.elaborate.scope import RowFrame, Scope
from cnndsl.layers.base import LAYERS
from cnndsl.source import Span

RESERVED = frozenset({"C", "train", "project", "ifsame", *FUNCTIONS})
SHORT_OPTION = re.compile(r"([skpdg]|op)\d+(x\d+)*")


def check_name(scope: Scope, name: str, span: Span, is_label: bool = False) -> bool:
    """Whether a label, block or variable may be called so; reports why not."""
    return _is_free_word(scope, name, span, is_label) and _is_free_name(scope, name, span, is_label)


def _is_free_word(scope: Scope, name: str, span: Span, is_label: bool) -> bool:
    """Whether the language itself leaves the name free."""
    if name in LAYERS or name in FORMS:
        message = f"`{name}` is a layer, so nothing else can be called `{name}`"
    elif name in RESERVED or SHORT_OPTION.fullmatch(name):
        message = f"`{name}` is a word of the language, so nothing else can be called `{name}`"
    elif not is_label and name in _option_words():
        message = f"`{name}` is a layer's option, so no variable or block can be called `{name}`"
    else:
        return True
    scope.poisoned.name(name)
    scope.error(span, "reserved-name", message, f"choose another name, such as `my_{name}`")
    return False


def _is_free_name(scope: Scope, name: str, span: Span, is_label: bool) -> bool:
    """Whether the spec itself leaves the name free."""
    full, build = scope.full(name), scope.build
    help = "one name has one meaning: choose another"
    if scope.lookup(name) is not None:
        message = f"`{name}` is already a variable here"
    elif name in scope.file.definitions:
        line = scope.file.definitions[name].node.span.line
        message = f"`{name}` is already the block of line {line}"
    elif full in build.labels:
        message = f"`{full}` already names line {build.places[full].line}"
        if is_label and scope.frames and isinstance(scope.frames[0], RowFrame):
            help = "in a loop, `P{i}:` makes a label from a value"
    elif full in build.values:
        step = build.by_name.get(full)
        where = f" in line {step.origin.span.line}" if step else ""
        message = f"`{full}` already names a layer{where}"
    else:
        return True
    scope.error(span, "name-taken", message, help)
    return False


@cache
def _option_words() -> frozenset[str]:
    return frozenset(
        word
        for kind in LAYERS.values()
        for a in kind.arguments().values()
        if a.reserved
        for word in a.words
    )
