"""Models that leave height and width open: a net for every size where that can be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, cast

from cnndsl.diagnostics import UsageError
from cnndsl.importing.draft import Draft, Step, Value
from cnndsl.importing.drafting import with_size
from cnndsl.importing.reading import Model
from cnndsl.layers.base import ShapeError
from cnndsl.layers.borders import Crop
from cnndsl.layers.resample import Upsample
from cnndsl.shape import Dim, Shape, Symbolic

SIZES = (224, 352)  # both divide by 32, as nets with five halvings want
NAMES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}


class Read(Protocol):
    """Makes a draft; `sizes` keeps the sizes that maps are brought to, factors or not."""

    def __call__(self, model: Model, sizes: bool = False) -> Draft: ...


def draft_of_some_size(model: Model, read: Read) -> Draft:
    """The draft for one size, and a note that its layers depend on it."""
    draft = _read(model, read)
    shapes = ", ".join(f"`{source.name}` {source.output}" for source in draft.inputs)
    draft.notes.append(
        f"the model leaves sizes open, and some of its layers depend on them: here its input "
        f"is {shapes}, and --input gives another"
    )
    return draft


def drafts_of_any_size(model: Model, read: Read) -> Iterator[Draft]:
    """Drafts with names for open sizes, the likeliest first; none where layers depend on them.

    Each is read for two sizes: layers that are the same for both don't depend on the size. What is
    brought to a size is brought to that of another value, if there is one; else by a factor.
    """
    for sizes in (True, False):
        draft = _read(model, read, sizes)
        resized = any(_is_sized(step) for step in draft.steps)
        if sizes and not resized:
            continue
        try:
            other = read(with_size(model, SIZES[1]), sizes)
        except UsageError:
            return
        for one in (draft, other):
            _crop_to_partners(one)
            _enlarge_to_partners(one)
        if _are_alike(draft, other) and _opened(model, draft):
            yield draft


def _read(model: Model, read: Read, sizes: bool = False) -> Draft:
    try:
        return read(with_size(model, SIZES[0]), sizes)
    except UsageError as e:
        raise UsageError(
            f"{e}. The model leaves sizes of its input open: perhaps it wants others than "
            f"{SIZES[0]}, which --input gives, as in --input 3@256x256"
        ) from None


def _is_sized(step: Step) -> bool:
    return isinstance(step.layer, Upsample) and step.layer.size is not None


def _enlarge_to_partners(draft: Draft) -> None:
    """What is brought to a size is brought to that of a value above: one that it then meets, an
    input, or the last such.
    """
    users = draft.users()
    for number, step in enumerate(draft.steps):
        if not _is_sized(step):
            continue
        above: list[Value] = [*draft.inputs, *draft.steps[:number]]
        met = [value for user in users[step] for value in user.inputs]
        known = set(above)
        likely = [v for v in met if v in known] + [*draft.inputs, *reversed(above)]
        found = next((v for v in likely if v.output.space == step.output.space), None)
        if found is not None:
            layer = cast(Upsample, step.layer)
            step.layer = Upsample(mode=layer.mode, coordinates=layer.coordinates)
            step.inputs = [step.inputs[0], found]
    draft.tidy()


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
