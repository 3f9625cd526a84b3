"""Draft → spec: the text, what it means, and the weights under its names.

The text is read again and compared with the draft, layer for layer. So folding may be bold: where a
bold text means something else, a plainer one is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.importing.draft import Draft, Float, Step, Value
from cnndsl.importing.lines import Text, lines_of
from cnndsl.importing.matching import matched
from cnndsl.importing.naming import Names, cleaned
from cnndsl.importing.structure import Item, Unit, items_of
from cnndsl.layers.fc import Dense
from cnndsl.network import Network
from cnndsl.source import Source
from cnndsl.specs import load
from cnndsl.syntax.parse import parse
from cnndsl.syntax.write import write

Spelled = tuple[str, Network, dict[str, Float]]


def spell(draft: Draft, name: str) -> Spelled:
    """The shortest spec that means the draft."""
    ways: list[Callable[[Draft], list[Item]]] = [items_of, _flat_items]
    for way in ways:
        try:
            found = _spelled(draft, way(draft), name)
        except (SpecError, RecursionError):
            continue
        if found is not None:
            return found
    raise UsageError("the model can't be written as a spec: its layers don't fit the language")


def _spelled(draft: Draft, items: list[Item], name: str) -> Spelled | None:
    text = write_spec(draft, items, name)
    network, _ = load(Source("<imported>", text))
    steps = [step for item in items for step in item.steps()]
    values = matched(draft, steps, network)
    return None if values is None else (text, network, values)


def write_spec(draft: Draft, items: Sequence[Item], name: str) -> str:
    """The canonical text of items."""
    names = Names(draft)
    text = Text(names, {**names.inputs})
    outputs: list[str] = []
    for given, value in draft.outputs:
        if value not in text.known:
            text.known[value] = names.free(cleaned(given, _called(value)))
        outputs.append(text.known[value])
    classes = _classes(draft, items)
    settings = f"(classes={classes[1]})" if classes else ""
    text.classes = classes[0] if classes else None
    body = list(lines_of(items, text, draft.inputs))
    head = [
        "cnndsl 1",
        f"net {_title(name)}{settings}",
        *(f"input {names.inputs[s]} {s.output}" for s in draft.inputs),
    ]
    whole = "\n".join([*head, *body, f"output {' '.join(outputs)}"]) + "\n"
    return write(parse(Source("<imported>", whole)))


def _flat_items(draft: Draft) -> list[Item]:
    """Every layer a line of its own."""
    return [Unit(entry=step.inputs[0], layers=[step]) for step in draft.steps]


def _called(value: Value) -> str:
    """A label for an output without a decent name of its own."""
    if isinstance(value, Step) and value.word == "softmax":
        return "probabilities"
    return "logits" if value.output.rank == 0 else "result"


def _classes(draft: Draft, items: Sequence[Item]) -> tuple[Step, int] | None:
    """The dense layer that an output comes from, if there is one: its units are the classes."""
    ends = {value for _, value in draft.outputs}
    for item in reversed(items):
        if isinstance(item, Unit) and isinstance(item.layers[0].layer, Dense):
            units = item.layers[0].layer.units
            if any(value.output.channels == units for value in ends):
                return item.layers[0], units
            return None
    return None


def _title(name: str) -> str:
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "net"
    word = word if word[0].isalpha() else f"Net_{word}"
    return word[0].upper() + word[1:60]
