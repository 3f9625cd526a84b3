"""cnndsl: source text → syntax tree → network → analysis → graph → ONNX → run.

Each arrow is one function; the public verbs are `parse`, `lint`, `analyse`, `compile`, `run`,
`train`, `resume`, `search`, `transfer`, `runs`, `cut`, `features`, `look` and `sample`; a
`Callback`, such as `TensorBoard`, is told how a training goes. They are loaded when first used:
`import cnndsl` costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False  # type checkers take it for typing's, which is slow to load

if TYPE_CHECKING:
    from cnndsl.verbs import Callback as Callback
    from cnndsl.verbs import TensorBoard as TensorBoard
    from cnndsl.verbs import analyse as analyse
    from cnndsl.verbs import compile as compile
    from cnndsl.verbs import cut as cut
    from cnndsl.verbs import features as features
    from cnndsl.verbs import lint as lint
    from cnndsl.verbs import look as look
    from cnndsl.verbs import parse as parse
    from cnndsl.verbs import resume as resume
    from cnndsl.verbs import run as run
    from cnndsl.verbs import runs as runs
    from cnndsl.verbs import sample as sample
    from cnndsl.verbs import search as search
    from cnndsl.verbs import train as train
    from cnndsl.verbs import transfer as transfer

__version__: str  # looked up when it is asked for
__all__ = [
    "Callback",
    "TensorBoard",
    "analyse",
    "compile",
    "cut",
    "features",
    "lint",
    "look",
    "parse",
    "resume",
    "run",
    "runs",
    "sample",
    "search",
    "train",
    "transfer",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("cnndsl.verbs"), name)
    if name == "__version__":
        return import_module("importlib.metadata").version("cnndsl")
    raise AttributeError(f"module 'cnndsl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Package(ModuleType):
    """Keeps `analyse` the verb: Python would put the package `cnndsl.analyse`, once it is imported,
    in its place.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name not in __all__ or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
