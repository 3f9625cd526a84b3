"""Models as commands take them: an .onnx file, the folder of a run, a spec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.options import import_told, load_spec
from cnndsl.diagnostics import UsageError
from cnndsl.specs import MODEL_SUFFIX, find, load

if TYPE_CHECKING:
    from cnndsl.data.dataset import DataSet
    from cnndsl.network import Network
    from cnndsl.weights import Mapping as WeightMapping


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


def spec_or_model(
    model: str, settings: tuple[str, ...], inputs: tuple[str, ...], weights: str | None
) -> tuple[Network | Path, str | Path | None]:
    """The network and the weights of a spec, a zoo name or a run; or the .onnx file that is meant.

    A run has its best weights, unless others are given. Raises UsageError.
    """
    from cnndsl.runtime.model import is_spec
    from cnndsl.training.folder import of_run

    is_run = Path(model).is_dir()
    if (settings or inputs) and (is_run or not is_spec(model)):
        raise UsageError(f"`{model}` is no spec, so --set and --input don't apply to it")
    found, known = of_run(model, weights)
    if not Path(found).is_dir() and is_spec(found):
        if is_run:  # its warnings were told when it was trained, about what people wrote
            return load(find(str(found)))[0], known
        return load_spec(str(found), settings, inputs), known
    return model_path(model), known


def net_and_weights(model: str, weights: str | None) -> tuple[Network, WeightMapping | None]:
    """The network of a spec, a zoo name, an .onnx model or a run, and its weights; a spec has those
    that are given, or none. What was found is told. Raises UsageError, SpecError.
    """
    from cnndsl.cli.loading import load_weights

    if Path(model).suffix.lower() != MODEL_SUFFIX:
        found, known = spec_or_model(model, (), (), weights)
    else:
        found, known = Path(model), weights
    if isinstance(found, Path):
        if known is not None:
            raise UsageError(f"`{model}` has weights of its own, so it takes no others")
        imported = import_told(found)
        return imported.network, imported.weights(found)
    loaded = load_weights(found, str(known), quiet=weights is None) if known is not None else None
    return found, loaded


def data_for(model: str, data: str | None, data_dir: Path | None) -> tuple[DataSet, bool]:
    """The data that is named, else that of the run, and whether the model was trained on it.

    The run's own have the splits that the run made; of others none is made. Raises UsageError.
    """
    from cnndsl.data.opening import is_there, open_data
    from cnndsl.training.config import read_config
    from cnndsl.training.run_evaluation import run_of

    path = Path(model)
    run_kept = run_of(path) if path.exists() else None
    numbers = run_kept is not None and run_kept.gives_numbers
    volume = run_kept.volume if run_kept else None
    config = (path if path.is_dir() else path.parent) / "config.toml"
    if data is not None:
        ignore = _ignored(config)
        found = open_data(
            data,
            validation=0,
            data_dir=data_dir,
            unlabelled=True,
            ignore=ignore,
            numbers=numbers,
            volume=volume,
        )
        return found, _was_trained_on(config, data)
    if not path.is_dir() or not config.is_file():
        raise UsageError(f"`{model}` is no run, so it has no data of its own: name some by --data")
    run = read_config(config)
    if not is_there(run.data.path):
        raise UsageError(
            f"the run's data isn't at `{run.data.path}` any more: say where it is now by --data"
        )
    folder = data_dir or (Path(run.data.folder) if run.data.folder else None)
    seed = run.training.seed
    found = open_data(
        run.data.path,
        seed=seed,
        data_dir=folder,
        unlabelled=True,
        ignore=run.data.ignore_index,
        numbers=numbers,
        volume=volume,
    )
    return found, True


def _ignored(config: Path) -> int | None:
    """The value in masks that was no class for a run, if there is one."""
    from cnndsl.training.config import read_config

    try:
        return read_config(config).data.ignore_index if config.is_file() else None
    except UsageError:  # the model can be judged all the same
        return None


def _was_trained_on(config: Path, data: str) -> bool:
    """Whether a run's configuration, if there is one, names these data."""
    from cnndsl.training.config import read_config

    try:
        trained_on = read_config(config).data.path if config.is_file() else ""
    except UsageError:  # the model can be judged all the same
        return False
    path = Path(data).expanduser()
    return trained_on in (data, str(path.resolve()) if path.exists() else data)
