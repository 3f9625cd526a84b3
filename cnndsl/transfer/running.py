"""Transfer from the first look at the data to the report, and going on with a run that stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

from cnndsl.data.readable import with_remarks
from cnndsl.diagnostics import UsageError
from cnndsl.downloads import Progress as Downloading
from cnndsl.network import Network
from cnndsl.surgery import value_at
from cnndsl.training.adapters import SpecAdapter
from cnndsl.training.assembly import Training
from cnndsl.training.callbacks import Callback
from cnndsl.training.config import Config, read_config
from cnndsl.training.folder import RunFolder
from cnndsl.training.options import TransferChoice
from cnndsl.training.preparing import fitting, opened_data
from cnndsl.training.running import MOST_TOLD, Outcome, train_in
from cnndsl.training.running import resume as resume_run
from cnndsl.training.screen import duration
from cnndsl.training.tasks import Task, make_task
from cnndsl.transfer.cached import FeatureTraining
from cnndsl.transfer.extractors import network_extractor
from cnndsl.transfer.features import Features, extract
from cnndsl.transfer.heads import Renewed, renew
from cnndsl.transfer.logistic import check as check_logistic
from cnndsl.transfer.logistic import solve
from cnndsl.transfer.pretrained import Pretrained, open_pretrained, values_of
from cnndsl.transfer.requests import Request, configured, decided, with_stages
from cnndsl.transfer.strategies import FINE_TUNED
from cnndsl.transfer.vectors import (
    Part,
    copy_kept,
    find_kept,
    fingerprint,
    keep,
    parts_of,
    read_kept,
)
from cnndsl.weights.save import Float, read_tensors, write_tensors

BASE = "base.safetensors"
"""The frozen part's weights in the folder of a run on features."""

