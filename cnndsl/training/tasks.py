"""A net and data that go together: the pictures as the net takes them, the classes' weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnndsl.data.augmentation import Augmentation
from cnndsl.data.dataset import DataSet
from cnndsl.data.recipe import read_augmentation
from cnndsl.data.statistics import measured, whole_or_middle
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


def make_task(
    config: Config,
    adapter: ModelAdapter,
    data: DataSet,
    preprocessing: Preprocessing | None = None,
    pictures: Mapping[str, Any] | None = None,
) -> Task:
    """What is to be trained on what.

    The preprocessing is the one given, that of the net's weights, or else measured (0 to 1 for a
    net that is to give back the picture); `pictures` are fields of it that are set by hand,
    by default the configuration's. Raises UsageError where net and data don't go together.
    """
    given = dict(config.pictures.given() if pictures is None else pictures)
    how = preprocessing or adapter.preprocessing
    if how is None and config.model.weights:
        how = open_weights(config.model.weights).preprocessing
    by_hand = bool(given.keys() & {"scale", "mean", "std", "order"})
    if how is None and not by_hand and not adapter.reconstructs:
        plain = adapter.picture(replace(whole_or_middle(data), **given))
        how = measured(data.train, plain, config.training.seed)
    try:
        picture = adapter.picture(replace(how or whole_or_middle(data), **given))
    except ValueError as e:
        raise UsageError(str(e)) from None
    return Task(adapter, data, picture, read_augmentation(config.data.augment, data.mirror))


def class_weights(chosen: str, data: DataSet) -> Sequence[float] | None:
    """What `none`, `balanced` or a list of numbers means for these data. Raises UsageError.

    Balanced: examples / (classes · examples of the class), so that all classes count alike. A class
    of weight 0 takes no part in the loss.
    """
    if chosen == "none":
        return None
    if not data.classes:
        raise UsageError("class weights are for data with classes")
    if chosen == "balanced":
        counts = data.train.class_counts(data.classes)
        return [len(data.train) / (data.classes * max(int(n), 1)) for n in counts]
    try:
        weights = [float(part) for part in chosen.split(",")]
    except ValueError:
        raise UsageError(
            f"class weights are `none`, `balanced` or numbers such as 1,2.5; not `{chosen}`"
        ) from None
    if len(weights) != data.classes:
        raise UsageError(f"there are {len(weights)} class weights for {data.classes} classes")
    if not all(0 <= weight < float("inf") for weight in weights):
        raise UsageError(f"class weights are 0 or more, and `{chosen}` has others")
    if not np.asarray(weights)[data.train.targets].any():
        raise UsageError(f"with the class weights `{chosen}` no training example counts")
    return weights
