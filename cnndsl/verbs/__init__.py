"""The public verbs, which the command line merely calls: `parse`, `lint`, `analyse`, `compile`,
`run`, `train`, `resume`, `search`, `transfer`, `runs`, `cut`, `features`, `look` and `sample`; and
callbacks of a training.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cnndsl.diagnostics import UsageError
from cnndsl.files import PREFIX
from cnndsl.specs import find, load
from cnndsl.training.callbacks import Callback
from cnndsl.training.tensorboard import TensorBoard
from cnndsl.verbs.learning import resume, runs, search, train, transfer
from cnndsl.verbs.looking import look

if TYPE_CHECKING:
    from cnndsl.analyse import Analysis
    from cnndsl.data.dataset import DataSet
    from cnndsl.diagnostics import Diagnostic
    from cnndsl.emit import Emitted, Progress
    from cnndsl.lower import Lowered
    from cnndsl.network import Network
    from cnndsl.preprocessing import Preprocessing
    from cnndsl.runtime import Inputs, Model, Results
    from cnndsl.shape import Shape
    from cnndsl.surgery.attribution import Attribution
    from cnndsl.training.options import Pool
    from cnndsl.transfer.features import Features
    from cnndsl.transfer.sampling import Generated
    from cnndsl.weights import Mapping as WeightMapping

Spec = str | Path

__all__ = [
    "Callback",
    "TensorBoard",
    "analyse",
    "compile",
    "cut",
    "features",
    "lint",
    "look",
    "parse",
    "resume",
    "run",
    "runs",
    "sample",
    "search",
    "train",
    "transfer",
]


def parse(
    spec: Spec,
    *,
    settings: Mapping[str, int | float | str] | None = None,
    input_shapes: Mapping[str, Shape] | None = None,
) -> Network:
    """The network that a spec describes, every shape known.

    `spec` is a path, a zoo name, or the text itself (anything with a line break). `settings`
    override the net's parameters, `input_shapes` its inputs' shapes (without the batch). Raises
    SpecError with every diagnostic, UsageError where the file can't be read.
    """
    return load(spec, settings, input_shapes)[0]


def lint(
    spec: Spec,
    *,
    settings: Mapping[str, int | float | str] | None = None,
    input_shapes: Mapping[str, Shape] | None = None,
) -> list[Diagnostic]:
    """Say what is wrong with a spec, or, where nothing is, its warnings and advice about it.

    `spec`, `settings` and `input_shapes` are as for `parse`. Each diagnostic has a `code`, a
    `severity` ("error", "warning", "advice"), a `message`, a `span` in the text, a `help`, and the
    `edits` that mend it without changing the net, if any. Raises UsageError where the file can't
    be read.
    """
    from cnndsl.linting import lint as lint_source

    return lint_source(find(spec), settings, input_shapes)


def analyse(spec: Spec | Network) -> Analysis:
    """Parameters, MACs, FLOPs, bytes and receptive fields of every layer, for one example.

    Conventions are stated in `cnndsl.analyse`. Raises as `parse` does.
    """
    from cnndsl.analyse import analyse as analyse_network

    return analyse_network(_network(spec))


def compile(
    spec: Spec | Network,
    path: Spec,
    *,
    weights: Spec | WeightMapping | None = None,
    allow_missing: Sequence[str] = (),
    init: str = "auto",
    seed: int = 0,
    batch: int | None = None,
    external: bool = False,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    attribution: str | Attribution | None = None,
    progress: Progress | None = None,
) -> Emitted:
    """Write a spec as an ONNX model: float32, NCHW, opset 17 or 18, names from the spec.

    `weights` is a file of any format, a known name ("resnet50"), what `cnndsl.weights.load` gave,
    or "none" for the graph alone; a file's preprocessing and labels go along, unless others are
    given. None draws weights by the rule `init` ("auto", "he", "glorot", "lecun", "zeros") from
    `seed`, the same bits everywhere, as are those that a file may lack (`allow_missing`). The batch
    is open unless `batch` fixes it; `external` puts weights beside the model, as beyond 2 GiB.
    `attribution` ("cam", "cam=LAYER", "saliency", "guided") adds a heat map as an output. Raises as
    `parse` does, UsageError where weights don't fit, OSError as the file system does.
    """
    from cnndsl.emit import emit
    from cnndsl.lower import lower
    from cnndsl.weights import initial_weights

    network = _network(spec)
    values = initial_weights(network, init, seed)
    if weights is not None and weights != "none":
        loaded = _loaded(network, weights, allow_missing)
        values = loaded.weights(values)
        preprocessing = preprocessing or loaded.file.preprocessing
        labels = loaded.labels_for(network) if labels is None else labels
    lowered = lower(network, batch)

    def write(path: Path) -> Emitted:
        return emit(
            lowered,
            path,
            weights=None if weights == "none" else values,
            metadata=_metadata(network, labels, preprocessing),
            external=external,
            producer_version=version("cnndsl"),
            progress=progress,
        )

    if attribution is None:
        return write(Path(path))
    if weights == "none" or external:
        raise UsageError("a heat map needs the weights inside: drop `none` and `external`")
    with TemporaryDirectory(prefix=PREFIX) as folder:
        whole = write(Path(folder) / network.name)
        return _write_attributed(whole.path, Path(path), _at(network, lowered, attribution))


def run(
    model: Spec,
    inputs: Inputs,
    *,
    device: str = "cpu",
    batch: int | None = None,
    threads: int | None = None,
    preprocessing: Preprocessing | None = None,
    weights: Spec | WeightMapping | None = None,
) -> Results:
    """Run a model (.onnx, or a spec with `weights` as for `compile`) on images or arrays.

    See `cnndsl.runtime.run` for what the inputs may be and what comes back.
    """
    from cnndsl.runtime import open_model
    from cnndsl.runtime import run as run_model

    opened: Spec | Model = model
    if weights is not None:
        network = _network(model)
        loaded = _loaded(network, weights)
        opened = open_model(network, device=device, threads=threads, weights=loaded)
    return run_model(
        opened,
        inputs,
        device=device,
        batch=batch,
        threads=threads,
        preprocessing=preprocessing,
    )


def cut(
    model: Spec | Network,
    at: str | Sequence[str],
    path: Spec,
    *,
    start: str | None = None,
    weights: Spec | None = None,
    seed: int = 0,
    preprocessing: Preprocessing | None = None,
    attribution: str | Attribution | None = None,
    size: tuple[int, int] | None = None,
) -> Emitted:
    """Write a model's part up to the values `at` as a model of its own; or, with `start`, the part
    behind that value, up to the model's outputs where `at` is empty.

    With an `attribution`, as `compile` takes it, a heat map is one of its outputs; where `at` is
    empty, then, the whole model is kept. It is for pictures of one `size`, height and width, where
    an .onnx leaves that open.

    `model` is a spec, whose values are called by steps, labels or blocks, or an .onnx file (values
    or nodes). `weights` are a spec's, drawn from `seed` where there are none; an .onnx keeps its
    own, and all its metadata but the labels. Raises as `compile` does.
    """
    from cnndsl.emit import Emitted, emit
    from cnndsl.looking.subject import open_subject
    from cnndsl.lower import lower
    from cnndsl.runtime.model import is_spec
    from cnndsl.surgery import cut as cut_network
    from cnndsl.surgery import unneeded
    from cnndsl.surgery.models import cut_file
    from cnndsl.training.folder import of_run
    from cnndsl.weights import initial_weights

    names, path = (at,) if isinstance(at, str) else tuple(at), Path(path)
    if isinstance(model, str | Path):
        model, weights = of_run(model, weights)
    if isinstance(model, str | Path) and not is_spec(model):
        if weights is not None:
            raise UsageError(f"`{model}` has weights of its own, so it takes no others")
        if attribution is not None:
            with open_subject(model) as subject:  # what can't run isn't read any further
                sizes = replace(subject, size=size).open_sizes
            return _write_attributed(Path(model), path, attribution, names, preprocessing, sizes)
        return Emitted(path, *cut_file(Path(model), names, path, preprocessing, start))
    network = _network(model)
    if attribution is not None:
        lowered = lower(network)
        with TemporaryDirectory(prefix=PREFIX) as folder:
            whole = Path(folder) / network.name
            compile(network, whole, weights=weights, seed=seed)
            values = [_value(network, lowered, name) for name in names]
            attribution = _at(network, lowered, attribution)
            return _write_attributed(whole, path, attribution, values, preprocessing)
    part = cut_network(network, *names, start=start)
    values = initial_weights(network, "auto", seed)
    if weights is not None:
        loaded = _loaded(network, weights, unneeded(network, part))
        values = loaded.weights()
        preprocessing = preprocessing or (None if start else loaded.file.preprocessing)
    return emit(
        lower(part),
        path,
        weights=values,
        metadata=_metadata(part, None, preprocessing),
        producer_version=version("cnndsl"),
    )


def features(
    model: Spec | Network,
    data: Spec | DataSet,
    at: str | Sequence[str] = (),
    *,
    weights: Spec | None = None,
    seed: int = 0,
    splits: Sequence[str] | None = None,
    keep_maps: bool = False,
    pool: Pool = "mean",
    preprocessing: Preprocessing | None = None,
    device: str = "cpu",
    batch: int | None = None,
    threads: int | None = None,
) -> Features:
    """What a model makes of every picture of a data set, at the values `at` or before its head.

    `model` is an .onnx file, a run's folder or a spec with a file of `weights`. Maps become vectors
    as `pool` says (all values, their mean or maximum) unless `keep_maps`. See
    `cnndsl.transfer.features` for what comes back. Raises UsageError, SpecError.
    """
    from cnndsl.data.dataset import DataSet
    from cnndsl.data.opening import open_data
    from cnndsl.runtime.pictures import picture_input
    from cnndsl.training.folder import of_run
    from cnndsl.transfer.extractors import open_extractor
    from cnndsl.transfer.features import extract

    names = (at,) if isinstance(at, str) else tuple(at)
    if isinstance(model, str | Path):
        model, weights = of_run(model, weights)
    opened = open_extractor(
        model, names, weights=weights, seed=seed, device=device, threads=threads
    )
    picture = picture_input(opened.model, preprocessing or opened.preprocessing or opened.usual)
    found = data if isinstance(data, DataSet) else open_data(data, seed=seed)
    return extract(
        opened, found, picture, splits=splits, keep_maps=keep_maps, pool=pool, batch=batch
    )


def sample(
    model: Spec,
    count: int | None = None,
    *,
    between: tuple[Spec, Spec] | None = None,
    walk: bool = False,
    at: str | None = None,
    weights: Spec | None = None,
    seed: int = 0,
) -> Generated:
    """Make pictures of codes with a trained autoencoder.

    `model` is a run's folder, an .onnx file, or a spec with a file of `weights`; its code is what
    its `sample` layer draws, or the value `at`. `count` codes (64) are drawn from the standard
    normal distribution by the `seed`; or, with `between`, `count` steps (8) lead from the code of
    one picture to that of another; or, with `walk`, one number of the code at a time goes from -3
    to 3 in `count` steps (8). See `cnndsl.transfer.sampling` for what comes back. Raises
    UsageError, SpecError.
    """
    from cnndsl.transfer.sampling import STEPS, Decoder

    if between and walk:
        raise UsageError("--between and --walk are two ways to choose codes: take one")
    decoder = Decoder(model, weights, at)
    if between:
        return decoder.between(*between, count or STEPS)
    return decoder.walk(count or STEPS) if walk else decoder.draw(count or 64, seed)


def _write_attributed(
    source: Path,
    path: Path,
    attribution: str | Attribution,
    at: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
    sizes: Mapping[str, Sequence[int]] | None = None,
) -> Emitted:
    """A model with a heat map; where `at` names values, with these instead of its own outputs."""
    from cnndsl.emit import Emitted
    from cnndsl.surgery.attribution import Attribution, attributed
    from cnndsl.surgery.models import cut_model, write_with

    if isinstance(attribution, str):
        attribution = Attribution.read(attribution)
    made = attributed(source, attribution, sizes)
    if at:
        made, _ = cut_model(made, *at, attribution.method)
    return Emitted(path, *write_with(made, path, preprocessing))


def _at(network: Network, lowered: Lowered, attribution: str | Attribution) -> Attribution:
    """The layer by its value's name in the model that the network becomes."""
    from cnndsl.surgery.attribution import Attribution

    if isinstance(attribution, str):
        attribution = Attribution.read(attribution)
    if attribution.at is None:
        return attribution
    return replace(attribution, at=_value(network, lowered, attribution.at))


