"""What a trial's net costs, known before it is trained: too costly ones are refused.

Parameters and multiply-adds are those of `cnndsl report`; memory is that of a training step with
Adam, in batches of the trial's size.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from cnndsl.analyse import analyse
from cnndsl.data.dataset import DataSet
from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.searching.objectives import COSTS
from cnndsl.searching.parameters import Values
from cnndsl.searching.search import Search
from cnndsl.training.adapters import SpecAdapter
from cnndsl.training.config import Config
from cnndsl.training.networks import adapter_for


@dataclass(frozen=True, slots=True)
class Costs:
    """Figures of a net; None where they depend on what isn't known."""

    params: int
    macs: int | None = None
    memory: int | None = None

    def figures(self) -> dict[str, float]:
        """Those that are known, by the names of objectives."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: float(value) for name, value in found.items() if value is not None}


def costs_of(config: Config, data: DataSet) -> Costs:
    """What the net of a configuration costs. Raises SpecError, UsageError."""
    model = config.model
    adapter, _ = adapter_for(model.spec, data, model.settings, config.shapes())
    if not isinstance(adapter, SpecAdapter):
        roles = [(p.role, p.size) for p in adapter.parameters.values()]
        return Costs(sum(size for role, size in roles if role != "statistic"))
    analysis = analyse(adapter.network)
    memory = analysis.memory(min(config.training.batch, len(data.train)))
    return Costs(analysis.totals.params, analysis.totals.macs, memory.training if memory else None)


def refusal(search: Search, values: Values, data: DataSet) -> str:
    """Why these values aren't worth a training: the net has mistakes, or is beyond a limit; empty
    where they are.
    """
    try:
        costs = costs_of(search.config(values), data).figures()
    except SpecError as e:
        return f"the net has mistakes: {e.diagnostics[0].message}"
    except UsageError as e:
        return str(e)
    for name, most in search.plan.limits.items():
        if name not in costs:
            raise UsageError(
                f"--max-{name} can't be kept: the {COSTS[name]} aren't known for this net"
            )
        if costs[name] > most:
            return f"{costs[name]:,.0f} {COSTS[name]} are more than {most:,}"
    return ""
