"""What a rule of the linter is: a code, its page, two examples, and how it finds its matter."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from cnndsl.diagnostics import Edit
from cnndsl.explanations import Explanation
from cnndsl.linting.spec import Spec
from cnndsl.network import Origin

GROUP = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found, and where; a clause without a full stop, and what to do about it.

    `edits` leave the net what it is; empty where only its author can decide.
    """

    origin: Origin
    message: str
    help: str
    edits: tuple[Edit, ...] = ()


class Rule(ABC):
    """Advice about specs that are right. Its docstring is its page; `wrong` is a spec that gets
    the advice and nothing else, `right` the same without it, which is what the edits make of it
    where there are any.
    """

    code: ClassVar[str]
    wrong: ClassVar[str]
    right: ClassVar[str]

    @abstractmethod
    def find(self, spec: Spec) -> Iterator[Finding]:
        """Everything in a spec that it advises about, in time linear in the spec and the net."""
        raise NotImplementedError

    @classmethod
    def explanation(cls) -> Explanation:
        """Its page, as `cnndsl explain` shows it."""
        text = inspect.cleandoc(cls.__doc__ or "")
        return Explanation(
            GROUP,
            cls.code,
            text,
            inspect.cleandoc(cls.wrong) + "\n",
            inspect.cleandoc(cls.right) + "\n",
        )
