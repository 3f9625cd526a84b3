"""A model's state out of what a file holds beside it: nested dictionaries as dotted names."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from cnndsl.weights.formats.limits import LONGEST_NAME
from cnndsl.weights.formats.pickled import Entries
from cnndsl.weights.tensors import DamagedError

Found = TypeVar("Found")

WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "module", "params")
"""What training scripts call the model's state among other things of theirs."""

MOST_DEEP = 64
_OTHERS = ("optim", "sched", "scaler", "amp")  # their tensors are never a model's


def flattened(root: Any, kind: type[Found]) -> tuple[dict[str, Found], tuple[str, ...]]:
    """Everything of a kind in nested dictionaries and lists by its dotted name, and remarks.

    Where the root wraps the model's state (`{"state_dict": …, "best_acc1": …}`), the state is taken
    and the rest left aside, unless as many tensors stand beside it. A dictionary that occurs twice
    is taken at its first place. Raises DamagedError where names meet or nothing is found.
    """
    if isinstance(root, kind):
        return {"tensor": root}, ()
    notes: list[str] = []
    found = _collected(_unwrapped(root, kind, notes), kind, {id(root)})
    if not found:
        raise DamagedError("holds no tensors")
    return found, tuple(notes)


def _unwrapped(root: Any, kind: type[Any], notes: list[str]) -> list[tuple[str, Any]]:
    entries = _entries(root)
    wrapped = {key: inner for key, v in entries if key in WRAPPERS and (inner := _entries(v))}
    beside = [key for key, value in entries if isinstance(value, kind)]
    wrapper = next((word for word in WRAPPERS if word in wrapped), None)
    inside = len(_collected(wrapped[wrapper], kind, set())) if wrapper else 0
    if wrapper is None or (beside and inside <= len(beside)):
        chosen, rest = entries, []
    else:
        chosen = wrapped[wrapper]
        rest = [k for k, v in entries if k != wrapper and (k in beside or _entries(v))]
    for key, value in chosen:
        if key.startswith(_OTHERS) and _entries(value):
            rest.append(key)
    if rest:
        left = ", ".join(f"`{key[:40]}`" for key in rest[:6]) + (", …" if len(rest) > 6 else "")
        notes.append(f"left aside: {left}")
    return [(key, value) for key, value in chosen if key not in rest]


def _collected(
    entries: list[tuple[str, Any]], kind: type[Found], seen: set[int]
) -> dict[str, Found]:
    """All of a kind by dotted names. Containers in `seen`, or met before, are passed over, so that
    neither a circle nor a list of lists of the same lists goes on for ever.
    """
    found: dict[str, Found] = {}
    todo = [(name, value, 1) for name, value in reversed(entries)]
    while todo:
        name, value, depth = todo.pop()
        if isinstance(value, kind):
            if name in found:
                raise DamagedError(f"has two tensors called `{name}`")
            found[name] = value
        elif id(value) not in seen and (inner := _entries(value)):
            if depth > MOST_DEEP or len(name) > LONGEST_NAME:
                raise DamagedError(
                    f"nests dictionaries more than {MOST_DEEP} deep, or by endless names"
                )
            seen.add(id(value))
            todo.extend((f"{name}.{key}", item, depth + 1) for key, item in reversed(inner))
    return found


def _entries(value: Any) -> list[tuple[str, Any]]:
    """What a dictionary or list holds, by texts; nothing for other values."""
    if isinstance(value, Entries):
        return [(str(key), inner) for key, inner in value if isinstance(key, str | int)]
    if isinstance(value, list | tuple):
        return [(str(n), inner) for n, inner in enumerate(cast("list[Any]", value))]
    return []
