"""One namespace: what may be called how."""

from __future__ import annotations

import re

from cnndsl.diagnostics import closest
from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.expressions import FORMS
from cnndsl.layers.base import LAYERS
from cnndsl.source import Span

RESERVED = ("C", "train", "project", "ifsame")
SHORT_OPTION = re.compile(r"([skpdg]|op)\d+(x\d+)*")


def check_name(
    build: Construction, context: Context, name: str, span: Span, is_label: bool = False
) -> bool:
    """Whether a label or variable may be called so; reports why not."""
    if name in LAYERS or name in FORMS or name in RESERVED or SHORT_OPTION.fullmatch(name):
        kind = "a layer" if name in LAYERS or name in FORMS else "part of the language"
        message = f"`{name}` is {kind}, so nothing else can be called so"
        build.error(context, span, "reserved-name", message, f"call it `{name}_` or more tellingly")
        return False
    if context.lookup(name) is not None:
        message = f"`{name}` already stands for something here"
        build.error(
            context, span, "name-taken", message, "one name has one meaning: choose another"
        )
        return False
    full = context.full(name)
    if is_label and (full in build.labels or full in build.values):
        what = (
            "the label of a line above" if full in build.labels else "what a step above is called"
        )
        help = (
            "in a loop, `P{i}:` makes a label from a value"
            if context.frames
            else (f"did you mean to refer to it: `from {closest(full, build.labels) or name}`?")
        )
        build.error(context, span, "name-taken", f"`{full}` is {what}", help)
        return False
    return True
