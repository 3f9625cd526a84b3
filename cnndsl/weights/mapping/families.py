"""How frameworks name the layers of well-known nets, and in which order these names stand.

A family is the list of patterns that its layers' names fit, from the first layer to the last. Names
of one pattern are sorted by its groups: in the order of `words` where these are given, then by the
numbers in them. A table of every layer would say the same in some thousand lines. Sources: the
models' code in torchvision 0.2x, timm 1.0 and keras.applications 2 and 3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cnndsl.weights.mapping.modules import natural

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Names that fit a pattern; its named groups are compared by their names' order, others as
    they stand. `words` are patterns that put a group's texts in order.
    """

    pattern: str
    words: tuple[str, ...] = ()

    def key(self, name: str) -> Key | None:
        """Where a name stands among those of the row; None where it is none of them."""
        match = re.fullmatch(self.pattern, name)
        if match is None:
            return None
        named = match.groupdict()
        groups = [named[n] for n in sorted(named)] if named else match.groups()
        return tuple((self._rank(group or ""), natural(group or "")) for group in groups)

    def _rank(self, text: str) -> int:
        ranks = (i for i, word in enumerate(self.words) if re.fullmatch(word, text))
        return next(ranks, len(self.words))


@dataclass(frozen=True, slots=True)
class Family:
    """Nets whose layers one scheme names. `epsilon` is that of their batch norms, where it is known
    and a file doesn't say it. `same` is whether every convolution pads to keep its size, more of it
    behind; `halving` are the names of layers that have stride 2; `setting` makes such a net of the
    zoo's.
    """

    name: str
    rows: tuple[Row, ...] = field(repr=False)
    epsilon: float | None = None
    same: bool = False
    halving: str = ""
    setting: str = ""

    def key(self, name: str) -> Key | None:
        """Where a layer's name stands in the net; None where it is no name of the family."""
        for number, row in enumerate(self.rows):
            key = row.key(name)
            if key is not None:
                return (number, *key)
        return None


_RESNET = "(?:conv|bn).*", "(?:downsample|shortcut).*"
_INCEPTION = (
    "branch1x1",
    "branch5x5.*",
    "branch7x7_.*",
    "branch3x3(?:_.*)?",
    "branch(?:3x3dbl|7x7dbl|7x7x3).*",
    "branch_pool",
)
_FIRE = "squeeze", "expand1x1", "expand3x3"
_EXCITE = r"se\.conv_reduce", r"se\.conv_expand"
_MOBILE = "conv|conv_exp|conv_pw|bn1", "conv_dw|bn2", *_EXCITE, "conv_pwl|bn3"
_MOBILE_FIRST = "conv_dw|bn1", *_EXCITE, "conv_pw|bn2"
_CONVNEXT = "downsample.*", "blocks|stages", "conv_dw|dwconv", "norm", r"mlp\..+|pwconv\d|grn"
"""A block's own factors have no name behind it, and come last."""
_KERAS_MOBILE = "expand.*", "(?:depthwise|dwconv).*|bn", "se_reduce", "se_expand", "project.*"

FAMILIES = (
    Family(  # torchvision, timm, and the CIFAR ResNets that are usual
        "ResNet, ResNeXt, Wide ResNet",
        (
            Row(r"(?:conv1|bn1)"),
            Row(r"layer(\d+)\.(\d+)\.(.+)", _RESNET),
            Row(r"fc|linear|classifier"),
        ),
    ),
    Family(  # torchvision; timm's VGG has the last rows
        "AlexNet, VGG, MobileNetV2",
        (
            Row(r"features\.([\d.]+(?:conv[\d.]+)?)"),
            Row(r"classifier\.(\d+)"),
            Row(r"pre_logits\.(fc\d)"),
            Row(r"head\.fc"),
        ),
    ),
    Family(
        "SqueezeNet",
        (Row(r"features\.(\d+)(?:\.(\w+))?", _FIRE), Row(r"classifier\.(\d+)")),
    ),
    Family(
        "GoogLeNet",
        (
            Row(r"conv(\d)\.(?:conv|bn)"),
            Row(r"inception(\d\w)\.(.+)\.(?:conv|bn)"),
            Row(r"fc"),
            Row(r"aux(\d)\.(conv|fc\d)(?:\.conv|\.bn)?"),
        ),
        1e-3,
    ),
    Family(
        "Inception v3",
        (
            Row(r"Conv2d_(\w+)\.(?:conv|bn)"),
            Row(r"Mixed_(\w\w)\.(\w+)\.(?:conv|bn)", _INCEPTION),
            Row(r"fc"),
            Row(r"AuxLogits\.(conv\d|fc)(?:\.conv|\.bn)?"),
        ),
        1e-3,
    ),
    Family(
        "MobileNets and EfficientNets of timm",
        (
            Row(r"conv_stem|bn1"),
            Row(r"blocks\.0\.(\d+)\.(.+)", _MOBILE_FIRST),
            Row(r"blocks\.(\d+)\.(\d+)\.(.+)", _MOBILE),
            Row(r"conv_head|bn2"),
            Row(r"classifier"),
        ),
    ),
    Family(  # timm's, then the authors'
        "ConvNeXt",
        (
            Row(r"stem\.(\d)"),
            Row(r"stages\.(\d)\.(downsample|blocks)\.(\d+)(?:\.(.+))?", _CONVNEXT),
            Row(
                r"(?P<b>downsample_layers|stages)\.(?P<a>\d)\.(?P<c>\d+)(?:\.(?P<d>.+))?", _CONVNEXT
            ),
            Row(r"norm|head\.norm"),
            Row(r"head|head\.fc"),
        ),
    ),
    Family("VGG of Keras", (Row(r"block(\d)_conv(\d)"), Row(r"fc(\d)"), Row(r"predictions"))),
    Family(
        "ResNet of Keras",
        (
            Row(r"conv1_(?:conv|bn)"),
            Row(r"conv(\d)_block(\d+)_(\d)_(?:conv|bn)", ("[123]", "0")),
            Row(r"predictions|probs"),
        ),
        1.001e-5,
        halving=r"conv[345]_block1_[01]_conv",
        setting="first=1",
    ),
    Family(
        "layers that Keras numbers, such as Inception v3's",
        (Row(r"(?:conv2d|batch_normalization)(?:_(\d+))?"), Row(r"predictions|dense(?:_\d+)?")),
        1e-3,
    ),
    Family(
        "MobileNetV2 of Keras",
        (
            Row(r"Conv1|bn_Conv1"),
            Row(r"expanded_conv_(\w+)", _KERAS_MOBILE),
            Row(r"block_(\d+)_(\w+)", _KERAS_MOBILE),
            Row(r"Conv_1(?:_bn)?"),
            Row(r"predictions|Logits"),
        ),
        1e-3,
        same=True,
        setting="tf=1",
    ),
    Family(
        "EfficientNet of Keras",
        (
            Row(r"stem_(?:conv|bn)"),
            Row(r"block(\d)(\w)_(.+)", _KERAS_MOBILE),
            Row(r"top_(?:conv|bn)"),
            Row(r"predictions"),
        ),
        1e-3,
        same=True,
    ),
    Family(
        "MobileNet of Keras",
        (
            Row(r"conv1(?:_bn)?"),
            Row(r"conv_(?P<b>dw|pw)_(?P<a>\d+)(?:_bn)?"),
            Row(r"conv_preds|predictions"),
        ),
        1e-3,
        same=True,
        setting="tf=1",
    ),
)
