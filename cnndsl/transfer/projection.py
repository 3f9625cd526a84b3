"""Features in the plane: a point for each example, coloured by its class."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError
from cnndsl.printing import escape
from cnndsl.show.document import standalone, styles
from cnndsl.training.layout import Float

Projection = Literal["pca", "tsne"]

MOST_POINTS = 2000
"""More can't be told apart, and t-SNE's time grows with them."""

MOST_CLASSES = 40
WIDTH, HEIGHT, MARGIN, LEGEND, ROW = 480, 480, 16, 150, 15


def projected(values: Float, kind: Projection = "pca", seed: int = 0) -> Float:
    """N×D as N×2: the first two principal components, or t-SNE (scikit-learn). Raises UsageError
    where there are fewer than three examples, or numbers that aren't finite.
    """
    if len(values) < 3:
        raise UsageError(f"{len(values)} examples are too few for a picture of features")
    if not np.isfinite(values).all():
        raise UsageError("some features are no finite numbers, so they have no place in a picture")
    if kind == "tsne":
        model = _manifold().TSNE(perplexity=min(30, (len(values) - 1) / 3), random_state=seed)
        return np.asarray(model.fit_transform(values), np.float32)
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((len(values), 2), np.float32)
    found = centred @ directions[:2].T
    plane[:, : found.shape[1]] = found
    return plane


def scatter(
    points: Float, labels: npt.NDArray[np.int64], classes: Sequence[str], title: str
) -> str:
    """An SVG of points N×2 with a legend; `labels` are class numbers."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = np.maximum(high - low, 1e-12)
    size = np.array([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    places = (points - low) / extent * size + MARGIN
    dots = [
        f'<circle cx="{x:.1f}" cy="{HEIGHT - y:.1f}" r="2.5" fill="{_colour(int(n), classes)}"/>'
        for (x, y), n in zip(places.tolist(), labels.tolist(), strict=True)
    ]
    rows = [
        f'<circle cx="{WIDTH + 8}" cy="{MARGIN + ROW * n}" r="4" fill="{_colour(n, classes)}"/>'
        f'<text x="{WIDTH + 18}" y="{MARGIN + 4 + ROW * n}" style="text-anchor: start">'
        f"{escape(_short(name))}</text>"
        for n, name in enumerate(classes)
    ]
    height = max(HEIGHT, 2 * MARGIN + ROW * len(classes))
    drawing = (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {WIDTH + LEGEND} {height}"'
        f' font-size="12" fill="var(--ink)"><title>{escape(title)}</title>'
        f'<g fill-opacity="0.75">{"".join(dots)}</g>{"".join(rows)}</svg>'
    )
    return standalone(drawing, styles())


def _colour(number: int, classes: Sequence[str]) -> str:
    """Hues all around the circle, every other one darker."""
    hue = 360 * number / max(len(classes), 1)
    return f"hsl({hue:.0f} 70% {42 if number % 2 else 56}%)"


def _short(name: str) -> str:
    return name if len(name) <= 18 else name[:17] + "…"


def _manifold() -> Any:
    try:
        return import_module("sklearn.manifold")
    except ImportError:
        raise UsageError("t-SNE needs scikit-learn: pip install scikit-learn") from None
