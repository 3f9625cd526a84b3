"""Features as files: .npz and .parquet that other tools read, .svg to look at."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced
from cnndsl.transfer.features import Features
from cnndsl.transfer.projection import (
    MOST_CLASSES,
    MOST_POINTS,
    Projection,
    projected,
    scatter,
)

SUFFIXES = (".npz", ".parquet", ".svg")


def check_output(path: Path, keep_maps: bool) -> None:
    """Raise UsageError, before anything is computed, where features can't be written there."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"features go to {', '.join(SUFFIXES)}, and `{path}` is none of these")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder `{path.parent}` to write `{path.name}` into")
    if suffix != ".npz" and keep_maps:
        raise UsageError("tables and drawings take a vector an example, so maps go into an .npz")
    if suffix == ".parquet":
        _pyarrow()


def write_features(features: Features, path: Path, projection: Projection = "pca") -> None:
    """Write features with what is known of each example.

    An .svg shows each example (at most 2,000, evenly chosen) as a point of its class's colour.

    An .npz holds `features` (or `features.LAYER` for each of several layers), `labels`, `names`,
    `split` and `classes`; a .parquet has a column for each of them but the classes' names, which
    stand beside the labels in `class`. Raises OSError, UsageError.
    """
    if path.suffix.lower() == ".parquet":
        _write_table(features, path)
        return
    if path.suffix.lower() == ".svg":
        _draw(features, path, projection)
        return
    arrays = {
        **_named(features),
        "labels": features.labels,
        "names": features.names,
        "split": features.split,
        "classes": np.array(features.classes, np.str_),
    }
    with replaced(path) as file:
        save: Any = np.savez  # its stubs take no names that aren't known beforehand
        save(file, **arrays)


def _draw(features: Features, path: Path, projection: Projection) -> None:
    if len(features.arrays) > 1:
        names = ", ".join(f"`{name}`" for name in features.arrays)
        raise UsageError(f"a drawing shows one layer's features; choose one of {names}")
    if not 0 < len(features.classes) <= MOST_CLASSES:
        raise UsageError(
            f"a drawing colours examples by class, up to {MOST_CLASSES}, and these have "
            f"{len(features.classes)}"
        )
    ((name, values),) = features.arrays.items()
    count = min(len(values), MOST_POINTS)
    chosen = np.linspace(0, len(values) - 1, count).round().astype(np.int64)
    points = projected(values[chosen], projection)
    labels = np.asarray(features.labels[chosen], np.int64)
    with replaced(path) as file:
        file.write(
            scatter(points, labels, features.classes, f"{name} of {count:,} examples").encode()
        )


def _named(features: Features) -> dict[str, Any]:
    if len(features.arrays) == 1:
        return {"features": next(iter(features.arrays.values()))}
    return {f"features.{name}": values for name, values in features.arrays.items()}


def _write_table(features: Features, path: Path) -> None:
    arrow = _pyarrow()
    columns: dict[str, Any] = {}
    for name, values in _named(features).items():
        flat = arrow.array(np.ascontiguousarray(values).reshape(-1))
        columns[name] = arrow.FixedSizeListArray.from_arrays(flat, values.shape[1])
    labels: Any = features.labels
    columns["labels"] = arrow.array(labels if labels.ndim == 1 else labels.tolist())
    if features.classes:
        columns["class"] = arrow.array([features.classes[number] for number in labels.tolist()])
    columns["names"] = arrow.array(features.names.tolist())
    columns["split"] = arrow.array(features.split.tolist())
    with replaced(path) as file:
        arrow.parquet.write_table(arrow.table(columns), file)


def _pyarrow() -> Any:
    try:
        import_module("pyarrow.parquet")
        return import_module("pyarrow")
    except ModuleNotFoundError:
        raise UsageError(
            "writing a .parquet needs pyarrow (`pip install pyarrow`); an .npz needs nothing more"
        ) from None
