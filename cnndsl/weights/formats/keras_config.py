"""What the configuration of a Keras model says of its weights. It is JSON, and stays JSON: classes
and functions that it names are words here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from cnndsl.weights.formats.keras_axes import Stage, sources_in, turns_in
from cnndsl.weights.formats.keras_pixels import forks
from cnndsl.weights.tensors import AS_USUAL, DamagedError, Slide, Turns

LARGEST = 16 << 20  # bytes

_TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
_SLIDING = (
    *("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D"),
    *("SeparableConv1D", "SeparableConv2D", *_TRANSPOSED),
)

Layer = tuple[str, str, Mapping[str, Any]]
"""A name, a class, and the settings."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The layers in their order, those in a layer named by their path; what is added to variances,
    by layer; whether pixels go several ways; those of gamma and beta that norms have; how
    convolutions slide; how maps become vectors; and what else is worth knowing.
    """

    layers: tuple[Stage, ...] = ()
    epsilons: Mapping[str, float] = field(default_factory=dict[str, float])
    forked: bool = False
    affine: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    slides: Mapping[str, Slide] = field(default_factory=dict[str, Slide])
    turns: Turns = AS_USUAL
    notes: tuple[str, ...] = ()


def read_configuration(text: str | bytes | bytearray) -> Configuration:
    """Raises DamagedError where it is no JSON object."""
    if len(text) > LARGEST:
        raise DamagedError(f"has a configuration of over {LARGEST:,} bytes")
    try:
        model = json.loads(text)
    except (ValueError, RecursionError):
        raise DamagedError("has a configuration that is no JSON") from None
    layers, models = list(_layers(model, "")), list(_stages(model))
    return Configuration(
        tuple(Stage(*layer, ()) for layer in layers),
        {n: e for n, _, c in layers if (e := _number(c.get("epsilon"))) is not None},
        forks(models),
        {n: _affine(c) for n, _, c in layers if "center" in c or "scale" in c},
        {n: s for n, kind, c in layers if kind in _SLIDING and (s := _slide(kind, c)) is not None},
        turns_in(models),
        _notes(layers),
    )


def _layers(model: object, path: str) -> Iterator[Layer]:
    """A model's layers in their order, and those of models in it, named by their path."""
    config = _object(model).get("config")
    for layer in _list(config) or _list(_object(config).get("layers")):
        settings = _object(_object(layer).get("config"))
        name = settings.get("name", _object(layer).get("name"))
        if isinstance(name, str):
            yield f"{path}{name}", str(_object(layer).get("class_name")), settings
            yield from _layers(layer, f"{path}{name}/")


def _stages(model: object) -> Iterator[list[Stage]]:
    """The layers of a model with what each takes, then those of the models in it."""
    config = _object(model).get("config")
    chained = _object(model).get("class_name") == "Sequential"
    found: list[Stage] = []
    for layer in _list(config) or _list(_object(config).get("layers")):
        settings, before = _object(_object(layer).get("config")), found[-1].name if found else ""
        name = str(settings.get("name", _object(layer).get("name")))
        sources = sources_in(_object(layer), before, chained)
        found.append(Stage(name, str(_object(layer).get("class_name")), settings, sources))
        yield from _stages(layer)
    yield found


def _affine(norm: Mapping[str, Any]) -> tuple[str, ...]:
    settings = {"gamma": "scale", "beta": "center"}
    return tuple(name for name, word in settings.items() if norm.get(word) is not False)


def _notes(layers: list[Layer]) -> tuple[str, ...]:
    if all(c.get("data_format") != "channels_first" for _, _, c in layers):
        return ()
    return (
        "the model was made for maps with channels first: what stands behind a flattened map is "
        "turned as if they came last",
    )


def _slide(kind: str, settings: Mapping[str, Any]) -> Slide | None:
    """Only of strides that are numbers; a convolution's `valid` says nothing of zeros before."""
    stride, dilation, extra = (
        tuple(int(n) for s in _list(settings.get(word))[:3] if (n := _number(s)) is not None)
        for word in ("strides", "dilation_rate", "output_padding")
    )
    transposed, padding = kind in _TRANSPOSED, settings.get("padding")
    if not stride:
        return None
    return Slide(
        stride,
        dilation or None,
        "same" if padding == "same" else "valid" if padding == "valid" and transposed else None,
        extra or None,
        transposed,
    )


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    """A number of a size that can be meant."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e6:
        return None
    return float(value)
