"""What a search varies: parameters of the net and options of the training, and the values of each.

`width=16,32,64` are choices, `lr=1e-4..1e-2:log` is a range, `batch=16..64:step=16` one of steps.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.specs import setting_value
from cnndsl.training.choices import read_choice
from cnndsl.training.fields import check, described, kind_of
from cnndsl.training.optimisers import OPTIMISERS, Decay
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice, by_flag
from cnndsl.training.schedules import SCHEDULES

Value = bool | int | float | str
Values = dict[str, Value]
"""A value for each parameter, by its name."""

NET = "net."
"""Stands before the name of a net's parameter that is an option's too."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*(?::(?:(log)|step=({_NUMBER})))?\s*")
_FIXED = {
    "data": "a search has one data set",
    "data-dir": "a search has one data set",
    "seed": "--seeds 3 trains each trial with several seeds",
    "time-limit": "trials that were cut off can't be compared",
    "checkpoint-every": "it changes nothing that is learnt",
}
_CHOSEN = {"optimiser": OPTIMISERS, "schedule": SCHEDULES}
MOST_VALUES = 1000
MOST_POINTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Choices:
    """Some values, in no order."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones where all are. `log` is whether the
    logarithms are spread evenly, `step` what lies between two values.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def points(self) -> tuple[Value, ...] | None:
        """Every value; None where there is no end of them."""
        step = self.step or (1 if self.is_whole and not self.log else None)
        if step is None:
            return None
        count = math.floor((self.high - self.low) / step * (1 + 1e-12)) + 1
        if count > MOST_VALUES:
            return None
        return tuple(self.low + n * step for n in range(count))

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}" + (
            ":log" if self.log else f":step={self.step:g}" if self.step else ""
        )


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that is varied: `keyword` is the option's in Python, empty for a net's parameter,
    and `name` how both are called in the search.
    """

    name: str
    keyword: str
    domain: Choices | Range

    @property
    def is_finite(self) -> bool:
        """Whether it has so few values that they can be gone through."""
        return isinstance(self.domain, Choices) or self.domain.points() is not None

    def points(self) -> tuple[Value, ...]:
        """Every value, for a grid. Raises UsageError."""
        values = self.domain.values if isinstance(self.domain, Choices) else self.domain.points()
        if values is None:
            raise UsageError(
                f"a grid goes through all values, and `{self.name}={self.domain}` has no end of "
                f"them: list some, give a range a step (:step=…), or take --method random"
            )
        return values


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a training that may be varied, and the type of its values."""

    keyword: str
    hint: Any


def options() -> dict[str, Option]:
    """Every option that may be varied, by the name of its flag."""
    found: dict[str, Option] = {}
    for choice in (ModelChoice, DataChoice, TrainingChoice):
        hints = get_type_hints(choice, include_extras=True)
        for flag, field in by_flag(choice).items():
            if flag not in _FIXED and get_origin(kind_of(hints[field.name])[0]) is not tuple:
                found[flag] = Option(field.name, hints[field.name])
    found |= {name: Option(name, str) for name in _CHOSEN}
    return found | {"weight-decay": Option("weight_decay", Decay)}


def read_parameters(
    given: Mapping[str, str | Sequence[Value]], net: str, settings: Mapping[str, Any] | None
) -> tuple[Parameter, ...]:
    """What is to be varied, by names; values are a text as on the command line, or listed.

    `settings` are the parameters of the net `net`, None where it has none. Raises UsageError.
    """
    if not given:
        raise UsageError("what is to be varied? Name it, as in --vary lr=1e-4..1e-2:log")
    found = [_read(name.strip(), values, net, settings or {}) for name, values in given.items()]
    for parameter in found:
        if [p.name for p in found].count(parameter.name) > 1:
            raise UsageError(f"`{parameter.name}` is varied twice")
    return tuple(found)


def read_without_net(given: Mapping[str, str | Sequence[Value]]) -> tuple[Parameter, ...]:
    """What was varied, where the net isn't at hand: what is no option is its parameter.

    Raises UsageError.
    """
    known = options()
    flags = {*known, *(option.keyword for option in known.values())}
    settings = {name.removeprefix(NET): None for name in given if name not in flags}
    return read_parameters(given, "the net", settings)


def _read(
    name: str, values: str | Sequence[Value], net: str, settings: Mapping[str, Any]
) -> Parameter:
    known = options()
    flags = known | {option.keyword: option for option in known.values()}
    bare = name.removeprefix(NET)
    if bare in settings and name in flags:
        raise UsageError(
            f"`{name}` is an option, and a parameter of {net}: write --vary {NET}{name}=… for the "
            f"net's, or give it another name in the spec"
        )
    if bare in settings:
        return Parameter(name, "", _domain(name, values, None))
    if name in flags:
        option = flags[name]
        flag = next(flag for flag, o in known.items() if o is option)
        return Parameter(flag, option.keyword, _domain(flag, values, option))
    if bare.replace("_", "-") in _FIXED:
        raise UsageError(f"--vary doesn't take `{name}`: {_FIXED[bare.replace('_', '-')]}")
    own = f"the net has {', '.join(settings)}" if settings else "the net has no parameters"
    hint = did_you_mean(bare, [*settings, *known], "options are those of `cnndsl train --help`")
    raise UsageError(f"neither {net} nor the training has a parameter `{name}` ({own}); {hint}")


def _domain(name: str, values: str | Sequence[Value], option: Option | None) -> Choices | Range:
    if not isinstance(values, str):
        listed = [_value(name, value, option) for value in values]
    elif match := _RANGE.fullmatch(values):
        return _range(name, match, option)
    else:
        if ".." in values:
            raise UsageError(
                f"`{name}={values}` is no range; it is written LOW..HIGH, LOW..HIGH:log or "
                f"LOW..HIGH:step=STEP"
            )
        listed = [_value(name, text.strip(), option) for text in values.split(",")]
    if not listed or len(listed) > MOST_VALUES:
        raise UsageError(f"`{name}` has {len(listed):,} values; 1 to {MOST_VALUES:,} may be listed")
    for value in listed:
        if listed.count(value) > 1:
            raise UsageError(f"`{name}` lists {value} twice")
    return Choices(tuple(listed))


def _range(name: str, match: re.Match[str], option: Option | None) -> Range:
    text = match[0].strip()
    if option and kind_of(option.hint)[0] not in (int, float):
        raise UsageError(f"`{name}={text}`: {name} is no number, so its values are listed")
    low, high = (_value(name, match[n], option) for n in (1, 2))
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        raise UsageError(f"`{name}={text}`: ends are numbers smaller than {1 << 53:,}")
    if not (isinstance(low, int) and isinstance(high, int)):
        low, high = float(low), float(high)
    if low >= high:
        what = "is empty" if low == high else "is the wrong way round"
        raise UsageError(f"the range `{name}={text}` {what}; it goes from the lower to the higher")
    if match[3] and low <= 0:
        raise UsageError(f"`{name}={text}`: the logarithm takes values above 0")
    if not match[4]:
        return Range(low, high, log=bool(match[3]))
    step = setting_value(match[4])
    if not isinstance(step, int | float) or not 0 < step <= high - low:
        raise UsageError(f"`{name}={text}`: the step is to lie between 0 and {high - low:g}")
    if isinstance(step, float) and isinstance(low, int):
        low, high = float(low), float(high)
    return Range(low, high, step=step)


def _value(name: str, value: Value, option: Option | None) -> Value:
    """A value in the type of its option. Raises UsageError."""
    if option is None:
        found = setting_value(value) if isinstance(value, str) else value
        if isinstance(found, str) and not found:
            raise UsageError(f"`{name}` lists a value that is empty")
        return found
    if name in _CHOSEN:
        read_choice(name, str(value), _CHOSEN[name])
        return str(value)
    kind, _ = kind_of(option.hint)
    if kind is bool and value not in ("yes", "no", "true", "false", True, False):
        raise UsageError(f"{name} must be {described(option.hint)}, not {value}")
    texts = isinstance(value, str) and kind is not str and not get_args(kind)
    return check(option.hint, value, name, texts=texts)
