"""Parts of a net that are blocks of the prelude: `bottleneck 64`, `fire 16 64`, `se 16`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnndsl.importing.items import Block, Call, Definition, Item
from cnndsl.importing.lines import item_lines
from cnndsl.importing.solving import Parameter

Arguments = dict[str, int | str]
"""By the parameters' names; a layer's word is given as a word."""

_DEFAULTS: dict[str, Arguments] = {
    "basicblock": {"s": 1},
    "bottleneck": {"s": 1, "g": 1, "width": 64, "d": 1},
    "se": {"act": "relu", "gate": "sigmoid"},
    "separable": {"s": 1, "act": "relu"},
    "inverted": {"s": 1, "k": 3, "act": "relu6"},
}


def _stride(text: str | None) -> int:
    return int(text.strip(" sgd")) if text else 1


def _basicblock(m: re.Match[str], channels: int) -> Arguments | None:
    return {"n": int(m[1]), "s": _stride(m[2])}


def _bottleneck(m: re.Match[str], channels: int) -> Arguments | None:
    inner, out, g, d = int(m[1]), int(m[6]), _stride(m[5]), _stride(m[4])
    n = out // 4
    width = inner * 64 // (n * g) if n else 0
    if out % 4 or not width or n * width // 64 * g != inner or int(m[3]) != d:
        return None
    return {"n": n, "s": _stride(m[2]), "g": g, "width": width, "d": d}


def _inception(m: re.Match[str], channels: int) -> Arguments | None:
    return dict(zip(("a", "b1", "b", "c1", "c", "d"), map(int, m.groups()), strict=True))


def _fire(m: re.Match[str], channels: int) -> Arguments | None:
    return {"squeeze": int(m[1]), "expand": int(m[2])}


def _se(m: re.Match[str], channels: int) -> Arguments | None:
    if int(m[3]) != channels:
        return None
    return {"n": int(m[1]), "act": m[2], "gate": m[4]}


def _separable(m: re.Match[str], channels: int) -> Arguments | None:
    return {"n": int(m[3]), "s": _stride(m[1]), "act": m[2]}


def _inverted(m: re.Match[str], channels: int) -> Arguments | None:
    wide, k = int(m[1]), int(m[3])
    if wide % channels or wide == channels or int(m[5]) != (k - 1) // 2:
        return None
    arguments: Arguments = {"n": int(m[6]), "e": wide // channels}
    return arguments | {"s": _stride(m[4]), "k": k, "act": m[2]}


def _narrow(m: re.Match[str], channels: int) -> Arguments | None:
    """An inverted residual that isn't widened."""
    k = int(m[1])
    if int(m[3]) != (k - 1) // 2 or int(m[5]) == channels:
        return None
    return {"n": int(m[5]), "e": 1, "s": _stride(m[2]), "k": k, "act": m[4]}


@dataclass(frozen=True, slots=True)
class _Form:
    """A block's name, how many items it takes the place of, and its text."""

    name: str
    length: int
    pattern: re.Pattern[str]
    arguments: Callable[[re.Match[str], int], Arguments | None]


def _form(
    name: str, length: int, read: Callable[[re.Match[str], int], Arguments | None], *lines: str
) -> _Form:
    return _Form(name, length, re.compile("\n".join(lines)), read)


