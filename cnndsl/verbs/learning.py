"""The verbs of learning: `train`, `resume`, `transfer`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cnndsl.preprocessing import Preprocessing
    from cnndsl.training.running import Outcome


def train(
    spec: str | Path,
    data: str | Path,
    *,
    epochs: int = 10,
    batch: int = 64,
    learning_rate: float | None = None,
    optimiser: str = "adamw",
    schedule: str = "one-cycle",
    augment: str = "none",
    seed: int = 0,
    device: str = "cpu",
    threads: int | None = None,
    runs: Path | str = "runs",
    quiet: bool = False,
) -> Outcome:
    """Train a spec (its path or zoo name) or an .onnx model on data, and keep the run in a folder.

    `optimiser` and `schedule` are written as on the command line ("sgd nesterov=yes"); the default
    recipe chooses the learning rate. The outcome tells the folder, the accuracy and how it went.
    Raises UsageError, SpecError.
    """
    from cnndsl.training.running import begin
    from cnndsl.training.screen import Quiet, Table
    from cnndsl.training.settings import configure

    config = configure(
        str(spec),
        str(data),
        optimiser=optimiser,
        schedule=schedule,
        augment=augment,
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
        device=device,
        threads=threads,
    )
    return begin(config, Quiet() if quiet else Table(epochs, batch), root=Path(runs))


def resume(run: Path | str, *, data: Path | str | None = None, quiet: bool = False) -> Outcome:
    """Go on with the training in a run's folder; `data` is where its data is now, if it has moved.

    Raises UsageError.
    """
    from cnndsl.training.config import read_config
    from cnndsl.training.folder import RunFolder
    from cnndsl.training.screen import Quiet, Table
    from cnndsl.transfer.running import resume as resume_run

    choice = read_config(RunFolder.open(Path(run)).config).training
    screen = Quiet() if quiet else Table(choice.epochs, choice.batch)
    return resume_run(Path(run), screen, data=None if data is None else str(data))


def transfer(
    model: str | Path,
    data: str | Path,
    *,
    weights: Path | None = None,
    strategy: Literal["auto", "features", "last", "full", "gradual", "scratch"] = "auto",
    head: Literal["linear", "mlp", "logistic"] = "linear",
    at: str | None = None,
    similar: bool = True,
    preprocessing: Preprocessing | None = None,
    runs: Path | str = "runs",
    quiet: bool = False,
    **options: Any,
) -> Outcome:
    """Make a net for other data of a trained one, and keep the run in a folder.

    `model` is an .onnx file, or a spec with a file of `weights`. `options` are those of `train`
    (epochs, batch, learning_rate, augment, seed, device, threads, …) where the strategy's own
    aren't wanted, and all else that `cnndsl.training.settings.configure` takes. Raises UsageError,
    SpecError.
    """
    from cnndsl.training.screen import Quiet, Table
    from cnndsl.transfer.requests import Request
    from cnndsl.transfer.running import begin

    request = Request(
        str(model),
        str(data),
        weights,
        strategy,
        head,
        at,
        similar,
        pictures=preprocessing.as_dict() if preprocessing else {},
        options=options,
    )
    return begin(
        request,
        lambda config: Quiet() if quiet else Table(config.training.epochs, config.training.batch),
        root=Path(runs),
    )
