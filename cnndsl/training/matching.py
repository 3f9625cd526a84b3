"""Which of a model's classes each of the data's classes is: by name, never silently by place.

Names are compared in Unicode's NFC. What isn't called exactly the same is matched where that is
unambiguous, and said: by WordNet's number (`n01440764` in `n01440764 tench, Tinca tinca`), without
regard to capitals and underscores (`great_white_shark`), by the first of several synonyms
(`tench`). WordNet numbers on both sides count more than any name.

Where one side has only numbers for names, or the model has none at all, a number is the model's
class of that number, counted from 0; classes that are as many, but aren't these numbers, are taken
in their order. Both is said. Names on both sides of which none is the same are an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnndsl.diagnostics import UsageError
from cnndsl.runtime.labels import composed

_WORDNET = re.compile(r"(n[0-9]{8})(?![0-9])[\s_:,-]*")
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Matching:
    """The model's class of each of the data's classes, None where it has none such; `names` are
    those of the model's classes, and `notes` say what isn't a plain match of names.
    """

    columns: tuple[int | None, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def unknown(self) -> list[int]:
        """The data's classes that the model doesn't have."""
        return [number for number, column in enumerate(self.columns) if column is None]


def match_classes(
    model: str, names: Sequence[str] | None, classes: int, data: str, labels: Sequence[str]
) -> Matching:
    """Find the class of a model for each of the data's `labels`.

    `model` and `data` are what messages call them; the model has so many `classes`, which `names`
    name in their order, if anything does. Raises UsageError where nothing can be matched.
    """
    if names is None:
        shown = tuple(f"class {number}" for number in range(classes))
        return Matching(
            *_by_number(model, shown, data, labels, f"{model} doesn't name its classes")
        )
    shown = tuple(name or f"class {number}" for number, name in enumerate(map(composed, names)))
    labels = tuple(map(composed, labels))
    if shown == labels:
        return Matching(tuple(range(classes)), shown)
    found, unclear = _by_name(shown, labels)
    if found:
        notes = _loose(found, shown, labels) + [
            f"`{labels[n]}` may be any of the classes {' and '.join(map(str, several))} of {model}"
            for n, several in unclear.items()
        ]
        return Matching(tuple(found.get(n) for n in range(len(labels))), shown, tuple(notes))
    if _are_numbers(shown) or _are_numbers(labels):
        numbered = model if _are_numbers(shown) else data
        reason = f"{numbered} has only numbers for the names of its classes"
        return Matching(*_by_number(model, shown, data, labels, reason))
    raise UsageError(
        f"none of the classes of {data} ({_listed(labels)}) is one of {model} ({_listed(shown)}); "
        f"where they mean the same, a file of names in the model's order says so: --labels FILE"
    )


def _by_number(
    model: str, names: tuple[str, ...], data: str, labels: Sequence[str], reason: str
) -> tuple[tuple[int | None, ...], tuple[str, ...], tuple[str, ...]]:
    """By the numbers that the data's classes are called, or else by their order."""
    classes = len(names)
    if _are_numbers(labels) and all(int(label) < classes for label in labels):
        columns = tuple(map(int, labels))
        plain = columns == tuple(range(classes))
        how = "numbers are taken for classes of the model, counted from 0"
    elif len(labels) == classes:
        columns, plain = tuple(range(classes)), False
        how = "classes are taken in their order"
    else:
        raise UsageError(
            f"{reason}, and there are {classes} of {model} and {len(labels)} of {data}, so nothing "
            f"says which is which: name the model's classes by --labels FILE"
        )
    pairs = [f"`{label}` is {_said(names, n)}" for label, n in zip(labels, columns, strict=True)]
    few = f"{', '.join(pairs[:_NAMED])}{', …' if len(pairs) > _NAMED else ''}"
    note = f"{reason}, so {how}: {few}"
    return columns, names, () if plain and names[0] in ("0", "class 0") else (note,)


def _said(names: tuple[str, ...], number: int) -> str:
    own = names[number] != f"class {number}"
    return f"class {number}{f' (`{names[number]}`)' if own else ''}"


def _by_name(
    names: Sequence[str], labels: Sequence[str]
) -> tuple[dict[int, int], dict[int, list[int]]]:
    """The model's class of the data's; and for those that remain several that it may be."""
    found: dict[int, int] = {}
    unclear: dict[int, list[int]] = {}
    for key in (str, _wordnet, *_plain_keys(names, labels)):
        taken = set(found.values())
        of_names = _by_key(names, key, taken)
        for word, numbers in _by_key(labels, key, found).items():
            several = of_names.get(word, [])
            if len(numbers) == len(several) == 1:
                found[numbers[0]] = several[0]
            elif len(several) > 1:
                unclear |= {number: several for number in numbers if number not in unclear}
    return found, {number: several for number, several in unclear.items() if number not in found}


def _plain_keys(
    names: Sequence[str], labels: Sequence[str]
) -> tuple[Callable[[str], str | None], ...]:
    """The words in a name, and its first synonym; none for names with WordNet's number where both
    sides have such, since that decides.
    """
    decides = any(map(_wordnet, names)) and any(map(_wordnet, labels))

    def words(name: str) -> str | None:
        if decides and _wordnet(name):
            return None
        plain = " ".join(_WORDNET.sub("", name, count=1).replace("_", " ").casefold().split())
        return plain.lstrip("0") or "0" if plain.isdecimal() else plain or None

    def first(name: str) -> str | None:
        return words(name.split(",", 1)[0])

    return words, first


def _by_key(
    names: Sequence[str], key: Callable[[str], str | None], without: set[int] | dict[int, int]
) -> dict[str, list[int]]:
    """Numbers of names by a key of theirs."""
    by_key: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        word = None if number in without else key(name)
        if word is not None:
            by_key.setdefault(word, []).append(number)
    return by_key


def _wordnet(name: str) -> str | None:
    match = _WORDNET.match(name)
    return match[1] if match else None


def _loose(found: dict[int, int], names: Sequence[str], labels: Sequence[str]) -> list[str]:
    """A note where classes are matched that aren't called the same."""
    pairs = [
        f"`{labels[n]}` for `{names[column]}`"
        for n, column in sorted(found.items())
        if labels[n] != names[column]
    ]
    more = f" and {len(pairs) - _NAMED:,} more" if len(pairs) > _NAMED else ""
    return [f"taken for the same: {', '.join(pairs[:_NAMED])}{more}"] if pairs else []


def _are_numbers(names: Sequence[str]) -> bool:
    return all(name.isdecimal() and name.isascii() and len(name) < 10 for name in names)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:_NAMED]) + (", …" * (len(names) > _NAMED))
