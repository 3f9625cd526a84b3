"""A Hypothesis strategy that draws whole networks: any layers that fit, branches, shared weights,
several inputs and outputs, training heads.
"""

from __future__ import annotations

from hypothesis import reject
from hypothesis import strategies as st

from cnndsl.layers import LAYERS, Layer
from cnndsl.layers.base import ShapeError
from cnndsl.network import Input, LossTerm, Network, Step
from cnndsl.shape import Shape
from tests.support.layer_strategies import layers, shapes
from tests.support.run_layer import HERE

MOST_ELEMENTS = 4096
TRIES = 5
WINDOWS = ("conv", "dwconv", "deconv", "pool", "avgpool", "filter", "pad", "crop", "upsample")
CHANNELS = ("take", "shuffle", "pixelshuffle", "pixelunshuffle", "reshape", "gn", "conv")
# Of random numbers these give what no float32 can hold, or the same number everywhere.
EXTREME = ("exp", "log", "power", "clamp")
ONE_INPUT = sorted(
    word
    for word, kind in LAYERS.items()
    if kind.takes_current and kind.references[0] == 0 and word not in EXTREME
)


@st.composite
def networks(draw: st.DrawFn, most_steps: int = 8) -> Network:
    """A network of fixed sizes whose every step fits its inputs."""
    entries = [
        Input(name=f"x{i}", shape=draw(_input_shapes()), origin=HERE)
        for i in range(draw(st.integers(1, 2)))
    ]
    known = {e.name: e.shape for e in entries}
    steps: list[Step] = []
    for number in range(draw(st.integers(1, most_steps))):
        step = draw(_steps(known, steps, f"v{number}"))
        if step is not None:
            steps.append(step)
            known[step.name] = step.output
    if not steps:
        reject()
    heads = _cut_heads(draw, steps)
    main = [s.name for s in steps if s.head is None]
    outputs = draw(st.lists(st.sampled_from(main), min_size=1, max_size=3, unique=True))
    terms = [LossTerm(coefficient=0.5, function="mse", arguments=(outputs[0], outputs[0]))]
    return Network(
        name="Drawn",
        settings={},
        inputs=tuple(entries),
        steps=tuple(steps),
        outputs=tuple(outputs),
        heads=heads,
        loss=tuple(terms) if draw(st.booleans()) else (),
    )


def _input_shapes() -> st.SearchStrategy[Shape]:
    """Mostly images, large enough for windows; vectors, sequences and clips too."""
    sizes = st.integers(4, 10)
    images = st.builds(Shape, st.sampled_from([1, 2, 4, 6, 8]), st.tuples(sizes, sizes))
    return st.one_of(images, images, shapes(least_rank=0, most_rank=3))


def _favoured() -> st.SearchStrategy[Layer]:
    """Any layer, those that slide a window or look at channels more often: they seldom fit."""
    return st.one_of(layers(*WINDOWS), layers(*CHANNELS), layers(*ONE_INPUT))


@st.composite
def _steps(draw: st.DrawFn, known: dict[str, Shape], before: list[Step], name: str) -> Step | None:
    """A step that fits, or None where what was drawn doesn't."""
    current = draw(st.sampled_from([*known, *[list(known)[-1]] * 3]))
    kind = draw(st.sampled_from(["one"] * 6 + ["merge", "share", "unpool", "sample"]))
    match kind:
        case "one":
            fitting = (_fit(draw(_favoured()), name, (current,), known) for _ in range(TRIES))
            return next((step for step in fitting if step), None)
        case "merge":
            layer = LAYERS[draw(st.sampled_from(["add", "concat", "mul", "sub", "max", "min"]))]()
            return _fit(layer, name, (current, draw(st.sampled_from(list(known)))), known)
        case "sample":
            alike = [n for n in known if known[n] == known[current]]
            return _fit(LAYERS["sample"](), name, (current, draw(st.sampled_from(alike))), known)
        case "unpool":
            pools = [s for s in before if s.layer.word == "pool"]
            if not pools:
                return None
            pool = draw(st.sampled_from(pools))
            inputs = (current, pool.name, pool.inputs[0])
            return _fit(LAYERS["unpool"](), name, inputs, known)
        case _:
            owners = [s for s in before if s.shares is None and len(s.inputs) == 1]
            if not owners:
                return None
            owner = draw(st.sampled_from(owners))
            step = _fit(owner.layer, name, (current,), known)
            theirs = owner.layer.parameters(known[owner.inputs[0]])
            if not theirs or step is None or step.layer.parameters(known[current]) != theirs:
                return None
            return step.model_copy(update={"shares": owner.name})


def _fit(layer: Layer, name: str, inputs: tuple[str, ...], known: dict[str, Shape]) -> Step | None:
    try:
        output = layer.shape(*(known[n] for n in inputs))
    except ShapeError:
        return None
    if output.elements > MOST_ELEMENTS:
        return None
    return Step(name=name, layer=layer, inputs=inputs, output=output, origin=HERE)


def _cut_heads(draw: st.DrawFn, steps: list[Step]) -> dict[str, str]:
    """Make a head of the last steps that nothing else reads, sometimes."""
    last = steps[-1]
    if len(steps) < 2 or not draw(st.booleans()):
        return {}
    name = "aux.tail"
    steps[-1] = last.model_copy(update={"head": "aux", "name": name})
    return {"aux": name}
