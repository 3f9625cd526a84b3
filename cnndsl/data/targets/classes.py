"""A class for each picture."""

from __future__ import annotations

from cnndsl.data.targets.base import Target


class Classes(Target):
    """One of several classes; the graph counts the right answers beside its loss."""

    word = "classes"
    shown = ("top1", "top5")

    def describe(self) -> str:
        return ""
