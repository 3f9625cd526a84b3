"""Models as commands take them: an .onnx file, or the folder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.diagnostics import UsageError

if TYPE_CHECKING:
    from cnndsl.data.dataset import DataSet


def model_path(model: str) -> Path:
    """The .onnx file that is meant. Raises UsageError."""
    path = Path(model)
    if path.is_dir():
        best = path / "best.onnx"
        if not best.is_file():
            raise UsageError(f"`{path}` holds no best.onnx; is it the folder of a run?")
        return best
    if not path.is_file():
        raise UsageError(f"there is no file or run `{path}`; name an .onnx file or a run's folder")
    return path


def data_for(model: str, data: str | None, data_dir: Path | None) -> DataSet:
    """The data that is named, else that of the run. Raises UsageError."""
    from cnndsl.data.opening import open_data
    from cnndsl.training.config import read_config

    config = Path(model) / "config.toml"
    if data is None and not config.is_file():
        raise UsageError(f"`{model}` is no run, so it has no data of its own: name some by --data")
    if data is not None:
        return open_data(data, data_dir=data_dir)
    run = read_config(config)
    folder = data_dir or (Path(run.data.folder) if run.data.folder else None)
    return open_data(run.data.path, seed=run.training.seed, data_dir=folder)
