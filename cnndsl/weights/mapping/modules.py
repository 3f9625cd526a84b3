"""A file's tensors, put together by the layer that they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cnndsl.weights.formats.keras_names import EITHER
from cnndsl.weights.mapping.places import Kind
from cnndsl.weights.tensors import FileFormat, Layer, Tensor, TensorFile

WRAPPERS = "module", "_orig_mod", "model", "net", "network", "state_dict", "params"
"""What PyTorch's wrappers, and habits, put in front of every name."""

ROLES = {
    **dict.fromkeys(("depthwise_kernel", "pointwise_kernel", "kernel"), "weight"),
    **dict.fromkeys(("weight", "gamma", "w"), "weight"),
    **dict.fromkeys(("beta", "bias", "b"), "bias"),
    EITHER: EITHER,
    **dict.fromkeys(("running_mean", "moving_mean", "mean"), "running_mean"),
    **dict.fromkeys(("running_variance", "moving_variance", "variance"), "running_var"),
    **dict.fromkeys(("running_var", "moving_var", "var"), "running_var"),
}
"""What tools call the tensors of a layer → what they are called here."""

_KNOWN = set(ROLES.values())
_NESTED: tuple[FileFormat, ...] = ("PyTorch", "safetensors", "NumPy")
"""Formats whose names may be a state dict's."""

COUNTERS = "num_batches_tracked"
"""How often PyTorch updated a running average: of no use with a fixed share."""

_COUNTS = ("total_ops", "total_params", "n_averaged", "best_acc1", "best_acc", "epoch", "step")
_OBSERVERS = ("zero_point", "eps", "min_val", "max_val", "fake_quant_enabled", "observer_enabled")
_PIXELS = ("pixel_mean", "pixel_std")
"""Buffers that profilers, averages, observers and detectors put among the layers' tensors."""

_SLOPES = "/alpha"
"""Keras' PReLU; elsewhere an alpha may be any number."""

_FILTERS = ("weight", "kernel", "w", "W")
"""What filters may be called that have one axis longer than 1; others are a number a channel."""

_DEPTHWISE, POINTWISE = "depthwise_kernel", "pointwise_kernel"
_OPTIMISER = re.compile(r"(?i)(optimizer|optimiser|optim)\b.*|optimizer_weights.*")
_TRAINING = re.compile(r"(?i)aux.*|.*[./]aux.*")
_STEM = re.compile(r"(?:stem|conv_?stem|conv[01]|bn[01]|norm[01])(?:[./_].*)?")
_HEAD = re.compile(r"(?:head|fc|classifier|linear|logits|predictions|output)(?:[./_].*|\d*)")
_NAME = re.compile(
    rf"(?:(?P<layer>.*?)[./_])?(?P<role>(?i:{'|'.join(sorted(ROLES, key=len, reverse=True))}))"
    r"(?:_\d+|:\d+)?",
    re.DOTALL,
)


@dataclass(slots=True)
class Module:
    """A layer of the file: its name without wrappers, its tensors by our names for them, and what
    the file's graph says of it, where there is one. `block` is the prefix of the layers among which
    it stands somewhere: PyTorch lists what a module holds itself before the layers in it.
    """

    name: str
    parts: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    said: Layer | None = None
    block: str | None = None

    @property
    def kind(self) -> Kind:
        """Which sequence of the net's layers it is compared with."""
        weight = self.parts.get("weight")
        if weight is None or len(weight.shape) < 2 or weight.name.endswith(_SLOPES):
            return "norm"
        vector = weight.size == max(weight.shape) and not weight.name.endswith(_FILTERS)
        return "norm" if vector else "product"

    @property
    def turned(self) -> bool:
        """Whether its weights are (inputs, outputs)."""
        return self.said is not None and self.said.turned

    @property
    def training(self) -> bool:
        """Whether it belongs to a side chain that only training has, by its name."""
        return bool(_TRAINING.fullmatch(self.name))


def modules_in(file: TensorFile) -> tuple[list[Module], list[Tensor]]:
    """The file's layers in its order, and the tensors that are no layer's: an optimiser's state,
    numbers that a graph computes with.

    Counters of batches, and strays, are left out of both.
    """
    kept = {
        n: t for n, t in file.tensors.items() if not n.endswith(COUNTERS) and not is_stray(n, file)
    }
    others = [t for n, t in kept.items() if _OPTIMISER.fullmatch(n)]
    names = [n for n in kept if not _OPTIMISER.fullmatch(n)]
    start = _wrapping(names)
    found: dict[str, Module] = {}
    for layer in file.layers:
        parts = {role: kept[name] for role, name in layer.parts.items() if name in kept}
        if weight := parts.get("weight"):
            name = layer_of(weight.name)[start:] or weight.name
            found[weight.name] = Module(name, parts, layer)
    used = {t.name for module in found.values() for t in module.parts.values()}
    names = [n for n in names if n not in used]
    if file.layers:  # what else the graph computes with are parameters only by their names
        others += [kept[n] for n in names if _split(n)[1] is None]
        names = [n for n in names if _split(n)[1] is not None]
    _by_names(names, start, kept, found, others, file.format in _NESTED and not file.layers)
    return list(found.values()), others


