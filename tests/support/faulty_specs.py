"""Faulty specs, small ones, each with a planted fault; and some that are fine."""

from __future__ import annotations

FAULTY = {
    # layers that do nothing
    "conv 3x3 8 relu relu": ["redundant-layer"],
    "conv 3x3 8 sigmoid relu": ["redundant-layer"],
    "conv 3x3 8 relu -> pool 2x2 -> relu": ["redundant-layer"],
    "conv 3x3 8 relu abs": ["redundant-layer"],
    "conv 3x3 8 relu6 relu6": ["redundant-layer"],
    "conv 3x3 8 relu -> leaky 0.1": ["redundant-layer"],
    "fc 10 softmax relu": ["redundant-layer"],
    "conv 3x3 8 relu -> pool 1x1": ["redundant-layer"],
    "conv 3x3 8 relu -> avgpool 1x1": ["redundant-layer"],
    "fc 8 relu -> dropout 0 -> fc 10": ["redundant-layer"],
    "def b(n, act=relu): conv 3x3 n bn act\nb 8 relu": ["redundant-layer"],
    "for n in 8 16:\n    conv 3x3 n p1 relu relu": ["redundant-layer"],
    "fire 16 64 relu": [],  # a concat of what is never negative: not looked through
    # merges
    "a: conv 3x3 8 relu\nadd a": ["merge-with-itself"],
    "a: conv 3x3 8 relu\nconcat a": ["merge-with-itself"],
    "conv 3x3 8 relu\nsub:\n    | skip\n    | skip": ["merge-with-itself"],
    # what nobody uses
    "def b(n): conv 3x3 n relu\nconv 3x3 8 relu": ["unused-def"],
    "def a(): relu\ndef b(n): conv 3x3 n -> a\nconv 3x3 8 relu": ["unused-def"],
    "let n = 16\nconv 3x3 8 relu": ["unused-let"],
    "def b(n):\n    let m = 2*n\n    conv 3x3 n relu\nb 8": ["unused-let"],
    "def b(n, k=3): conv 3x3 n relu\nb 8": ["unused-parameter"],
    "def b(n, k=3, act=relu): conv 3x3 n\nb 8": ["unused-parameter", "unused-parameter"],
    "conv 3x3 8 relu  # noqa: odd-channels": ["unused-noqa"],
    "conv 3x3 100 relu  # noqa\nfc 10": ["odd-channels", "unused-noqa"],
    "conv 3x3 8 relu  # NOQA odd-channels": ["unused-noqa"],
    "conv 3x3 8 relu  # noqa: foo": ["unused-noqa"],
    "# noqa: odd-channels\nconv 3x3 8 relu": ["unused-noqa"],
    "conv 3x3 100 relu  # noqa: odd-channels, dead-weights\nfc 10": ["unused-noqa"],
    # padding
    "conv 3x3 8 s2 same relu": ["uneven-padding"],
    "dwconv 3x3 s2 same relu": ["uneven-padding"],
    "conv 5x5 8 s2 same relu": ["uneven-padding"],
    "conv 4x4 8 same relu": ["uneven-padding"],
    "conv 2x2 8 same relu": ["uneven-padding"],
    "conv 3x3 8 relu -> pool 3x3 s2 same": ["uneven-padding"],
    "conv 3x3 8 p1 relu\ngap\nconv 3x3 8 p1 relu": ["dead-weights"],
    "conv 3x3 8 p32 d32 relu": ["dead-weights"],
    "conv 3x3 8 p1 relu -> pool 16x16\nconv 5x5 8 p2 relu": [
        "early-downsampling",
        "dead-weights",
    ],
    "conv 3x3 8 p1 relu\ngmp\ndwconv 3x3 p1 relu": ["dead-weights"],
    # what isn't read
    "conv 3x3 8 s2 relu": ["conv-discards"],
    "conv 4x4 8 s3 relu": ["conv-discards"],
    "dwconv 3x3 s2 relu": ["conv-discards"],
    "conv 3x3 8 s3 p=(0,0,1,1) relu": [],
    "conv 3x3 8 s4 p1 relu": ["skipped-pixels"],
    "conv 3x3 8 p1 relu\nconv 1x1 16 s2 relu": ["skipped-pixels"],
    "conv 3x3 8 p1 relu -> pool 1x1 s2": ["skipped-pixels"],
    "a: conv 3x3 8 p1 relu\nb: conv 1x1 8 s2 relu\nconv 1x1 8 s2 relu from a\nadd b": [
        "skipped-pixels"
    ],
    # beginnings
    "pool 2x2\nconv 3x3 8 relu": ["pool-on-input"],
    "avgpool 4x4\nconv 3x3 8 relu": ["pool-on-input"],
    "conv 7x7 8 s2 p3 relu -> pool 2x2\nconv 3x3 8 relu": ["early-downsampling"],
    "conv 4x4 8 s4 relu\nconv 3x3 8 relu": ["early-downsampling"],
    "conv 3x3 8 p1 relu -> pool 4x4\nconv 3x3 8 relu": ["early-downsampling"],
    "conv 3x3 8 p1 relu\ngap\nfc 10": ["short-sighted"],
    "conv 3x3 8 p1 relu\nconv 3x3 8 p1 relu\ngmp -> flatten -> dropout 0.1 -> fc 10 softmax": [
        "short-sighted"
    ],
    # widths
    "conv 3x3 100 relu\nfc 10": ["odd-channels"],
    "conv 3x3 65 relu\nconv 3x3 8 relu": ["odd-channels"],
    "deconv 4x4 90 s2 p1 relu\nconv 3x3 8 relu": ["odd-channels"],
    "conv 3x3 64 p1 relu\nfc 256 relu\nfc 10": ["heavy-dense"],
    "conv 3x3 64 p1 relu -> flatten -> dropout 0.5\nfc 256 relu\nfc 10": ["heavy-dense"],
    # activations
    "conv 3x3 8\nconv 3x3 8 relu": ["missing-activation"],
    "conv 3x3 8 bn\nconv 3x3 8 relu": ["missing-activation"],
    "conv 3x3 8 relu\nfc 32\nfc 10": ["missing-activation"],
    "conv 3x3 8 p1 -> avgpool 2x2\nconv 3x3 8 relu": ["missing-activation"],
    "conv 3x3 8\nfc 10": ["missing-activation"],
    "conv 3x3 8\nconv 1x3 8 relu": ["missing-activation"],
    "conv 3x3 8 p1 sigmoid *6\nfc 10": ["saturating-activations"],
    "conv 3x3 8 p1 bn tanh *7\nfc 10": ["saturating-activations"],
    "conv 3x3 8 p1 relu\nresidual:\n    conv 3x3 8 p1 relu": ["relu-before-add"],
    "a: conv 3x3 8 p1 relu\nconv 3x3 8 p1 bn relu\nadd a": ["relu-before-add"],
    # scores and losses
    "fc 10 softmax\nloss cross_entropy(softmax1)": ["softmax-before-loss"],
    "fc 10 logsoftmax\nloss cross_entropy(logsoftmax1)": ["softmax-before-loss"],
    "fc 10 softmax\nloss focal(softmax1)": ["softmax-before-loss"],
    "fc 10 relu\nloss cross_entropy(relu1)": ["cut-scores"],
    "fc 10 tanh softmax": ["cut-scores"],
    "fc 10 sigmoid softmax": ["cut-scores"],
    "fc 1 softmax": ["softmax-of-one"],
    "fc 1\nloss cross_entropy(fc1)": ["softmax-of-one"],
    "a: conv 1x1 1\nloss bce(a, target)": ["no-probabilities"],
    "a: conv 1x1 1 relu\nloss bce(a, target)": ["no-probabilities"],
    "conv 3x3 8 relu\nhead aux train:\n    fc 10\nl: fc 10\nloss cross_entropy(l)": [
        "head-without-loss"
    ],
    # dropout and norms
    "fc 10 -> dropout 0.5": ["dropout-on-output"],
    "fc 10 -> dropout 0.5 -> softmax": ["dropout-on-output"],
    "conv 3x3 8 relu -> dropout 0.5 -> bn -> fc 10": ["dropout-before-norm"],
    "conv 3x3 8 relu -> dropout 0.5 -> conv 3x3 8 bn relu": ["dropout-before-norm"],
    "fc 64 relu -> dropout 0.8 -> fc 10": ["heavy-dropout"],
    "fc 64 relu -> dropout 0.9 -> fc 10": ["heavy-dropout"],
    "conv 3x3 8 nobias -> bn keep=0.1 -> relu": ["small-keep"],
    "conv 3x3 8 p1 relu *20": ["deep-without-norm"],
    # pictures made larger
    "deconv 3x3 8 s2 relu": ["checkerboard-pattern"],
    "deconv 5x5 8 s2 p2 op1 relu": ["checkerboard-pattern"],
    # lines
    "conv 3x3 8 relu\nconv 3x3 8 relu\nconv 3x3 8 relu": ["repeated-line"],
    "for i in 1 2:\n    conv 1x1 8 relu\n    conv 1x1 8 relu\n    conv 1x1 8 relu": [
        "repeated-line"
    ],
    # the warnings of `check`
    "conv 3x3 8\nbn relu": ["lost-bias"],
    "conv 3x3 8 relu -> pool 4x4": ["pool-discards"],
    "conv 3x3 relu": ["first-layer-filters"],
    "a: conv 3x3 8 relu\nconv 3x3 8 relu from image": ["unread-value"],
    # several at once, in the order of the text
    "conv 3x3 8 s2 relu relu\nfc 10 -> dropout 0.9": [
        "conv-discards",
        "redundant-layer",
        "dropout-on-output",
        "heavy-dropout",
    ],
}
"""Lines behind `input image 3@32x32`, and the codes of what is found; no `output` is missed."""

