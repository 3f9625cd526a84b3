"""What can be said about a training: every option once, with its type, bounds, default and help.

The command line, the Python verbs and `config.toml` all take these. An option is a field of a
dataclass, `Annotated` with its bounds; `option` adds what the command line shows. Nothing heavy is
imported here, so that `--help` answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field as DataField
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field

from cnndsl.graphs.precision import Precision
from cnndsl.preprocessing import Crop, Interpolation, Order
from cnndsl.training.fields import MOST

Strategy = Literal["features", "last", "full", "gradual", "scratch"]
HeadKind = Literal["linear", "mlp", "logistic"]
Pool = Literal["none", "mean", "max"]
"""What becomes of an earlier layer's maps: all their values, or a number for each."""

Count = Annotated[int, Field(ge=1, le=MOST)]
Positive = Annotated[float, Field(gt=0)]
Part = Annotated[float, Field(ge=0, lt=1)]
Factor = Annotated[float, Field(ge=0)]


def option(
    default: Any, help: str = "", *, flag: str = "", metavar: str = "", seconds: bool = False
) -> Any:
    """A field that the command line has as an option.

    `flag` is its name there where that is another one; `seconds` are written as durations.
    """
    shown = {"help": help, "flag": flag, "metavar": metavar, "seconds": seconds}
    if isinstance(default, Mapping):
        return field(default_factory=dict[str, Any], metadata=shown)
    return field(default=default, metadata=shown)


@cache
def by_flag(choice: type[Any]) -> Mapping[str, DataField[Any]]:
    """The options among the fields of a choice, by the names that they have as flags."""
    return {f.metadata["flag"] or f.name.replace("_", "-"): f for f in fields(choice) if f.metadata}


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The net: a spec, zoo name or .onnx file, and where its weights start.

    `inputs` are shapes by the names of inputs, "" for the only one. `weights` is a file or a known
    name, and `allow_missing` are patterns of what it may lack. What no file gives is drawn by the
    rule `init` from the training's seed.
    """

    spec: str = ""
    settings: Mapping[str, int | float | str] = field(
        default_factory=dict[str, "int | float | str"]
    )
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    weights: str | None = option(
        None, "Start from a file's, or known, weights.", metavar="FILE|NAME"
    )
    allow_missing: tuple[str, ...] = option(
        (), "Parameters, layers or blocks that the file may lack: they start anew."
    )
    init: Literal["auto", "he", "glorot", "lecun", "zeros"] = option("auto")
    freeze: tuple[str, ...] = option((), "Not trained: stem,block1.*")
    gradual: Count | None = option(None, "Another block from the head after so many.")


@dataclass(frozen=True, slots=True)
class DataChoice:
    """The data, and what is done to it; `fingerprint` tells whether it is still the same."""

    path: str = option(
        "",
        "A folder, a .csv, an .npz, idx files, or digits, mnist, fashion-mnist, cifar10.",
        flag="data",
        metavar="DATA",
    )
    folder: str | None = option(
        None, "Where built-in data sets lie, or are put.", flag="data-dir", metavar="DIRECTORY"
    )
    augment: str = option("none", "none, light, strong, or a .toml file.")
    fingerprint: str = ""
    ignore_index: Annotated[int, Field(ge=0, le=255)] | None = option(
        None, "The value in masks that is no class; 255 by default."
    )
    noise: Annotated[float, Field(ge=0, le=1)] = option(
        0.0, "Added to pictures that a net is to give back: 0.2"
    )


@dataclass(frozen=True, slots=True)
class PictureChoice:
    """How pictures are prepared, where that is said by hand (`cnndsl.preprocessing`)."""

    scale: Positive | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    order: Order | None = None
    resize: Count | None = None
    crop: Crop | None = None
    interpolation: Interpolation | None = None

    def given(self) -> dict[str, Any]:
        """The fields that are said, by their names."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class TrainingChoice:
    """How long, in what portions, with what beside the optimiser.

    Without a learning rate the default recipe chooses one for the net.
    """

    epochs: Count = option(10, "How often all examples are seen.")
    batch: Count = option(64, "Examples at a time.")
    accumulate: Count = option(1, "So many batches make a step.")
    learning_rate: Positive | None = option(None, "Learning rate (peak).", flag="lr")
    warm_up: Annotated[float, Field(ge=0, le=MOST)] = option(0.0, "Epochs of rising rate.")
    clip: Positive | None = option(None, "Gradients' norm.")
    average: Part | None = option(None, "Average the weights: 0.999", flag="ema")
    label_smoothing: Part = option(0.0, "0.1 is usual.")
    class_weights: str = option("none", "none, balanced, or a number a class.")
    layer_decay: Annotated[float, Field(gt=0, le=1)] | None = option(None, "Rate by depth: 0.8")
    seed: Annotated[int, Field(ge=0)] = option(0, "Of everything that is drawn.")
    patience: Annotated[int, Field(ge=0, le=MOST)] | None = option(
        None, "Stop without a better epoch."
    )
    time_limit: Positive | None = option(
        None, "Stop after so long, with an evaluation.", metavar="10m", seconds=True
    )
    checkpoint_every: Positive | None = option(
        None, "By default 30 s, and after epochs.", metavar="1m", seconds=True
    )
    device: Literal["cpu", "cuda"] = option("cpu")
    precision: Precision = option(
        "float32", "What convolutions and products of matrices compute in."
    )
    threads: Annotated[int, Field(ge=1, le=1024)] | None = option(None, "By default all cores.")
    deterministic: bool = option(False, "One thread: bits don't depend on the cores.")
    autotune: bool = option(False, "Measure forms of convolutions, and remember.")


@dataclass(frozen=True, slots=True)
class TransferChoice:
    """How a net for new data is made out of a trained one (`cnndsl transfer`)."""

    strategy: Strategy = "full"
    head: HeadKind = "linear"
    at: str | None = None
    pool: Pool = "mean"
