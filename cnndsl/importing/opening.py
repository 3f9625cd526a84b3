"""Models that leave height and width open: a net for every size where that can be."""

from __future__ import annotations

from collections.abc import Callable

from cnndsl.diagnostics import UsageError
from cnndsl.importing.draft import Draft, Value
from cnndsl.importing.drafting import with_size
from cnndsl.importing.reading import Model
from cnndsl.layers.base import ShapeError
from cnndsl.layers.borders import Crop
from cnndsl.shape import Dim, Shape, Symbolic

SIZES = (224, 352)  # both divide by 32, as nets with five halvings want
NAMES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}


def draft_of_some_size(model: Model, read: Callable[[Model], Draft]) -> Draft:
    """The draft for one size, and a note that its layers depend on it."""
    draft = _read(model, read)
    shapes = ", ".join(f"`{source.name}` {source.output}" for source in draft.inputs)
    draft.notes.append(
        f"the model leaves sizes open, and some of its layers depend on them: here its input "
        f"is {shapes}, and --input gives another"
    )
    return draft


def draft_of_any_size(model: Model, read: Callable[[Model], Draft]) -> Draft | None:
    """The draft with names for open sizes; None where layers depend on them.

    It is read for two sizes: layers that are the same for both don't depend on the size.
    """
    draft = _read(model, read)
    _crop_to_partners(draft)
    try:
        other = read(with_size(model, SIZES[1]))
    except UsageError:
        return None
    _crop_to_partners(other)
    return draft if _are_alike(draft, other) and _opened(model, draft) else None


def _read(model: Model, read: Callable[[Model], Draft]) -> Draft:
    try:
        return read(with_size(model, SIZES[0]))
    except UsageError as e:
        raise UsageError(
            f"{e}. The model leaves sizes of its input open: perhaps it wants others than "
            f"{SIZES[0]}, which --input gives, as in --input 3@256x256"
        ) from None


def _crop_to_partners(draft: Draft) -> None:
    """What is cropped to the middle and joined with another value is cropped to that one's size."""
    users = draft.users()
    for step in draft.steps:
        if not isinstance(step.layer, Crop) or [u.word for u in users[step]] != ["concat"]:
            continue
        other = next((v for v in users[step][0].inputs if v is not step), None)
        middle, x = Crop(), step.inputs[0].output
        margins = step.layer.margins(x, step.output)
        if other is None or list(margins) != list(middle.margins(x, step.output)):
            continue
        step.layer, step.inputs = middle, [step.inputs[0], other]
    draft.tidy()


def _are_alike(first: Draft, second: Draft) -> bool:
    if len(first.steps) != len(second.steps):
        return False
    numbers: list[dict[Value, int]] = [
        {value: i for i, value in enumerate((*draft.inputs, *draft.steps))}
        for draft in (first, second)
    ]
    return all(
        a.layer == b.layer
        and [numbers[0][v] for v in a.inputs] == [numbers[1][v] for v in b.inputs]
        for a, b in zip(first.steps, second.steps, strict=True)
    )


def _opened(model: Model, draft: Draft) -> bool:
    """Put names in the place of the sizes, if every layer takes them."""
    ports = {port.name: port for port in model.inputs}
    shapes: dict[Value, Shape] = {}
    for source in draft.inputs:
        port = ports[source.name]
        open_ones = (port.sizes or ())[port.space]
        names = NAMES.get(source.output.rank, ())
        space: list[Dim] = [
            Symbolic(name) if n is None else have
            for name, n, have in zip(names, open_ones, source.output.sizes, strict=True)
        ]
        shapes[source] = Shape(source.output.channels, tuple(space))
    try:
        for step in draft.steps:
            shapes[step] = step.layer.shape(*(shapes[value] for value in step.inputs))
            given: list[Shape] = [shapes[value] for value in step.inputs]
            names_ = [p.shape for p in step.layer.parameters(*given)]
            if names_ != [p.shape for p in step.layer.parameters(*step.shapes)]:
                return False
    except (ShapeError, ValueError, TypeError):
        return False
    for value, shape in shapes.items():
        value.output = shape
    return True
