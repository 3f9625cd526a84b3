"""What a search is: net, data, what is varied and how, what trials are judged by, and limits."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import Any, cast

import tomli_w

from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.files import check_ordinary, replaced
from cnndsl.searching.folder import SearchFolder
from cnndsl.searching.objectives import Objective, read_objective
from cnndsl.searching.options import Plan
from cnndsl.searching.parameters import (
    MOST_POINTS,
    NET,
    Parameter,
    Range,
    Values,
    read_parameters,
    read_without_net,
)
from cnndsl.show.flat import flat
from cnndsl.specs import find, load, read_shape
from cnndsl.training.config import Config, read_config, write_config
from cnndsl.training.fields import checked
from cnndsl.training.settings import Options, configure

HEAD = "# Written by cnndsl search. `cnndsl search resume` reads it.\n\n"
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Search:
    """A whole search. `options` are those of every trial, by their keywords; `base` is a
    configuration that they are put over. `spec_mark` and `data_mark` tell whether net and data are
    still the same.
    """

    spec: str | None
    data: str | None
    options: Mapping[str, Any]
    parameters: tuple[Parameter, ...]
    plan: Plan = field(default_factory=Plan)
    base: Config | None = None
    spec_mark: str = ""
    data_mark: str = ""

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What trials are judged by. Raises UsageError."""
        names = self.plan.objectives
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UsageError(f"the objective `{twice}` is named twice")
        return tuple(map(read_objective, names))

    def config(self, values: Mapping[str, Any]) -> Config:
        """The configuration of a trial with these values of what is varied. Raises UsageError."""
        options: Any = dict(self.options)
        shapes = {name: read_shape(text) for name, text in options.pop("input_shapes", {}).items()}
        settings = dict(options.pop("settings", {}))
        for parameter in self.parameters:
            if parameter.name in values and parameter.keyword:
                options[parameter.keyword] = values[parameter.name]
            elif parameter.name in values:
                settings[parameter.name.removeprefix(NET)] = values[parameter.name]
        options |= {"settings": settings, "input_shapes": shapes}
        return configure(self.spec, self.data, self.base, **cast("Options", options))

    def grid(self) -> list[Values]:
        """Every combination of values, the last parameter's changing fastest. Raises UsageError."""
        names = [parameter.name for parameter in self.parameters]
        points = [parameter.points() for parameter in self.parameters]
        combinations = islice(product(*points), MOST_POINTS)
        return [dict(zip(names, combination, strict=True)) for combination in combinations]

    def write(self, folder: SearchFolder) -> None:
        """Write search.toml, and base.toml where there is one. Raises OSError, UsageError."""
        if self.base:
            write_config(self.base, folder.base)
        tables: dict[str, Any] = {
            "spec": self.spec,
            "data": self.data,
            **{f.name: getattr(self.plan, f.name) for f in fields(self.plan)},
            "spec_mark": self.spec_mark,
            "data_mark": self.data_mark,
            "options": plain(self.options),
            "vary": {
                p.name: str(p.domain) if isinstance(p.domain, Range) else list(p.domain.values)
                for p in self.parameters
            },
        }
        given = {name: value for name, value in tables.items() if value is not None}
        try:
            text = HEAD + tomli_w.dumps(given)
            content = text.encode()
        except UnicodeEncodeError:
            raise UsageError("a name is no UTF-8 text, as a search needs it: rename it") from None
        with replaced(folder.search) as file:
            file.write(content)

    @classmethod
    def read(cls, folder: SearchFolder, *, with_net: bool = True) -> Search:
        """What `write` wrote; to look at a search its net needn't be there. Raises UsageError."""
        tables = dict(read_toml(folder.search))
        texts: dict[str, str] = {}
        try:
            vary, options = (_table(tables.pop(name, {}), name) for name in ("vary", "options"))
            texts = {n: str(tables.pop(n, "")) for n in ("spec", "data", "spec_mark", "data_mark")}
            plan = checked(Plan, tables)
            base = read_config(folder.base) if folder.base.is_file() else None
            spec = texts["spec"] or None
            whole = cls(spec, texts["data"] or None, options, (), plan, base)
            parameters = parameters_of(whole, vary) if with_net else read_without_net(vary)
            return cls(
                spec,
                whole.data,
                options,
                parameters,
                plan,
                base,
                texts["spec_mark"],
                texts["data_mark"],
            )
        except SpecError:
            raise UsageError(
                f"`{texts['spec']}` isn't the net that the search began with"
            ) from None
        except UsageError as e:
            raise UsageError(f"`{folder.search}`: {e}") from None


def parameters_of(search: Search, vary: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """What is varied, by the names that the search's net and the training have.

    Raises SpecError, UsageError.
    """
    model = search.config({}).model
    if Path(model.spec).suffix.lower() == ".onnx":
        return read_parameters(vary, model.spec, None)
    network, _ = load(find(model.spec), model.settings, search.config({}).shapes())
    return read_parameters(vary, network.name, network.settings)


def with_trials(search: Search, trials: int | None) -> Plan:
    """The plan with the number of trials that was asked for, or is usual. Raises UsageError."""
    plan = search.plan
    if plan.method == "grid":
        points = [len(parameter.points()) for parameter in search.parameters]
        size = prod(points)
        most = trials or MOST_POINTS
        if size > most:
            said = " × ".join(f"{count:,}" for count in points)
            raise UsageError(
                f"the grid has {said} = {size:,} trials, more than --trials {most:,}: list fewer "
                f"values, allow more trials, or take --method random"
            )
        trials = size
    return replace(plan, trials=trials or plan.trials)


def mark_of(config: Config) -> str:
    """A digest of the net that a search begins with: SHA-256 of spec and network, or of a model.

    Raises SpecError, UsageError.
    """
    path = Path(config.model.spec)
    if path.suffix.lower() == ".onnx":
        return sha256(path.read_bytes()).hexdigest()
    source = find(config.model.spec)
    network, _ = load(source, config.model.settings, config.shapes())
    return sha256(f"{source.text}\n{flat(network)}".encode()).hexdigest()


def read_toml(path: Path) -> Mapping[str, Any]:
    """A TOML file's tables. Raises UsageError."""
    try:
        check_ordinary(path)
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as e:
        raise UsageError(f"`{path}` can't be read: {e.strerror}") from None
    if len(data) > MOST_BYTES:
        raise UsageError(f"`{path}` is larger than a search's file may be ({MOST_BYTES:,} bytes)")
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise UsageError(f"`{path}` is no UTF-8 text") from None
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise UsageError(f"`{path}` is no TOML: {str(e)[:200]}") from None


def _table(found: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise UsageError(f"`{name}` must be a table: [{name}]")
    return cast("Mapping[str, Any]", found)


def plain(value: Any) -> Any:
    """The same, made of what TOML has."""
    if isinstance(value, Mapping):
        table = cast("Mapping[str, Any]", value)
        return {str(n): plain(v) for n, v in table.items() if v is not None}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in cast("list[Any]", value)]
    return value if isinstance(value, bool | int | float | str) else str(value)
