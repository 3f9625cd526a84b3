"""Models that give what a net makes on the way instead of its classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from cnndsl.diagnostics import UsageError
from cnndsl.emit import emit
from cnndsl.files import PREFIX
from cnndsl.graphs.files import read_model, write_model
from cnndsl.lower import lower
from cnndsl.network import Network
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.model import Model, is_spec, open_model
from cnndsl.runtime.pictures import usual_preprocessing
from cnndsl.specs import load
from cnndsl.surgery import cut, split_head, unneeded, value_at
from cnndsl.surgery.models import cut_model, model_head
from cnndsl.weights import Weights, initial_weights
from cnndsl.weights import load as load_weights


@dataclass(frozen=True, slots=True)
class Extractor:
    """An open model whose outputs are features.

    outputs: for each value that was asked for, by the name it was asked by, the model's output.
    flat: those that the classifier takes value for value; of other maps `pool` makes vectors.
    preprocessing: the one that belongs to the weights, None where they don't say. usual: what is
    taken then, None where there is nothing usual.
    """

    model: Model
    outputs: Mapping[str, str]
    flat: frozenset[str]
    preprocessing: Preprocessing | None
    usual: Preprocessing | None


def open_extractor(
    model: str | Path | Network,
    at: Sequence[str] = (),
    *,
    weights: str | Path | None = None,
    seed: int = 0,
    device: str = "cpu",
    threads: int | None = None,
) -> Extractor:
    """A spec, zoo name, network or .onnx file up to the values `at`, by default up to its head.

    `weights` is a file of weights for a spec, or a known name; without one they are drawn from
    `seed`. Raises UsageError, SpecError where a spec has mistakes.
    """
    if not isinstance(model, Network):
        if not is_spec(model):
            if weights is not None:
                raise UsageError(f"`{model}` has weights of its own, so it takes no others")
            return model_extractor(Path(model), at, device=device, threads=threads)
        model = load(model)[0]
    if weights is None:
        drawn = initial_weights(model, "auto", seed)
        return network_extractor(model, drawn, at, device=device, threads=threads)
    part = cut(model, *(at or (split_head(model).features,)))
    found = load_weights(model, weights, allow_missing=unneeded(model, part))
    made = network_extractor(model, found.weights(), at, device=device, threads=threads)
    return replace(made, preprocessing=found.file.preprocessing)


def network_extractor(
    network: Network,
    weights: Weights,
    at: Sequence[str] = (),
    *,
    device: str = "cpu",
    threads: int | None = None,
) -> Extractor:
    """A network up to the values `at`, by default up to its head. Raises UsageError."""
    flat = frozenset[str]()
    if not at:
        head = split_head(network)
        at = (head.features,)
        flat = frozenset(() if head.pooled else at)
    with TemporaryDirectory(prefix=PREFIX) as folder:
        path = Path(folder) / "model.onnx"
        emit(lower(cut(network, *at)), path, weights=weights, metadata={})
        model = open_model(path, device=device, threads=threads)
    values = {name: value_at(network, name) for name in at}
    ports = dict(zip(dict.fromkeys(values.values()), model.outputs, strict=True))
    outputs = {name: ports[value].name for name, value in values.items()}
    classes = network.shapes[network.outputs[0]]
    usual = usual_preprocessing(model, [(1, classes.channels, *classes.space)])
    return Extractor(model, outputs, flat, None, usual)


def model_extractor(
    path: Path, at: Sequence[str] = (), *, device: str = "cpu", threads: int | None = None
) -> Extractor:
    """A model up to the values or nodes `at`, by default up to its head. Raises UsageError."""
    whole = read_model(path)
    flat = frozenset[str]()
    if not at:
        head = model_head(whole)
        at = (head.features,)
        flat = frozenset(() if head.pooled else at)
    made, values = cut_model(whole, *at)
    with TemporaryDirectory(prefix=PREFIX) as folder:
        cut_path = Path(folder) / path.name
        write_model(made, cut_path)
        model = open_model(cut_path, device=device, threads=threads)
    outputs = dict(zip(at, values, strict=True))
    shapes = [
        [dim.dim_value for dim in output.type.tensor_type.shape.dim]
        for output in whole.graph.output
    ]
    return Extractor(model, outputs, flat, model.preprocessing, usual_preprocessing(model, shapes))
