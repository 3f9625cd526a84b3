"""Data sets: opened from whatever they are kept in, split, augmented and dealt out in batches.

data = open_data("photos")                          # a folder of class folders, CSV, npz, idx, …
print(data.describe())
picture = PictureInput("image", "float32", 3, 224, 224, False, measured(data, 3))
with Loader(data.train, picture, batch=64, shuffle=True, last="drop") as loader:
    for batch in loader.epoch(0):
        batch.images, batch.targets
"""

from cnndsl.data.augmentation import PRESETS, Augmentation
from cnndsl.data.builtin import BUILTINS
from cnndsl.data.dataset import DataSet, Split
from cnndsl.data.loader import Batch, Loader
from cnndsl.data.opening import open_data
from cnndsl.data.recipe import read_augmentation
from cnndsl.data.statistics import measured, whole_or_middle

__all__ = [
    "BUILTINS",
    "PRESETS",
    "Augmentation",
    "Batch",
    "DataSet",
    "Loader",
    "Split",
    "measured",
    "open_data",
    "read_augmentation",
    "whole_or_middle",
]
