"""What other tools call the language's layers and options, for suggestions."""

from __future__ import annotations

from collections.abc import Iterable

from cnndsl.diagnostics import closest

LAYER_WORDS = {
    "activation": "relu",
    "avg_pool": "avgpool",
    "average_pool": "avgpool",
    "averagepooling": "avgpool",
    "batch_norm": "bn",
    "batchnorm": "bn",
    "batchnormalization": "bn",
    "cat": "concat",
    "clip": "clamp",
    "concatenate": "concat",
    "conv_transpose": "deconv",
    "convolution": "conv",
    "convtranspose": "deconv",
    "dense": "fc",
    "divide": "div",
    "depthwise": "dwconv",
    "drop": "dropout",
    "fully_connected": "fc",
    "global_avg_pool": "gap",
    "globalavgpool": "gap",
    "globalaveragepooling": "gap",
    "globalmaxpool": "gmp",
    "group_norm": "gn",
    "groupnorm": "gn",
    "hardsigmoid": "hsigmoid",
    "hardshrink": "shrink",
    "hardswish": "hswish",
    "hardtanh": "clamp",
    "identity": "skip",
    "instance_norm": "inorm",
    "instancenorm": "inorm",
    "layer_norm": "ln",
    "layernorm": "ln",
    "leaky_relu": "leaky",
    "leakyrelu": "leaky",
    "linear": "fc",
    "log_softmax": "logsoftmax",
    "max_pool": "pool",
    "maximum": "max",
    "maxpool": "pool",
    "maxpooling": "pool",
    "maxunpool": "unpool",
    "minimum": "min",
    "multiply": "mul",
    "pixel_shuffle": "pixelshuffle",
    "pixel_unshuffle": "pixelunshuffle",
    "space_to_depth": "pixelunshuffle",
    "depth_to_space": "pixelshuffle",
    "pow": "power",
    "reciprocal": "power",
    "res": "residual",
    "shortcut": "residual",
    "softshrink": "shrink",
    "sqrt": "power",
    "square": "power",
    "subtract": "sub",
    "sum": "add",
    "swish": "silu",
    "upsampling": "upsample",
    "view": "reshape",
    "zeropad": "pad",
    "zeropadding": "pad",
}
"""Other tools' words for layers, in lower case and without `1d`, `2d`, `3d`."""

OPTION_WORDS = {
    "dilation": "a dilation is written `d2`",
    "groups": "groups are written `g2`",
    "kernel": "a kernel is written `3x3`, or `k3`",
    "padding": "padding is written `p1`, or `same`",
    "stride": "a stride is written `s2`",
    "strides": "a stride is written `s2`",
    "valid": "no padding is the default, so leave `valid` out",
    "x": "a size is written without blanks: `3x3`",
}
"""Words that people write for short options, with what to write instead."""

LINE_WORDS = {
    "import": '`use "blocks.cnn"` brings in the blocks of another file',
    "model": "`net Name` names the net; its layers stand below, a line each",
    "print": "`cnndsl report` prints what a spec amounts to",
    "return": "`output x` names what comes out; without it the last value does",
}
"""What lines of other languages begin with."""

FUNCTION_WORDS = {
    "div": "`//` divides and rounds down",
    "make_divisible": "it is called `round8` here",
    "mod": "`%` gives the remainder",
    "pow": "a power is written `2**5`",
    "range": "`range(n)` stands in a `for` alone: `for i in range(3):`",
}
"""What other languages have as functions."""


def suggestion(word: str, candidates: Iterable[str], otherwise: str = "") -> str:
    """A help sentence: what the language calls it, the nearest candidate, or `otherwise`."""
    known = dict.fromkeys(candidates)
    plain = word.lower().removesuffix("1d").removesuffix("2d").removesuffix("3d").rstrip("_")
    meant = LAYER_WORDS.get(plain, plain)
    if meant not in known or meant == word:
        written = OPTION_WORDS.get(plain) or LINE_WORDS.get(plain)
        if written:
            return written
        meant = closest(word, known)
    return f"did you mean `{meant}`?" if meant else otherwise