Counting = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows how far something with so many parts is."""


def begin(
    request: Request,
    callback: Callback,
    *,
    root: Path = Path("runs"),
    name: str | None = None,
    downloading: Downloading | None = None,
    counting: Counting = lambda label, count: nullcontext(lambda done: None),
) -> Outcome:
    """Make a net for new data out of a trained one, in a new folder.

    Raises SpecError, UsageError.
    """
    if request.head == "logistic":
        check_logistic()
    plain = configured(request, "full")
    found = open_pretrained(
        request.model,
        plain.model.weights,
        plain.model.settings,
        plain.shapes(),
        plain.pictures.given(),
    )
    data = with_remarks(opened_data(plain, progress=downloading))
    data.check_classes()
    if not data.classes:
        raise UsageError(f"{data.name} has numbers to answer with; transfer is for classes")
    request, strategy, notes = decided(request, data, found)
    if strategy == "scratch":
        found = found.anew()
    renewed = renew(found.network, data.classes, request.head, request.at, pool=request.pool)
    adapter = _adapter(found, renewed)
    config = configured(request, strategy, data)
    config = with_stages(config, request, strategy, renewed, adapter)
    config, more = fitting(config, data, adapter)
    start = _Start(root, name or Path(request.model).stem, found, request, counting)
    if request.at:
        start.notes.append(_pooled(found.network, renewed, request))
    start.notes += [*found.notes, *([found.guess] if found.guess else []), *notes, *more]
    whole = make_task(config, adapter, data, pictures=found.pictures)
    if strategy == "features":
        return _on_features(start, whole, config, callback)
    with Training(config, whole) as training:
        values = adapter.start(config.model.init, config.training.seed)
        if strategy in FINE_TUNED:
            training.load(values | _fitted_head(start, whole, config))
        else:
            training.load(values)
        folder = start.folder()
        return train_in(folder, training, callback, start.notes)


def _pooled(network: Network, renewed: Renewed, request: Request) -> str:
    """What the head gets of an earlier layer."""
    assert request.at is not None
    shape = network.shapes[value_at(network, request.at)]
    how = {"none": "all values", "mean": "the mean of each", "max": "the greatest of each"}
    numbers = f"{renewed.network.shapes[renewed.vector].elements:,} numbers a picture"
    if not shape.rank:
        return f"features are `{request.at}`: {numbers}"
    return f"features are {how[request.pool]} of `{request.at}`, {shape}: {numbers} (--pool)"


def resume(path: Path, callback: Callback, *, data: str | None = None, **changes: Any) -> Outcome:
    """Go on with any run, one on features too; `data` is where its data is now.

    Raises UsageError.
    """
    folder = RunFolder.open(path)
    choice = read_config(folder.config).transfer
    if choice is None or choice.strategy != "features":
        return resume_run(path, callback, data=data, **changes)

    def build(config: Config, whole: Task, kept: Path | None, steps: int) -> FeatureTraining:
        assert isinstance(whole.adapter, SpecAdapter)
        base, _ = read_tensors(folder.path / BASE)
        renewed = Renewed.of(whole.adapter.network, set(whole.adapter.parameters) - set(base))
        parts = read_kept(path, whole.data)
        return FeatureTraining(config, whole, renewed, parts, base, kept, steps)

    return resume_run(path, callback, build, data=data, **changes)


@dataclass
class _Start:
    """What a run begins with: where it goes, what is taken over, and what it is to say at first.

    `known` and `made` are where features lie already, or those that were made, in so many seconds.
    """

    root: Path
    name: str
    found: Pretrained
    request: Request
    counting: Counting
    notes: list[str] = field(default_factory=list[str])
    about: str = ""
    known: Path | None = None
    made: Features | None = None
    seconds: float = 0.0

    def base(self, renewed: Renewed) -> dict[str, Float]:
        """The values that are taken over."""
        assert self.found.weights is not None
        return values_of(renewed.network, self.found.weights, renewed.old())

    def folder(self) -> RunFolder:
        """A new folder, with the features that were needed. Raises OSError."""
        folder = RunFolder.create(self.root, self.name)
        if self.known:
            copy_kept(self.known, folder)
            self.notes.append(f"features are those of {self.known}")
        elif self.made:
            keep(self.made, self.about, self.seconds, folder)
            count, took = len(self.made.names), duration(self.seconds)
            self.notes.append(f"features of {count:,} pictures, made in {took}: {folder.path}")
            reasons = list(self.made.skipped.values())
            self.notes += [f"left out: {reason}" for reason in reasons[:MOST_TOLD]]
            if len(reasons) > MOST_TOLD:
                self.notes.append(f"left out: {len(reasons) - MOST_TOLD:,} more, named in log.txt")
            for reason in reasons:
                folder.note(f"left out: {reason}")
        return folder


def _adapter(found: Pretrained, renewed: Renewed) -> SpecAdapter:
    return SpecAdapter(found.network.name, found.preprocessing, None, renewed.network, found.text)


def _on_features(start: _Start, whole: Task, config: Config, callback: Callback) -> Outcome:
    """Features once, then a head on them."""
    renewed, base = _bare(start, whole)
    whole = replace(whole, adapter=_adapter(start.found, renewed))
    parts = _parts(start, whole, config, renewed, base)
    folder = start.folder()
    write_tensors(folder.path / BASE, base)
    with FeatureTraining(config, whole, renewed, parts, base) as training:
        training.begin()
        solved = solve if start.request.head == "logistic" else None
        return train_in(folder, training, callback, start.notes, solved)


def _fitted_head(start: _Start, whole: Task, config: Config) -> dict[str, Float]:
    """The weights with which fine-tuning begins: those taken over, and a head that suits them.

    A head that begins at random would first of all spoil what lies before it (Kumar et al. 2022,
    arXiv:2202.10054).
    """
    renewed, base = _bare(start, whole)
    request = start.request
    recipe = replace(
        configured(request.for_head(), "features", whole.data),
        transfer=TransferChoice("features", request.head, request.at),
    )
    recipe, _ = fitting(recipe, whole.data, whole.adapter)
    parts = _parts(start, whole, config, renewed, base)
    with FeatureTraining(recipe, whole, renewed, parts, base) as training:
        return training.fitted()


def _bare(start: _Start, whole: Task) -> tuple[Renewed, dict[str, Float]]:
    """The net with a new head that drops nothing out unless it is an mlp, and what is known."""
    request = start.request
    dropout = None if request.head == "mlp" else 0.0
    renewed = renew(
        start.found.network, whole.data.classes, request.head, request.at, dropout, request.pool
    )
    return renewed, start.base(renewed)


def _parts(
    start: _Start, whole: Task, config: Config, renewed: Renewed, base: Mapping[str, Float]
) -> dict[str, Part]:
    """The features of every example: an earlier run's, or new ones."""
    start.about = fingerprint(renewed.network, renewed.vector, base, whole.data, whole.picture)
    if earlier_run := find_kept(start.root, start.about):
        try:
            parts = read_kept(earlier_run, whole.data)
        except UsageError as e:
            start.notes.append(f"features are made again: {e}")
        else:
            start.known = earlier_run
            return parts
    found, earlier = start.found, start.request.at is not None
    assert found.weights is not None
    extractor = network_extractor(
        renewed.network if earlier else found.network,
        found.weights,
        (renewed.vector,) if earlier else (),
        device=config.training.device,
        threads=config.training.threads,
    )
    total, began = sum(len(split) for split in whole.data.splits.values()), monotonic()
    with start.counting("features", total) as progress:
        start.made = extract(extractor, whole.data, whole.picture, progress=progress)
    start.seconds = monotonic() - began
    return parts_of(start.made, whole.data)