def _value(network: Network, lowered: Lowered, name: str) -> str:
    from cnndsl.surgery import value_at

    return str(lowered.values[value_at(network, name)].name)


def _loaded(
    network: Network, weights: Spec | WeightMapping, allow_missing: Sequence[str] = ()
) -> WeightMapping:
    """Weights in their places in a net."""
    from cnndsl.weights import load as load_weights

    if isinstance(weights, str | Path):
        return load_weights(network, weights, allow_missing=allow_missing)
    return weights


def _network(spec: Spec | Network) -> Network:
    return load(spec)[0] if isinstance(spec, str | Path) else spec


def _metadata(
    network: Network, labels: Sequence[str] | None, preprocessing: Preprocessing | None
) -> dict[str, str]:
    """What the model says about itself: language, tool, spec, labels, preprocessing.

    The spec's hash finds the file; the network's covers used files, settings and input shapes too.
    """
    from cnndsl.show.flat import flat

    text = network.inputs[0].origin.span.source.text
    metadata = {
        "cnndsl.language": "1",
        "cnndsl.version": version("cnndsl"),
        "cnndsl.spec_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "cnndsl.network_sha256": hashlib.sha256(flat(network).encode()).hexdigest(),
        "cnndsl.settings": json.dumps(dict(network.settings)),
    }
    if labels is not None:
        metadata["cnndsl.labels"] = json.dumps(list(labels), ensure_ascii=False)
    if preprocessing is not None:
        metadata["cnndsl.preprocessing"] = preprocessing.to_json()
    return metadata
