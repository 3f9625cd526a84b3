"""What a file of weights holds: tensors by name, each read only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

from cnndsl.preprocessing import Preprocessing

Array = npt.NDArray[Any]

FileFormat = Literal["PyTorch", "safetensors", "NumPy", "ONNX", "Keras"]


class DamagedError(ValueError):
    """Why a file can't be used: a clause that goes behind its name, as `is cut off`."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor in a file, by the file's name for it and in the file's layout.

    `type` is numpy's name for the stored elements, "bfloat16", or, where cnndsl has no use for
    them, the file's own word. `read()` gives the values in that shape and type, bfloat16 as
    float32; it takes the tensor's own size in memory (twice that where elements are turned) and
    raises UsageError where the file is damaged or the type can't be read.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    read: Callable[[], Array] = field(repr=False)

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)


Padding = tuple[int, ...] | Literal["same", "same, more before", "valid"]
"""Before on every axis, then behind; or `same`: the size is kept but for the stride."""


@dataclass(frozen=True, slots=True)
class Slide:
    """How a convolution slides, as far as a file says it; None is unknown.

    `extra` is a transposed convolution's output padding.
    """

    stride: tuple[int, ...] | None = None
    dilation: tuple[int, ...] | None = None
    padding: Padding | None = None
    extra: tuple[int, ...] | None = None
    transposed: bool | None = None


Turn = tuple[Literal["permute", "reshape"], tuple[int, ...]]
"""What is done to axes: they are permuted (counted from 1), or have these sizes."""


@dataclass(frozen=True, slots=True)
class Turns:
    """What a file's net does with the axes of a map, channels last, before it is a vector, and with
    those of a vector before it is a map, beyond the usual; `known` is whether that is all.
    """

    flattened: tuple[Turn, ...] = ()
    shaped: tuple[Turn, ...] = ()
    known: bool = True


AS_USUAL = Turns()


@dataclass(frozen=True, slots=True)
class Layer:
    """What a file's own graph does with tensors: their names by our names for a layer's parameters.

    `turned` is whether the weights are (inputs, outputs). `epsilon` is a batch norm's. `transposed`
    is whether maps were turned before, so that a flattened one may have its values in any order.
    `slide` is how a convolution slides.
    """

    parts: Mapping[str, str]
    turned: bool = False
    epsilon: float | None = None
    transposed: bool = False
    slide: Slide | None = None


@dataclass(frozen=True, slots=True)
class TensorFile:
    """An open file of weights: its tensors by name, in the file's order, and what it says of them.

    `preprocessing` and `labels` are None where the file doesn't say. `notes` are sentences about
    what was found and left aside. `bytes` is the size of the file and of those beside it that it
    keeps tensors in. `epsilons` are what a norm adds to its variance, where the file says it, by
    the tensors' common name (`conv1_bn` of `conv1_bn/gamma`), `slides` in the same way what it says
    of convolutions. `layers` are in the
    order in which they run, where the file holds a graph; empty where it doesn't. `turns` are what
    Keras' configuration says of flattened maps.
    """

    path: Path
    format: FileFormat
    tensors: Mapping[str, Tensor]
    preprocessing: Preprocessing | None = None
    labels: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    bytes: int = 0
    epsilons: Mapping[str, float] = field(default_factory=dict[str, float])
    layers: tuple[Layer, ...] = ()
    slides: Mapping[str, Slide] = field(default_factory=dict[str, Slide])
    turns: Turns = AS_USUAL
