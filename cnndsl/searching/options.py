"""How a search is done: what the command line and the Python verb take, beside a training's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import Field

from cnndsl.training.options import Count, Positive

Method = Literal["grid", "random", "tpe", "nsga2"]
METHODS: tuple[str, ...] = get_args(Method)
Prune = Literal["median", "halving", "hyperband"]
PRUNERS: tuple[str, ...] = get_args(Prune)
TRIALS = 20
"""So many trials a search has where nobody says more; a grid has its own number."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The method, how many trials, what they are judged by, how hopeless ones are stopped, when
    none is begun any more (in seconds), the seed, with how many seeds each is trained, and what a
    net may cost at most: parameters, multiply-adds, bytes in training.
    """

    method: Method = "tpe"
    trials: Count = TRIALS
    objectives: tuple[str, ...] = ()
    prune: Prune | None = None
    time_limit: Positive | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    seeds: Annotated[int, Field(ge=1, le=1000)] = 1
    max_params: Count | None = None
    max_macs: Count | None = None
    max_memory: Count | None = None

    @property
    def limits(self) -> dict[str, int]:
        """The most that a trial's net may cost, by the names of costs."""
        found = {"params": self.max_params, "macs": self.max_macs, "memory": self.max_memory}
        return {name: most for name, most in found.items() if most is not None}