def _by_names(
    names: Sequence[str],
    start: int,
    tensors: Mapping[str, Tensor],
    found: dict[str, Module],
    others: list[Tensor],
    nested: bool,
) -> None:
    """Put tensors together whose names begin alike, behind their first `start` characters.

    `nested` is whether dots in names stand for modules in modules.
    """
    shorts = {name[start:] for name in names}
    blocks = _blocks(shorts) if nested else set[str]()
    last: Module | None = None
    for name in names:
        tensor, short = tensors[name], name[start:]
        path, _, word = short.rpartition(".")
        layer, role = _split(short)
        if short.removesuffix(_DEPTHWISE) + POINTWISE in shorts:
            layer = short  # a separable convolution is two layers of ours
        elif path in blocks and word not in ROLES:
            layer, role = short, "weight"  # a parameter of its own, among the block's layers
        if role is None:
            last = _nameless(short, tensor, last, found)
            continue
        block = path if path in blocks else None
        last = found.setdefault(layer, Module(layer or short, block=block))
        if role in last.parts:
            others.append(tensor)
        else:
            last.parts[role] = tensor
    for module in found.values():
        if len(module.parts) == 1 and not module.parts.keys() & _KNOWN:
            module.parts = dict.fromkeys(["weight"], *module.parts.values())


def _blocks(names: Iterable[str]) -> set[str]:
    """What the names of layers begin with up to a dot; all of them with nothing."""
    found: set[str] = set()
    for name in names:
        path = name.rpartition(".")[0]
        while path and (path := path.rpartition(".")[0]) not in found:
            found.add(path)
    return found


def is_stray(name: str, file: TensorFile) -> bool:
    """Whether a tensor is no layer's, by its name and its shape: a profiler's count, how many
    models an average is of, an observer's range, how a detector prepares pictures.
    """
    path, _, last = name.rpartition(".")
    size = file.tensors[name].size
    if last == "scale" and size <= 1:
        return f"{path}.zero_point" in file.tensors
    most = {**dict.fromkeys((*_COUNTS, *_OBSERVERS), 1), **dict.fromkeys(_PIXELS, 4)}
    return last in most and size <= most[last]


def layer_of(name: str) -> str:
    """What the names of a layer's tensors begin with."""
    return _split(name)[0]


def stripped(names: Iterable[str]) -> dict[str, str]:
    """A file's names by what they are without what wraps them all."""
    names = list(names)
    start = _wrapping([n for n in names if not _OPTIMISER.fullmatch(n)])
    return {name[start:]: name for name in names}


def natural(text: str) -> tuple[tuple[str, int], ...]:
    """A key that sorts the digits in a name by their value: `conv`, `conv2`, `conv10`."""
    return tuple((word, int(number or -1)) for word, number in re.findall(r"(\D*)(\d*)", text))


def by_numbers(name: str) -> tuple[int, tuple[tuple[str, int], ...]]:
    """A key for layers whose names alone are known: stem first, head last, others by number."""
    place = 0 if _STEM.fullmatch(name) else 2 if _HEAD.fullmatch(name) else 1
    return place, natural(name)


def sorting_key(module: Module) -> tuple[object, ...]:
    """The key of its name; what a block holds itself comes first in it, as in a state dict."""
    if module.block is None:
        return by_numbers(module.name)
    block = by_numbers(f"{module.block}.") if module.block else (-1, ())
    return (*block, natural(module.name))


def _wrapping(names: list[str]) -> int:
    """How many characters all names begin with that are a wrapper's."""
    start = 0
    while names:
        wrapper = next((w for w in WRAPPERS if names[0].startswith(f"{w}.", start)), None)
        if wrapper is None or not all(n.startswith(f"{wrapper}.", start) for n in names):
            break
        start += len(wrapper) + 1
    return start


def _split(name: str) -> tuple[str, str | None]:
    """The layer's name and the role in it; None where the name says no role."""
    if known := _NAME.fullmatch(name):
        return known["layer"] or "", ROLES[known["role"].lower()]
    if name.endswith(_SLOPES):
        return name.removesuffix(_SLOPES), "weight"
    layer, dot, role = name.rpartition(".")
    return (layer, role) if dot else (name, None)


def _nameless(
    name: str, tensor: Tensor, last: Module | None, found: dict[str, Module]
) -> Module | None:
    """A tensor whose name says nothing: filters begin a layer, a vector behind them is its bias."""
    if last and len(tensor.shape) == 1 and last.kind == "product" and "bias" not in last.parts:
        last.parts["bias"] = tensor
        return last
    found[name] = Module(name, {"weight": tensor})
    return found[name]
