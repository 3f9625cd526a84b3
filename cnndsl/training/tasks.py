"""A net and data that go together: the pictures as the net takes them, the classes' weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cnndsl.data.augmentation import Augmentation
from cnndsl.data.dataset import Arrays, DataSet
from cnndsl.data.fitting import check_volumes
from cnndsl.data.recipe import read_augmentation
from cnndsl.data.statistics import measured, whole_or_middle
from cnndsl.data.targets import Classes, Masks, Numbers, PictureItself, Pictures, Target
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.pictures import PictureInput
from cnndsl.training.adapters import ModelAdapter
from cnndsl.training.config import Config
from cnndsl.weights.fetch import open_weights


@dataclass(frozen=True, slots=True)
class Task:
    """A net and the data that it is to learn: what a configuration's words mean."""

    adapter: ModelAdapter
    data: DataSet
    picture: PictureInput
    augmentation: Augmentation | None
    target: Target = field(default_factory=Classes)


def make_task(
    config: Config,
    adapter: ModelAdapter,
    data: DataSet,
    preprocessing: Preprocessing | None = None,
    pictures: Mapping[str, Any] | None = None,
) -> Task:
    """What is to be trained on what.

    The preprocessing is the one given, that of the net's weights, or else measured (0 to 1 for a
    net that is to give a picture); `pictures` are fields of it that are set by hand,
    by default the configuration's. Raises UsageError where net and data don't go together.
    """
    if adapter.wants_targets:
        _check_labelled(data)
    check_volumes(data, adapter.picture(whole_or_middle(data)))
    given = dict(config.pictures.given() if pictures is None else pictures)
    how = preprocessing or adapter.preprocessing
    if how is None and config.model.weights:
        how = open_weights(config.model.weights).preprocessing
    by_hand = bool(given.keys() & {"scale", "mean", "std", "order"})
    if how is None and not by_hand and not (adapter.reconstructs or data.paired):
        plain = adapter.picture(replace(whole_or_middle(data), **given))
        how = measured(data.train, plain, config.training.seed)
    try:
        picture = adapter.picture(replace(how or whole_or_middle(data), **given))
    except ValueError as e:
        raise UsageError(str(e)) from None
    augmentation = read_augmentation(config.data.augment, data.mirror)
    return Task(adapter, data, picture, augmentation, target_for(config, adapter, data, picture))


def target_for(
    config: Config, adapter: ModelAdapter, data: DataSet, picture: PictureInput
) -> Target:
    """What the net is to answer with. Raises UsageError."""
    if adapter.reconstructs and not adapter.wants_targets:
        _check_range(data)
        return PictureItself(picture, config.data.noise, config.training.seed)
    if config.data.noise:
        raise UsageError(
            f"--noise is for nets that are to give back the picture that went in, and the loss of "
            f"{adapter.name} asks for more; augmentation has noise too (--augment)"
        )
    if data.pixels:
        return Masks(picture, data.pixels)
    if data.paired:
        if not adapter.wants_numbers:
            raise UsageError(
                f"{data.name} has a picture for each picture, and the loss of {adapter.name} "
                f"compares with classes: `loss mse(out, target)` compares with pictures"
            )
        _check_range(data)
        return Pictures(picture)
    return Classes() if data.classes else Numbers()


def _check_labelled(data: DataSet) -> None:
    """Raise UsageError where there is nothing to tell apart."""
    data.check_labelled()
    if data.classes == 1:
        raise UsageError(
            f"{data.name} has a single class, `{data.labels[0]}`; training takes two at least"
        )
    if len(data.pixels) == 1:
        raise UsageError(
            f"the masks of {data.name} have a single class, `{data.pixels[0]}`; training takes two "
            f"at least"
        )


def _check_range(data: DataSet) -> None:
    """Raise UsageError where values are no pixels from 0 to 255, which scores compare."""
    sources = (s for split in data.splits.values() for s in (split.source, split.answers))
    for source in sources:
        if isinstance(source, Arrays) and source.images.dtype != np.uint8:
            least, most = source.images.min(), source.images.max()
            if least < 0 or most > 255:
                raise UsageError(
                    f"{data.name} has values from {least:g} to {most:g}, and a net that is to give "
                    f"pictures takes them from 0 to 1, or from 0 to 255"
                )


def class_weights(chosen: str, data: DataSet) -> Sequence[float] | None:
    """What `none`, `balanced` or a list of numbers means for these data. Raises UsageError.

    Balanced: examples / (classes · examples of the class), so that all classes count alike. A class
    of weight 0 takes no part in the loss.
    """
    if chosen == "none":
        return None
    classes = data.classes or len(data.pixels)
    if not classes:
        raise UsageError("class weights are for data with classes")
    if chosen == "balanced":
        if data.pixels:
            raise UsageError(
                "`--class-weights balanced` counts pictures, and masks have pixels: give a number "
                "for each class, as in 1,2.5"
            )
        counts = data.train.class_counts(classes)
        return [len(data.train) / (classes * max(int(n), 1)) for n in counts]
    try:
        weights = [float(part) for part in chosen.split(",")]
    except ValueError:
        raise UsageError(
            f"class weights are `none`, `balanced` or numbers such as 1,2.5; not `{chosen}`"
        ) from None
    if len(weights) != classes:
        raise UsageError(f"there are {len(weights)} class weights for {classes} classes")
    if not all(0 <= weight < float("inf") for weight in weights):
        raise UsageError(f"class weights are 0 or more, and `{chosen}` has others")
    if not np.asarray(weights)[... if data.pixels else data.train.targets].any():
        raise UsageError(f"with the class weights `{chosen}` no training example counts")
    return weights
