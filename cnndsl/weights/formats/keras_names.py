"""Plain names for the variables of Keras' layers, whatever a version of it calls them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_OLD = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}
"""What Keras 1 called them."""

EITHER = "gamma_or_beta"
"""A norm's only number a channel besides its statistics, where the file doesn't say which it is."""

_NORMS = "batch_normalization", "layer_normalization", "group_normalization"
_KINDS: dict[str, tuple[str, ...]] = {
    "separable_conv1d": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "separable_conv2d": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "p_re_lu": ("alpha",),
    "normalization": ("mean", "variance", "count"),
}
"""Variables in their order, by what Keras 3 calls the group of a layer of that kind."""


def plain_names(layer: str, written: Sequence[str]) -> list[str]:
    """Names for a layer's variables, as `weight_names` has them: `conv2d_3/kernel:0`, or
    `conv_W_1:0`. Where they belong to several layers, those of a model in the model, their paths
    from that model on are kept.
    """
    paths = [re.sub(r":\d+$", "", name).split("/") for name in written]
    paths = [path[path[:-1].index(layer) + 1 :] if layer in path[:-1] else path for path in paths]
    inner = len({tuple(path[:-1]) for path in paths}) > 1
    return ["/".join([layer, *(p[:-1] if inner else ()), _variable(layer, p[-1])]) for p in paths]


def _variable(layer: str, name: str) -> str:
    name = re.sub(r"_\d+$", "", name.removeprefix(f"{layer}_"))
    return _OLD.get(name, name)


def variable_names(
    kind: str, shapes: Sequence[tuple[int, ...]], affine: Sequence[str] | None = None
) -> list[str]:
    """Names for a layer's variables that are known by number alone.

    `kind` is the name of its group, such as `conv2d_3`, of which the number says nothing. `affine`
    are those of gamma and beta that a norm has by the configuration; None where there is none. Then
    a norm's one of them is called EITHER: shapes don't tell them apart.
    """
    word = re.sub(r"_\d+$", "", kind)
    named = _KINDS.get(word, ())
    same = len(shapes) > 2 and len(set(shapes)) == 1 and len(shapes[0]) == 1
    if word in _NORMS or (not named and same and len(shapes) <= 4):
        statistics = () if word in _NORMS[1:] else ("moving_mean", "moving_variance")
        count = len(shapes) - len(statistics)
        if affine is None or len(affine) != count:
            affine = {1: (EITHER,), 2: ("gamma", "beta")}.get(count, ())
        named = (*affine, *statistics)
    if not named:
        named = ("kernel", "bias") if len(shapes[0]) > 1 else ("bias",)
    more = [str(number) for number in range(len(named), len(shapes))]
    return [*named, *more][: len(shapes)]