FINE = [
    "conv 3x3 8 p1 bn relu -> pool 2x2 -> conv 3x3 16 p1 bn relu -> fc 10",
    "conv 3x3 8 relu\nconv 3x3 8 relu",
    "conv 3x3 8 p1 relu\nresidual project relu:\n    conv 3x3 16 s2 p1 bn",
    "conv 3x3 32 p1 relu\nbottleneck 16 s2\nbottleneck 16",
    "conv 3x3 32 p1 relu\nse 8\nconv 3x3 32 p1 relu",
    "conv 3x3 16 p1 relu\nseparable 32 s2\nseparable 32",
    "conv 3x3 16 p1 relu\ninverted 16 s2 e=6",
    "conv 3x3 64 p1 relu\nconv 1x1 16\nconv 1x1 64 relu",  # a bottleneck saves weights
    "conv 3x1 8\nconv 1x3 8 relu",  # one window in two halves
    "conv 3x3 8 same relu -> pool 2x2 s2 same",
    "dwconv 3x3 p1 -> conv 1x1 8 relu",
    "deconv 4x4 8 s2 p1 relu\nconv 1x1 3 sigmoid",
    "conv 3x3 8 p1 relu\nconv 3x3 8 p6 d6 relu",
    "fc 100 relu -> dropout 0.5 -> fc 10",
    "conv 3x3 100 relu  # noqa: odd-channels (as measured)\nfc 10",
    "a: conv 3x3 8 p1 tanh\nb: conv 3x3 8 p1 sigmoid\nmul a\nfc 10",
    "fc 10\nloss cross_entropy(fc1)",
    "for i in range(3):\n    conv 3x3 8 p1 relu",
]
