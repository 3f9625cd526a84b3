"""Keras' weights in HDF5: whole models (.h5) and weights alone (.h5, .weights.h5), of all versions.

| file | layers | variables |
|---|---|---|
| .h5 | a group each, in the order of `layer_names` | in the order of `weight_names` |
| .weights.h5 of Keras 3, also in a .keras | groups with a group `vars` in them | by number in it |

Names are made plain: the layer's and the variable's, as `block1_conv1/kernel`, with the name of an
inner model before them. The order is the model's; a .weights.h5 by itself tells it for layers of
one kind alone, which stand together then. The state of optimisers, metrics and random numbers is
left aside.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from cnndsl.weights.formats.hdf5 import File, Node
from cnndsl.weights.formats.hdf5_values import shape_of, stored
from cnndsl.weights.formats.keras_config import Configuration, read_configuration
from cnndsl.weights.formats.keras_names import plain_names, variable_names
from cnndsl.weights.formats.keras_pixels import Learned, preparation, unplaced
from cnndsl.weights.tensors import DamagedError, Tensor, TensorFile

MOST_CHANNELS = 64  # of a picture
MOST_LEVELS = 32  # of groups in groups
_STATE = ("optimizer", "metrics", "compile_metrics", "_metrics", "loss", "_loss_tracker")
"""Groups beside a model's layers."""

_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""Groups without a name of their own; Keras 2.13 has the second."""
_SEEDS = "seed_generator"  # of layers that drop values

_Opened = Callable[[], File]


def open_file(path: Path) -> TensorFile:
    """List the tensors. Raises DamagedError."""
    size = path.stat().st_size

    def read(begin: int, end: int) -> bytes:
        with path.open("rb") as file:
            file.seek(begin)
            return file.read(end - begin)

    return tensor_file(path, partial(File, read, size))


def tensor_file(
    path: Path, opened: _Opened, configuration: Configuration | None = None
) -> TensorFile:
    """The weights in an HDF5 file, which is opened anew for each. Raises DamagedError.

    Without a configuration that of a whole model is read.
    """
    root = opened().root()
    if configuration is None:
        written = root.texts.get("model_config")
        configuration = read_configuration(written[0]) if written else Configuration()
    listed = root.member("model_weights") or root
    if _texts(listed, "layer_names") is not None:
        found = list(_by_lists(listed, opened))
    else:
        order = {layer.name: number for number, layer in enumerate(configuration.layers)}
        found = sorted(
            _by_groups(root, "", opened, configuration),
            key=lambda tensor: order.get(tensor.name.rpartition("/")[0], len(order)),
        )
    tensors = _by_name(found)
    learned = _learned(tensors)
    if configuration.layers:
        how, notes = preparation(configuration.layers, learned, configuration.forked)
    else:
        how, notes = None, unplaced(learned)
    return TensorFile(
        path,
        "Keras",
        tensors,
        how,
        notes=(*configuration.notes, *notes),
        epsilons=configuration.epsilons,
        slides=configuration.slides,
        turns=configuration.turns,
    )


def _by_name(found: Iterable[Tensor]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for one in found:
        if one.name in tensors:
            raise DamagedError(f"has two tensors called `{one.name[:80]}`")
        tensors[one.name] = one
    return tensors


def _learned(tensors: dict[str, Tensor]) -> Learned:
    """Take out what Normalization layers learned of data: it isn't the net's."""
    found: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {}
    for layer in [n.removesuffix("/count") for n in tensors if n.endswith("/count")]:
        names = f"{layer}/mean", f"{layer}/variance"
        if all(name in tensors for name in names):
            mean, variance = (tensors.pop(name) for name in names)
            del tensors[f"{layer}/count"]
            if max(mean.size, variance.size) <= MOST_CHANNELS:
                values = (tuple(map(float, t.read().ravel())) for t in (mean, variance))
                found[layer] = next(values), next(values)
            else:
                found[layer] = (), ()
    return found


def _by_lists(model: Node, opened: _Opened) -> Iterator[Tensor]:
    """The variables of a file that lists its layers."""
    layers = [*(_texts(model, "layer_names") or ()), "top_level_model_weights"]
    for layer in layers:
        group = model.member(layer)
        if group is None:
            if layer != layers[-1]:
                raise DamagedError(f"lists a layer `{layer[:80]}` that it doesn't hold")
            continue
        written = [n for n in _texts(group, "weight_names") or [] if _SEEDS not in n]
        for name, plain in zip(written, plain_names(layer, written), strict=True):
            yield stored(_descend(group, name), plain, opened)


def _by_groups(
    group: Node,
    path: str,
    opened: _Opened,
    configuration: Configuration,
    kind: str = "",
    level: int = 0,
) -> Iterator[Tensor]:
    """The variables of a file that numbers them; `kind` is what its group is called."""
    if level > MOST_LEVELS:
        raise DamagedError(f"has groups in groups, more than {MOST_LEVELS} of them")
    variables = group.member("vars")
    if variables is not None and variables.is_group:
        numbers = sorted(variables.members, key=_naturally)
        nodes = [variables.file.node(variables.members[n]) for n in numbers]
        layer, shapes = path.removesuffix("/"), [shape_of(node) for node in nodes]
        names = variable_names(kind, shapes, configuration.affine.get(layer)) if shapes else []
        for number, name, node in zip(numbers, names, nodes, strict=True):
            yield stored(node, f"{path}{name if number.isdecimal() else number}", opened)
    left_aside = {"vars", _SEEDS, *(_STATE if level == 0 else ())}
    members = {
        name: group.file.node(group.members[name])
        for name in sorted(group.members.keys() - left_aside, key=_naturally)
    }
    own_names = Counter(map(_own_name, members.values()))
    for name, member in members.items():
        if not member.is_group:
            yield stored(member, f"{path}{name}", opened)
        elif name in _CONTAINERS:
            yield from _by_groups(member, path, opened, configuration, "", level + 1)
        else:
            own = _own_name(member)
            inner = f"{path}{own if own and own_names[own] == 1 else name}/"
            yield from _by_groups(member, inner, opened, configuration, name, level + 1)


def _own_name(layer: Node) -> str | None:
    """What the model calls a layer, whose group is called after its kind."""
    variables = layer.member("vars") if layer.is_group else None
    return variables.texts.get("name", [None])[0] if variables is not None else None


def _naturally(name: str) -> list[str]:
    """A key that puts conv2d_10 behind conv2d_9."""
    return [part.zfill(12) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _texts(node: Node, name: str) -> list[str] | None:
    """A list of texts; long ones are in several attributes, `layer_names0`, `layer_names1` …"""
    if name in node.texts:
        return node.texts[name]
    parts = [node.texts[f"{name}{i}"] for i in range(len(node.texts)) if f"{name}{i}" in node.texts]
    return [text for part in parts for text in part] if parts else None


def _descend(group: Node, path: str) -> Node:
    node: Node | None = group
    for part in path.split("/")[:MOST_LEVELS]:
        node = node.member(part) if node is not None and part else node
    if node is None:
        raise DamagedError(f"lists a variable `{path[:80]}` that it doesn't hold")
    return node