_FORMS = (
    _form(
        "basicblock", 1, _basicblock, r"residual(?: project)? relu:",
        r"    conv 3x3 (\d+)( s\d+)? p1 bn relu", r"    conv 3x3 \1 p1 bn",
    ),
    _form(
        "bottleneck", 1, _bottleneck, r"residual(?: project)? relu:",
        r"    conv 1x1 (\d+) bn relu", r"    conv 3x3 \1( s\d+)? p(\d+)( d\d+)?( g\d+)? bn relu",
        r"    conv 1x1 (\d+) bn",
    ),
    _form(
        "inverted", 1, _inverted, r"residual(?: ifsame)?:", r"    conv 1x1 (\d+) bn (\w+)",
        r"    dwconv (\d+)x\3( s\d+)? p(\d+) bn \2", r"    conv 1x1 (\d+) bn",
    ),
    _form(
        "inception", 1, _inception, r"concat:", r"    \| conv 1x1 (\d+) relu",
        r"    \| conv 1x1 (\d+) relu -> conv 3x3 (\d+) p1 relu",
        r"    \| conv 1x1 (\d+) relu -> conv 5x5 (\d+) p2 relu",
        r"    \| pool 3x3 s1 p1 -> conv 1x1 (\d+) relu",
    ),
    _form(
        "fire", 2, _fire, r"conv 1x1 (\d+) relu", r"concat:", r"    \| conv 1x1 (\d+) relu",
        r"    \| conv 3x3 \2 p1 relu",
    ),
    _form(
        "se", 1, _se, r"mul:", r"    \| skip",
        r"    \| gap -> conv 1x1 (\d+) (\w+) -> conv 1x1 (\d+) (\w+)",
    ),
    _form(
        "separable", 2, _separable, r"dwconv 3x3( s\d+)? p1 bn (\w+)", r"conv 1x1 (\d+) bn \2",
    ),
    _form(
        "inverted", 2, _narrow, r"dwconv (\d+)x\1( s\d+)? p(\d+) bn (\w+)", r"conv 1x1 (\d+) bn",
    ),
)  # fmt: skip


def use_prelude(items: Sequence[Item], fixed: set[Item]) -> list[Item]:
    """The items with calls in the place of what the prelude has a block for."""
    found = _with_calls(items, fixed)
    names = [call.definition.name for call in found if isinstance(call, Call)]
    widened = {"inverted"} & set(names)
    result: list[Item] = []
    for item in found:
        lonely = isinstance(item, Call) and item.definition.name == "separable"
        if lonely and names.count("separable") < 2:
            assert isinstance(item, Call)
            result += item.items
            continue
        result.append(item)
    return _with_calls(result, fixed, narrow=True) if widened else result


def _with_calls(items: Sequence[Item], fixed: set[Item], narrow: bool = False) -> list[Item]:
    found: list[Item] = []
    texts = ["\n".join(item_lines(item)) for item in items]
    place = 0
    while place < len(items):
        call = _call(items, texts, place, fixed, narrow)
        if call is not None:
            found.append(call)
            place += len(call.items)
            if call.items[-1] in fixed:
                fixed.add(call)
            continue
        item = items[place]
        if isinstance(item, Block):
            item.branches = [_with_calls(branch, fixed, narrow) for branch in item.branches]
        found.append(item)
        place += 1
    return found


def _call(
    items: Sequence[Item], texts: Sequence[str], place: int, fixed: set[Item], narrow: bool
) -> Call | None:
    """The call that stands for the items from a place on, if there is one."""
    for form in _FORMS:
        window = items[place : place + form.length]
        if len(window) < form.length or any(item.copies for item in window):
            continue
        if any(item in fixed for item in window[:-1]) or window[0] in fixed:
            continue
        if (form.arguments is _narrow) != narrow and form.name == "inverted" and form.length == 2:
            continue
        if any(isinstance(item, Call) for item in window):
            continue
        match = form.pattern.fullmatch("\n".join(texts[place : place + form.length]))
        if match is None:
            continue
        arguments = form.arguments(match, window[0].entry.output.channels)
        if arguments is not None:
            return _made(form.name, arguments, list(window))
    return None


def _made(name: str, arguments: Arguments, items: list[Item]) -> Call:
    defaults = _DEFAULTS.get(name, {})
    parameters: list[Parameter] = []
    numbers: list[tuple[Parameter, int]] = []
    words: list[str] = []
    for key, value in arguments.items():
        default = defaults.get(key)
        if isinstance(value, str):
            words += [f"{key}={value}"] if value != default else []
            continue
        kind = key if key in ("s", "k", "d", "g") else "n"
        number = default if isinstance(default, int) else None
        parameter = Parameter(kind, [], key, number)
        parameters.append(parameter)
        numbers.append((parameter, value))
    return Call(
        entry=items[0].entry,
        definition=Definition(name, parameters),
        arguments=numbers,
        items=items,
        words=" ".join(words),
    )
