"""The rules, by their codes: a rule or a tight family of them a file."""

from cnndsl.linting.rule import Rule
from cnndsl.linting.rules import (
    activations,
    beginning,
    checkerboard,
    dropout,
    noqa,
    norms,
    outputs,
    padding,
    redundant,
    repeated,
    scores,
    seeing,
    skipped,
    unused,
    widths,
)

FILES = (
    beginning,
    padding,
    skipped,
    seeing,
    widths,
    activations,
    norms,
    dropout,
    checkerboard,
    redundant,
    repeated,
    unused,
    outputs,
    scores,
    noqa,
)

RULES: dict[str, Rule] = {
    kind.code: kind()
    for file in FILES
    for kind in vars(file).values()
    if isinstance(kind, type) and issubclass(kind, Rule) and kind is not Rule
}
"""Every rule by its code."""
