"""A class, or some numbers, for each picture."""

from __future__ import annotations

from cnndsl.data.targets.base import Target


class Classes(Target):
    """One of several classes; the graph counts the right answers beside its loss."""

    word = "classes"
    shown = ("top1", "top5")

    def describe(self) -> str:
        return ""


class Numbers(Target):
    """Numbers that the data gives for each picture."""

    word = "numbers"

    def describe(self) -> str:
        return ""
