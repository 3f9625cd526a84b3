"""A model that is open for running: its inputs and outputs, and what it says about itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.files import PREFIX
from cnndsl.network import Network
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.session import Array, Node, Session, open_session, run_session
from cnndsl.specs import SUFFIX, find, load
from cnndsl.weights.metadata import labels_in_metadata, preprocessing_in_metadata

if TYPE_CHECKING:
    from cnndsl.weights import Mapping as WeightMapping

NUMPY_TYPES = {
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
    **{
        f"tensor({sign}int{bits})": f"{sign}int{bits}"
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}
"""What ONNX Runtime calls the tensors that numpy has a type for."""


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output: its name, its sizes with the batch first (a name where a size is open),
    and numpy's name for its type, "" where numpy has none.
    """

    name: str
    dims: tuple[int | str, ...]
    type: str

    @property
    def batch(self) -> int | None:
        """The number of examples that the model takes at a time; None where it is open."""
        return self.dims[0] if self.dims and isinstance(self.dims[0], int) else None

    def describe(self) -> str:
        """`Nx3x224x224`."""
        return "x".join(map(str, self.dims)) or "one number"


@dataclass(frozen=True, slots=True)
class Model:
    """An open session; `fresh` is whether it has random weights, drawn a moment ago.

    `preprocessing` and `labels` are those in the model's metadata, None where it has none.
    `targets` is what it learnt to answer with (`cnndsl.data.targets`), classes where it says
    nothing.
    """

    name: str
    session: Session
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    preprocessing: Preprocessing | None = None
    labels: tuple[str, ...] | None = None
    fresh: bool = False
    targets: str = "classes"

    @property
    def batch(self) -> int | None:
        """The batch that its inputs fix; None where it is open."""
        return next((port.batch for port in self.inputs if port.batch is not None), None)

    @property
    def device(self) -> str:
        """Where it runs: "cuda" or "cpu"."""
        return "cuda" if "CUDAExecutionProvider" in self.session.get_providers() else "cpu"

    def choose(self, names: tuple[str, ...] = ()) -> tuple[Port, ...]:
        """The outputs of those names, or all. Raises UsageError for others and for no tensors."""
        by_name = {port.name: port for port in self.outputs}
        for name in names:
            if name not in by_name:
                hint = did_you_mean(name, by_name, f"it has {listed(self.outputs)}")
                raise UsageError(f"{self.name} has no output `{name}`; {hint}")
        chosen = tuple(by_name[name] for name in dict.fromkeys(names)) or self.outputs
        for port in chosen:
            if not port.type:
                raise UsageError(f"output `{port.name}` is no tensor of numbers; choose others")
        return chosen

    def __call__(self, feeds: Mapping[str, Array], outputs: tuple[Port, ...]) -> dict[str, Array]:
        """Run once. Raises UsageError where the model fails on the feeds."""
        try:
            return run_session(self.session, [port.name for port in outputs], feeds)
        except UsageError as e:
            sizes = {d for port in self.inputs for d in port.dims[2:] if isinstance(d, str)}
            if not sizes:
                raise
            hint = f"the sizes that it leaves open ({', '.join(sorted(sizes))}) must suit it"
            raise UsageError(f"{e}; {hint}: pictures get another by --size") from None


def open_model(
    model: str | Path | bytes | Network,
    *,
    device: str = "cpu",
    threads: int | None = None,
    seed: int = 0,
    weights: WeightMapping | None = None,
) -> Model:
    """Open an .onnx file, an ONNX model in memory, a spec (its path or zoo name), or a network.

    A spec or a network is compiled, with `weights` from a file (and the preprocessing and labels
    that belong to them), or drawn from `seed`. Raises UsageError where the
    model can't be found, read or loaded, SpecError where a spec has mistakes.
    """
    if isinstance(model, bytes):
        return _describe("the model", open_session(model, device=device, threads=threads))
    if not isinstance(model, Network):
        if not is_spec(model):
            session = open_session(Path(model), device=device, threads=threads)
            return _describe(f"`{model}`", session)
        model = load(find(model))[0]
    with TemporaryDirectory(prefix=PREFIX) as folder:
        path = Path(folder) / "model.onnx"
        write_network(model, path, seed, weights)
        session = open_session(path, device=device, threads=threads)
    fresh = weights is None and any(
        step.layer.parameters(*model.input_shapes(step)) for step in model.steps
    )
    return _describe(f"`{model.name}`", session, fresh=fresh)


def is_spec(model: str | Path) -> bool:
    """Whether it names a spec rather than an .onnx file. Raises UsageError for a folder, and where
    a file of another kind is missing.
    """
    path = Path(model)
    if path.is_dir():
        raise UsageError(f"`{model}` is a folder; a model is an .onnx file, a spec or a zoo name")
    if path.suffix != SUFFIX and path.suffix and not path.is_file():
        raise UsageError(f"there is no file `{model}`")
    return path.suffix == SUFFIX or not path.is_file()


def write_network(
    network: Network, path: Path, seed: int = 0, weights: WeightMapping | None = None
) -> None:
    """Write a network as an .onnx file, as `open_model` opens it. Raises UsageError, OSError."""
    from cnndsl.emit import emit
    from cnndsl.lower import lower
    from cnndsl.weights import initial_weights

    drawn = initial_weights(network, "auto", seed)
    values = weights.weights(drawn) if weights else drawn
    metadata = weights.metadata(network) if weights else {}
    emit(lower(network), path, weights=values, metadata=metadata)


def _describe(name: str, session: Session, *, fresh: bool = False) -> Model:
    try:
        metadata = session.get_modelmeta().custom_metadata_map
        inputs = tuple(map(_port, session.get_inputs()))
        outputs = tuple(map(_port, session.get_outputs()))
    except UnicodeDecodeError:
        raise UsageError(f"{name} has names that are no text: it is damaged") from None
    return Model(
        name,
        session,
        inputs,
        outputs,
        _preprocessing(name, metadata),
        labels_in_metadata(metadata),
        fresh,
        metadata.get("cnndsl.targets", "classes"),
    )


def _port(node: Node) -> Port:
    dims = tuple("?" if d is None or d == "" else d for d in node.shape)
    return Port(node.name, dims, NUMPY_TYPES.get(node.type, ""))


def _preprocessing(name: str, metadata: Mapping[str, str]) -> Preprocessing | None:
    """What the model's metadata say: in cnndsl's own words, or in those of ONNX's standard."""
    try:
        return preprocessing_in_metadata(metadata)
    except ValueError as e:
        raise UsageError(f"in the metadata of {name}: {e}") from None


def listed(ports: Iterable[Port], most: int = 6) -> str:
    """The names of the first ports, for a message."""
    names = [f"`{port.name}`" for port in ports]
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
