"""Convolutions with a batch norm of another eps than the default, as a block with a name.

Every line of nets that come from TensorFlow would say `-> bn eps=0.001` otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from cnndsl.importing.items import Block, Call, Definition, Item, Unit
from cnndsl.importing.solving import Parameter
from cnndsl.importing.wording import (
    as_is,
    best_way,
    chain_text,
    layer_text,
    padding_ways,
    written_way,
)
from cnndsl.layers.conv import Conv
from cnndsl.layers.windows import broadcast

LEAST = 4  # uses that are worth a name
NAMES = ("convbn", "convbn_linear", "convbn_b", "convbn_c")


def norms_named(
    items: Sequence[Item], definitions: list[Definition], taken: set[str]
) -> list[Item]:
    """The items with calls of `convbn` and its like, which are added to the definitions."""
    counts = Counter(tail for unit in _units(items) if (tail := _tail(unit)))
    named: dict[str, Definition] = {}
    free = (name for name in NAMES if name not in taken)
    for (tail, count), name in zip(counts.most_common(), free, strict=False):
        if count >= LEAST:
            options = {"k": 1, "s": 1, "p": 0}
            parameters = [
                Parameter("n", [], "n"),
                *(Parameter(letter, [], letter, n) for letter, n in options.items()),
            ]
            body = f"conv n k=k s=s p=p -> {tail}"
            named[tail] = Definition(name, parameters, [body])
            taken.add(name)
    definitions += named.values()
    return _replaced(items, named) if named else list(items)


def _units(items: Sequence[Item]) -> Iterator[Unit]:
    for item in items:
        if isinstance(item, Unit):
            yield item
        elif isinstance(item, Block):
            for branch in item.branches:
                yield from _units(branch)


def _tail(unit: Unit) -> str:
    """What is chained behind a plain convolution, if that begins with a norm of its own eps."""
    layers = unit.layers
    if len(layers) < 2 or layers[1].word != "bn" or "=" not in layer_text(layers[1]):
        return ""
    conv = layers[0].layer
    if not isinstance(conv, Conv) or conv.groups > 1 or conv.bias:
        return ""
    if set(conv.dilation) != {1} or layers[0].output.rank != 2:
        return ""
    return chain_text(layers[1:], as_is)


def _replaced(items: Sequence[Item], named: dict[str, Definition]) -> list[Item]:
    found: list[Item] = []
    for item in items:
        if isinstance(item, Block):
            item.branches = [_replaced(branch, named) for branch in item.branches]
        definition = named.get(_tail(item)) if isinstance(item, Unit) else None
        call = _call(item, definition) if isinstance(item, Unit) and definition else None
        found.append(call or item)
    return found


def _call(unit: Unit, definition: Definition) -> Call | None:
    """Numbers as arguments; sizes that aren't square, and paddings in words, as they are."""
    step, conv = unit.layers[0], unit.layers[0].layer
    assert isinstance(conv, Conv)
    x = step.inputs[0].output
    kernel, stride = broadcast(conv.kernel, x, "kernel"), broadcast(conv.stride, x, "stride")
    way = best_way(padding_ways(conv, x))
    n, k, s, p = definition.parameters
    arguments = [(n, step.output.channels)]
    words: list[str] = []
    for parameter, values in ((k, kernel), (s, stride)):
        if len(set(values)) == 1:
            arguments.append((parameter, values[0]))
        else:
            words.append(parameter.name + "x".join(map(str, values)))
    if way[1:].isdigit():
        arguments.append((p, int(way[1:])))
    elif written_way(way):
        if not way.startswith("p"):
            return None
        words.append(way)
    return Call(
        entry=unit.entry,
        definition=definition,
        arguments=arguments,
        items=[unit],
        words=" ".join(words),
    )
