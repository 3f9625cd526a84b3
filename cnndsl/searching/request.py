"""From what was asked for to a search that can begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnndsl.preprocessing import Preprocessing
from cnndsl.searching.options import Plan
from cnndsl.searching.parameters import Value
from cnndsl.searching.search import Search, parameters_of, plain, with_trials
from cnndsl.training.config import Config
from cnndsl.training.fields import checked


def request(
    spec: str | None,
    data: str | None,
    vary: Mapping[str, str | Sequence[Value]],
    *,
    base: Config | None = None,
    options: Mapping[str, Any],
    **plan: Any,
) -> Search:
    """The search with everything checked that can be without data. `plan` are fields of `Plan`;
    None leaves a choice to the defaults. Raises SpecError, UsageError.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(pictures := given.get("preprocessing"), Preprocessing):
        given["preprocessing"] = pictures.as_dict()
    plan["seed"] = given.get("seed", base.training.seed if base else None)
    whole = checked(Plan, {name: value for name, value in plan.items() if value is not None})
    search = Search(spec, data, plain(given), (), whole, base)
    search = replace(search, parameters=parameters_of(search, vary))
    search.objectives  # noqa: B018 - a wrong name is said before anything is opened
    return replace(search, plan=with_trials(search, plan.get("trials")))
