"""A data set and a net that learn in a moment: which quarter of a picture is bright."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CLASSES = 4

SPEC = """cnndsl 1
net Tiny(classes=3)
input image 1@8x8
conv 3x3 8 p1 bn relu -> pool 2x2 s2
dropout 0.2
logits: fc classes
output logits
"""


def write_toy(folder: Path, examples: int = 240) -> tuple[Path, Path]:
    """A spec and an .npz of pictures."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, CLASSES, examples)
    images = rng.integers(0, 60, (examples, 8, 8))
    for image, target in zip(images, targets, strict=True):
        top, left = 4 * (target // 2), 4 * (target % 2)
        image[top : top + 4, left : left + 4] += 60
    spec, data = folder / "tiny.cnn", folder / "quarters.npz"
    spec.write_text(SPEC)
    names = np.array(["top left", "top right", "bottom left", "bottom right"])
    np.savez(data, x=images.astype(np.uint8), y=targets, label_names=names)
    return spec, data
